/// Hears how a command goes while it goes.
pub trait Talk {
    /// A sentence for people, at once.
    fn note(&mut self, _sentence: &str) {}

    /// Text that belongs to the answer and comes piece by piece: the log of a run that is followed.
    fn print(&mut self, _text: &str) {}

    /// So much of a transfer is done. `done == total` is its end.
    fn transfer(&mut self, _what: &str, _done: u64, _total: u64) {}

    /// Asks for something that nobody else may read; none where nobody can be asked.
    fn ask_secret(&mut self, _prompt: &str) -> Option<String> {
        None
    }

    /// True when whoever waits has had enough.
    fn interrupted(&self) -> bool {
        false
    }
}

/// Hears nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quiet;

impl Talk for Quiet {}

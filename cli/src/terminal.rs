//! What is written where: data to stdout, talk to stderr, colours only for a person.

use std::io::{ErrorKind, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use lazuli_actions::Talk;
use lazuli_domain::ApiError;
use serde_json::Value;

use crate::config::colours_wanted;

/// Smaller transfers are over before anybody has seen a bar.
const WORTH_A_BAR: u64 = 1_000_000;

pub struct Terminal {
    pub json: bool,
    colours: bool,
}

/// One sentence and, where there is one, the next step.
#[derive(Debug)]
pub struct Failure {
    pub message: String,
    pub hint: Option<String>,
}

impl Failure {
    pub fn new(message: impl Into<String>) -> Failure {
        Failure { message: message.into(), hint: None }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hint = Some(hint.into());
        self
    }
}

impl From<lazuli::Error> for Failure {
    fn from(error: lazuli::Error) -> Failure {
        ApiError::from(error).into()
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Failure {
        Failure { message: error.message, hint: error.hint }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Failure {
        match error.downcast::<ApiError>() {
            Ok(error) => error.into(),
            Err(error) => Failure::new(format!("{error:#}")),
        }
    }
}

impl Terminal {
    pub fn new(json: bool) -> Terminal {
        Terminal { json, colours: colours_wanted() && std::io::stderr().is_terminal() }
    }

    /// The answer, with a newline at its end. Who reads no further ends the program quietly.
    pub fn data(&self, text: &str) -> Result<(), Failure> {
        if text.is_empty() {
            return Ok(());
        }
        let newline = if text.ends_with('\n') { "" } else { "\n" };
        write_out(format!("{text}{newline}").as_bytes())
    }

    /// The answer in JSON.
    pub fn json(&self, value: &Value) -> Result<(), Failure> {
        self.data(&format!("{value:#}"))
    }

    /// A sentence for people.
    pub fn note(&self, sentence: &str) {
        eprintln!("{sentence}");
    }

    pub fn failure(&self, failure: &Failure) {
        eprintln!("{} {}", self.paint("31;1", "error:"), failure.message);
        if let Some(hint) = &failure.hint {
            eprintln!("{} {hint}", self.paint("36;1", "hint:"));
        }
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        match self.colours {
            true => format!("\u{1b}[{colour}m{text}\u{1b}[0m"),
            false => text.to_owned(),
        }
    }

    pub fn talk(&self) -> Conversation<'_> {
        Conversation { terminal: self, bar: None, failed: None }
    }
}

fn write_out(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => Err(Failure::new(format!("the answer cannot be written: {error}"))),
    }
}

/// Says how a command goes.
pub struct Conversation<'t> {
    terminal: &'t Terminal,
    bar: Option<ProgressBar>,
    /// Why stdout took no more.
    failed: Option<Failure>,
}

impl Conversation<'_> {
    /// Ends the conversation; fails when something said could not be written.
    pub fn end(self) -> Result<(), Failure> {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
        self.failed.map_or(Ok(()), Err)
    }
}

impl Talk for Conversation<'_> {
    fn note(&mut self, sentence: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.terminal.note(sentence)),
            None => self.terminal.note(sentence),
        }
    }

    fn print(&mut self, text: &str) {
        // With --json, stdout holds one JSON value and nothing else.
        if self.terminal.json {
            eprint!("{text}");
        } else if let Err(failure) = write_out(text.as_bytes()) {
            self.failed = Some(failure);
        }
    }

    fn transfer(&mut self, what: &str, done: u64, total: u64) {
        if done >= total {
            if let Some(bar) = self.bar.take() {
                bar.finish_and_clear();
            }
            return;
        }
        if total < WORTH_A_BAR {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::new(total);
            let style =
                "{msg} {bar:30} {decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec}";
            if let Ok(style) = ProgressStyle::with_template(style) {
                bar.set_style(style);
            }
            bar
        });
        bar.set_message(what.to_owned());
        bar.set_position(done);
    }

    fn ask_secret(&mut self, prompt: &str) -> Option<String> {
        let at_terminal = std::io::stdin().is_terminal();
        let hidden = if at_terminal {
            eprint!("{prompt}");
            HiddenInput::begin()
        } else {
            None
        };
        let mut line = String::new();
        let read = std::io::stdin().read_line(&mut line);
        drop(hidden);
        if at_terminal {
            eprintln!();
        }
        let value = line.trim_end_matches(['\n', '\r']);
        read.ok().filter(|count| *count > 0).map(|_| value.to_owned())
    }

    fn interrupted(&self) -> bool {
        self.failed.is_some()
    }
}

/// What is typed is not shown while this lives.
struct HiddenInput {
    before: libc::termios,
}

impl HiddenInput {
    fn begin() -> Option<HiddenInput> {
        // SAFETY: `termios` is plain data that tcgetattr fills; it is used only when that worked.
        let before = unsafe {
            let mut before: libc::termios = std::mem::zeroed();
            (libc::tcgetattr(libc::STDIN_FILENO, &mut before) == 0).then_some(before)?
        };
        let mut silent = before;
        silent.c_lflag &= !libc::ECHO;
        // SAFETY: `silent` is what tcgetattr filled, with one flag cleared.
        let set = unsafe { libc::tcsetattr(libc::STDIN_FILENO, libc::TCSANOW, &silent) };
        (set == 0).then_some(HiddenInput { before })
    }
}

impl Drop for HiddenInput {
    fn drop(&mut self) {
        // SAFETY: `before` is what tcgetattr filled.
        unsafe { libc::tcsetattr(libc::STDIN_FILENO, libc::TCSANOW, &self.before) };
    }
}

/// Looks every few milliseconds whether something is so; false when it is not in time.
pub fn wait_until(time: Duration, mut so: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + time;
    loop {
        if so() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

use std::time::Duration;

use lazuli::Result;
use lazuli::client::EventQuery;
use lazuli_domain::{ErrorKind, Run, RunStatus};

use crate::show::{duration, last_values};
use crate::{Context, Talk};

/// How often an interrupt is looked for while nothing happens.
const GLANCE: Duration = Duration::from_millis(200);

/// Prints a log from its beginning while it grows, until the run has ended. None when whoever
/// waits has had enough before.
pub(crate) fn follow_log(
    context: &Context,
    talk: &mut dyn Talk,
    run_id: &str,
    file: &str,
) -> Result<Option<Run>> {
    let client = &context.client;
    // Open before the first look, so that nothing happens unseen between the two.
    let mut events =
        client.events(&EventQuery { run: Some(run_id.to_owned()), ..EventQuery::default() })?;
    let mut printed = LogReader { offset: 0, rest: Vec::new() };
    loop {
        // Asked for before the log: a run that has ended then has its whole log in place.
        let run = client.run(run_id)?;
        printed.read_on(context, talk, run_id, file)?;
        if run.status.is_final() {
            printed.finish(talk);
            return Ok(Some(run));
        }
        while events.next_within(GLANCE)?.is_none() {
            if talk.interrupted() {
                return Ok(None);
            }
        }
        if talk.interrupted() {
            return Ok(None);
        }
    }
}

struct LogReader {
    offset: u64,
    /// The beginning of a character whose other bytes are still to come.
    rest: Vec<u8>,
}

impl LogReader {
    fn read_on(
        &mut self,
        context: &Context,
        talk: &mut dyn Talk,
        run_id: &str,
        file: &str,
    ) -> Result<()> {
        loop {
            let chunk = match context.client.read_log(run_id, file, self.offset) {
                Ok(chunk) => chunk,
                // The script has not said anything yet.
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(error),
            };
            self.offset += chunk.bytes.len() as u64;
            if !chunk.bytes.is_empty() {
                self.rest.extend_from_slice(&chunk.bytes);
                let whole = whole_characters(&self.rest);
                talk.print(&String::from_utf8_lossy(&self.rest[..whole]));
                self.rest.drain(..whole);
            }
            if chunk.bytes.is_empty() || self.offset >= chunk.size {
                return Ok(());
            }
        }
    }

    fn finish(&mut self, talk: &mut dyn Talk) {
        if !self.rest.is_empty() {
            talk.print(&String::from_utf8_lossy(&self.rest));
            self.rest.clear();
        }
    }
}

/// How many bytes end with a whole character; bytes that are no UTF-8 at all count as whole.
fn whole_characters(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        _ => match bytes.iter().rposition(|byte| *byte < 0x80 || *byte >= 0xC0) {
            Some(start) => {
                let tail = std::str::from_utf8(&bytes[start..]);
                let torn = tail.is_err_and(|error| error.error_len().is_none());
                if torn { start } else { bytes.len() }
            }
            None => bytes.len(),
        },
    }
}

/// What became of a run, in a sentence.
pub(crate) fn how_it_ended(run: &Run) -> String {
    let run_id = &run.run_id;
    let time = match (run.started_at_ms, run.ended_at_ms) {
        (Some(started), Some(ended)) => format!(" after {}", duration(ended - started)),
        _ => String::new(),
    };
    match run.status {
        RunStatus::Completed => match last_values(&run.metrics) {
            metrics if metrics.is_empty() => format!("run `{run_id}` completed{time}"),
            metrics => format!("run `{run_id}` completed{time}: {metrics}"),
        },
        RunStatus::Failed => match &run.error {
            Some(error) if !error.message.is_empty() => {
                format!("run `{run_id}` failed{time}: {}", error.message)
            }
            _ => format!("run `{run_id}` failed{time}"),
        },
        RunStatus::Canceled => format!("run `{run_id}` was canceled{time}"),
        RunStatus::CancelRequested => format!("run `{run_id}` is being canceled"),
        alive => format!("run `{run_id}` is {alive}"),
    }
}

#[cfg(test)]
mod tests {
    use super::whole_characters;

    #[test]
    fn a_torn_character_waits_for_its_rest() {
        let text = "aß€".as_bytes();
        assert_eq!(whole_characters(text), 6);
        assert_eq!(whole_characters(&text[..5]), 3);
        assert_eq!(whole_characters(&text[..4]), 3);
        assert_eq!(whole_characters(&text[..2]), 1);
        assert_eq!(whole_characters(&[b'a', 0xFF, b'b']), 3);
        assert_eq!(whole_characters(&[0xFF, 0xC3]), 1);
        assert_eq!(whole_characters(&[]), 0);
    }
}

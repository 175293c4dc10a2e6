use std::io::{BufRead, BufReader};
use std::time::{Duration, Instant};

use lazuli_domain::{ApiError, ErrorKind, Event};

use super::transport::{Body, ResponseBody, is_timeout};
use super::{Client, query};
use crate::{Error, Result};

/// The daemon says something at least every 15 s; a connection silent for longer is dead.
const SILENCE: Duration = Duration::from_secs(40);

/// Which events to hear of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventQuery {
    /// Events after this sequence number; from now on when absent.
    pub after: Option<u64>,
    pub run: Option<String>,
    pub experiment: Option<String>,
    pub workspace: Option<String>,
}

impl Client {
    /// What happens from now on, or after a sequence number.
    ///
    /// The stream is open when this returns: what happens later is in it.
    pub fn events(&self, filter: &EventQuery) -> Result<EventStream> {
        let mut filter = filter.clone();
        // So that nothing is missed should the connection break before the first event.
        if filter.after.is_none() {
            filter.after = Some(self.status()?.last_event);
        }
        let body = open(self, &filter)?;
        let (client, line) = (self.clone(), Vec::new());
        Ok(EventStream { client, filter, body: Some(body), line, starts_daemon: true })
    }
}

/// Events as they happen. The iterator waits for the next one; it ends only with an error, when
/// the daemon is gone and cannot be started again. A connection that breaks is opened again where
/// it broke, so no event is missed and none comes twice.
#[derive(Debug)]
pub struct EventStream {
    client: Client,
    filter: EventQuery,
    body: Option<BufReader<ResponseBody>>,
    /// The line that is being read.
    line: Vec<u8>,
    /// Whether a daemon that is gone is started again to go on.
    starts_daemon: bool,
}

impl EventStream {
    /// Ends with an error when the daemon is gone: who stopped it, meant it.
    pub fn without_starting(mut self) -> EventStream {
        self.starts_daemon = false;
        self
    }

    /// The next event, if one comes within that time.
    pub fn next_within(&mut self, time: Duration) -> Result<Option<Event>> {
        self.next_until(Some(Instant::now() + time))
    }

    /// Sequence number of the last event that was seen.
    pub fn position(&self) -> u64 {
        self.filter.after.unwrap_or_default()
    }

    fn next_until(&mut self, deadline: Option<Instant>) -> Result<Option<Event>> {
        let mut reopened = false;
        loop {
            match self.read_event(deadline) {
                Ok(Some(event)) => {
                    self.filter.after = Some(event.sequence);
                    return Ok(Some(event));
                }
                Ok(None) => return Ok(None),
                Err(Broken::Content(error)) => return Err(error),
                Err(Broken::Connection(error)) => {
                    self.line.clear();
                    self.body = None;
                    if std::mem::replace(&mut reopened, true) {
                        return Err(Error::io("the event stream broke off", error));
                    }
                    self.client = match self.starts_daemon {
                        true => Client::connect_to(self.client.home())?,
                        false => Client::connect_existing_to(self.client.home())?
                            .ok_or_else(|| ApiError::unavailable("the daemon has stopped"))?,
                    };
                    self.body = Some(open(&self.client, &self.filter)?);
                }
            }
        }
    }

    fn read_event(&mut self, deadline: Option<Instant>) -> Result<Option<Event>, Broken> {
        let Some(body) = &mut self.body else {
            return Err(Broken::Connection(std::io::ErrorKind::NotConnected.into()));
        };
        let mut silent_since = Instant::now();
        loop {
            let dead_at = silent_since + SILENCE;
            let until = deadline.map_or(dead_at, |deadline| deadline.min(dead_at));
            let left = until.saturating_duration_since(Instant::now());
            body.get_ref()
                .set_timeout(left.max(Duration::from_millis(1)))
                .map_err(Broken::Connection)?;
            match body.read_until(b'\n', &mut self.line) {
                Ok(_) if self.line.ends_with(b"\n") => {}
                Ok(_) => {
                    return Err(Broken::Connection(std::io::ErrorKind::UnexpectedEof.into()));
                }
                Err(error) if is_timeout(&error) => {
                    if Instant::now() < dead_at {
                        return Ok(None);
                    }
                    return Err(Broken::Connection(error));
                }
                Err(error) => return Err(Broken::Connection(error)),
            }
            silent_since = Instant::now();
            // Each event is one `data` line; `id` and `event` repeat what it says.
            let event = self.line.strip_prefix(b"data:").map(serde_json::from_slice::<Heard>);
            let event = event.transpose().map_err(|error| {
                let message = format!("an event of the daemon is not understood: {error}");
                let error = Error::caused_by(ApiError::new(ErrorKind::Internal, message), error);
                Broken::Content(error)
            });
            self.line.clear();
            if let Some(Heard::Event(event)) = event? {
                return Ok(Some(event));
            }
        }
    }
}

impl Iterator for EventStream {
    type Item = Result<Event>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_until(None).transpose()
    }
}

/// What a `data` line says.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Heard {
    Event(Event),
    /// `catch_up`: this listener is slow; the stream goes on all the same.
    Notice {
        #[serde(rename = "newest")]
        _newest: u64,
    },
}

enum Broken {
    Connection(std::io::Error),
    Content(Error),
}

fn open(client: &Client, filter: &EventQuery) -> Result<BufReader<ResponseBody>> {
    let after = filter.after.map(|sequence| sequence.to_string());
    let parameters = [
        ("after", after.as_deref()),
        ("run", filter.run.as_deref()),
        ("experiment", filter.experiment.as_deref()),
        ("workspace", filter.workspace.as_deref()),
    ];
    let response =
        client.send("GET", &format!("/api/events{}", query(&parameters)), Body::Empty)?;
    Ok(BufReader::new(response.body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_among_events_ends_no_stream() {
        let heard = |line: &str| serde_json::from_str::<Heard>(line);
        let event = r#"{"sequence":7,"time_ms":1,"workspace":"w","type":"run_created"}"#;
        assert!(matches!(heard(event), Ok(Heard::Event(event)) if event.sequence == 7));
        let notice = r#"{"type":"catch_up","after":3,"newest":9}"#;
        assert!(matches!(heard(notice), Ok(Heard::Notice { .. })));
        assert!(heard(r#"{"type":"something"}"#).is_err());
    }
}

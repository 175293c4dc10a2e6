//! The way to the daemon: which one it is, and what happens while there is none.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use lazuli::client::Client;
use lazuli::domain::{ErrorKind, VERSION};
use lazuli::{Error, Home};

/// A daemon that somebody restarts is back within this time; after it the agent starts one itself.
const UNTIL_START: Duration = Duration::from_secs(5);
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

pub struct Daemon {
    home: Home,
    client: Mutex<Option<Client>>,
}

/// Why something could not be told to the daemon, however long one tries.
#[derive(Debug)]
pub enum Undeliverable {
    /// The daemon understood and refused.
    Refused(Error),
    /// The home was removed, and the run with it.
    HomeGone,
    /// The caller does not want to try any longer.
    GivenUp(Option<Error>),
}

impl Daemon {
    pub fn new(home: Home) -> Daemon {
        Daemon { home, client: Mutex::new(None) }
    }

    pub fn home(&self) -> &Home {
        &self.home
    }

    /// Calls until the daemon has answered. `pause` waits before the next attempt and says whether
    /// there is to be one.
    pub fn call<T>(
        &self,
        mut call: impl FnMut(&Client) -> Result<T, Error>,
        mut pause: impl FnMut(Duration) -> bool,
    ) -> Result<T, Undeliverable> {
        let mut outage: Option<Instant> = None;
        let mut time = SHORTEST_PAUSE;
        loop {
            let problem = match self.client() {
                Ok(Some(client)) => match call(&client) {
                    Ok(answer) => return Ok(answer),
                    Err(error) if is_passing(&error) => Some(error),
                    Err(error) => return Err(Undeliverable::Refused(error)),
                },
                Ok(None) => None,
                Err(error) if error.kind() == ErrorKind::VersionMismatch => {
                    return Err(Undeliverable::Refused(error));
                }
                Err(error) => Some(error),
            };
            self.forget();
            if !self.home.path().exists() {
                return Err(Undeliverable::HomeGone);
            }
            let since = *outage.get_or_insert_with(Instant::now);
            match &problem {
                Some(error) => tracing::warn!("the daemon was not told: {error}"),
                None => tracing::warn!("no daemon is there"),
            }
            if problem.is_none() && since.elapsed() >= UNTIL_START && !self.is_remote() {
                match Client::connect_to(&self.home) {
                    Ok(_) => continue,
                    Err(error) => tracing::warn!("no daemon could be started: {error}"),
                }
            }
            if !pause(time) {
                return Err(Undeliverable::GivenUp(problem));
            }
            time = (time * 2).min(LONGEST_PAUSE);
        }
    }

    /// Whether this is another machine than the daemon's.
    pub fn is_remote(&self) -> bool {
        self.home.daemon_info().is_ok_and(|info| info.is_some_and(|info| info.is_remote))
    }

    /// True when a daemon of this home answers now.
    pub fn is_there(&self) -> bool {
        self.forget();
        self.client().is_ok_and(|client| client.is_some_and(|client| client.status().is_ok()))
    }

    fn client(&self) -> Result<Option<Client>, Error> {
        let mut known = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if known.is_none() {
            // One that does not start a daemon by itself: there may be somebody about to.
            *known = Client::connect_existing_to(&self.home)?;
        }
        match &*known {
            Some(client) if client.daemon().version != VERSION => {
                let message = format!(
                    "the daemon is version {}, this agent is version {VERSION}",
                    client.daemon().version
                );
                Err(lazuli::domain::ApiError::new(ErrorKind::VersionMismatch, message).into())
            }
            client => Ok(client.clone()),
        }
    }

    fn forget(&self) {
        *self.client.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Failures that may be gone a moment later.
fn is_passing(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Internal | ErrorKind::Unauthorized)
}

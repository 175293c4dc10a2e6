//! Who may use Studio: a code, given out to who has the token and good for one use, becomes a session
//! of a browser.
//!
//! Codes are kept in memory only. Sessions lie in a file of the home beside the token, as digests:
//! who reads it can sign in nowhere, and no backup of the database holds it.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lazuli_domain::{ApiError, BrowserSession, ErrorKind, SignInCode};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::clock::now_ms;
use crate::error::{Error, FileContext, Result};
use crate::home::{hex, random, write_private};

/// A browser opens within moments.
const CODE_LIFE_MS: i64 = 2 * 60 * 1000;
pub const SESSION_LIFE_MS: i64 = 30 * 24 * 60 * 60 * 1000;
const MOST_CODES: usize = 20;
const MOST_SESSIONS: usize = 200;

pub struct SignIn {
    file: PathBuf,
    state: Mutex<State>,
}

struct State {
    codes: Vec<Code>,
    sessions: Vec<Kept>,
}

struct Code {
    digest: String,
    ends_at_ms: i64,
}

#[derive(Clone, Serialize, Deserialize)]
struct Kept {
    digest: String,
    #[serde(flatten)]
    session: BrowserSession,
}

impl SignIn {
    pub fn open(file: PathBuf) -> Result<SignIn> {
        let sessions = match std::fs::read(&file) {
            Ok(text) => serde_json::from_slice(&text).unwrap_or_else(|error| {
                // Whoever was signed in signs in again; that is no reason not to start.
                tracing::warn!(%error, path = %file.display(), "the sessions of browsers are unreadable");
                Vec::new()
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(source) => {
                return Err(Error::File {
                    action: format!("reading `{}`", file.display()),
                    source,
                });
            }
        };
        Ok(SignIn { file, state: Mutex::new(State { codes: Vec::new(), sessions }) })
    }

    /// An address below `url` that signs one browser in.
    pub fn give_code(&self, url: &str) -> Result<SignInCode> {
        let code = hex(&random::<32>()?);
        let ends_at_ms = now_ms() + CODE_LIFE_MS;
        let mut state = self.state();
        if state.codes.len() >= MOST_CODES {
            state.codes.remove(0);
        }
        state.codes.push(Code { digest: digest(&code), ends_at_ms });
        Ok(SignInCode { url: format!("{url}/studio/enter#code={code}"), ends_at_ms })
    }

    /// The secret of a new session, for who has a code that was not used.
    pub fn enter(&self, code: &str, browser: &str) -> Result<(String, BrowserSession)> {
        let mut state = self.state();
        let given = digest(code);
        let Some(at) = state.codes.iter().position(|code| code.digest == given) else {
            return Err(refused("this code was used before, or is none"));
        };
        let code = state.codes.remove(at);
        let now = now_ms();
        if code.ends_at_ms < now {
            return Err(refused("this code is too old"));
        }
        let secret = hex(&random::<32>()?);
        let session = BrowserSession {
            id: hex(&random::<8>()?),
            browser: lazuli_domain::shown(browser, 160),
            created_at_ms: now,
            ends_at_ms: now + SESSION_LIFE_MS,
            is_own: false,
        };
        let mut sessions = state.sessions.clone();
        sessions.retain(|kept| kept.session.ends_at_ms > now);
        if sessions.len() >= MOST_SESSIONS {
            sessions.remove(0);
        }
        sessions.push(Kept { digest: digest(&secret), session: session.clone() });
        self.keep(&mut state, sessions)?;
        Ok((secret, session))
    }

    /// The session that the secret belongs to.
    pub fn session_of(&self, secret: &str) -> Option<String> {
        let (given, now) = (digest(secret), now_ms());
        let state = self.state();
        let kept = state.sessions.iter().find(|kept| kept.digest == given)?;
        (kept.session.ends_at_ms > now).then(|| kept.session.id.clone())
    }

    /// Those that have not ended, the newest first.
    pub fn sessions(&self, own: Option<&str>) -> Vec<BrowserSession> {
        let now = now_ms();
        let state = self.state();
        let alive = state.sessions.iter().rev().filter(|kept| kept.session.ends_at_ms > now);
        alive
            .map(|kept| {
                let session = kept.session.clone();
                BrowserSession { is_own: own == Some(session.id.as_str()), ..session }
            })
            .collect()
    }

    pub fn end(&self, id: &str) -> Result<()> {
        let mut state = self.state();
        let mut sessions = state.sessions.clone();
        sessions.retain(|kept| kept.session.id != id);
        if sessions.len() == state.sessions.len() {
            return Err(ApiError::not_found("session", id).into());
        }
        self.keep(&mut state, sessions)
    }

    fn keep(&self, state: &mut State, sessions: Vec<Kept>) -> Result<()> {
        let text = serde_json::to_vec(&sessions)
            .map_err(|error| Error::Defect(format!("sessions have no JSON form: {error}")))?;
        write_private(&self.file, &text)
            .while_trying(|| format!("writing `{}`", self.file.display()))?;
        state.sessions = sessions;
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Whoever panicked while holding it left lists that are whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refused(message: &str) -> Error {
    ApiError::new(ErrorKind::Unauthorized, message)
        .hint("run `lazuli studio` again; it opens Studio with a new one")
        .into()
}

fn digest(secret: &str) -> String {
    hex(&Sha256::digest(secret.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_signs_in_once_and_what_is_kept_signs_nobody_in() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("studio-sessions.json");
        let sign_in = SignIn::open(file.clone()).unwrap();
        let code = sign_in.give_code("http://127.0.0.1:1").unwrap();
        let code = code.url.rsplit_once("#code=").unwrap().1.to_owned();
        let (secret, session) = sign_in.enter(&code, "Browser").unwrap();
        assert!(sign_in.enter(&code, "Browser").is_err());
        assert_eq!(sign_in.session_of(&secret).as_ref(), Some(&session.id));
        assert_eq!(sign_in.session_of(&code), None);
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(!text.contains(&secret) && !text.contains(&code));

        // A daemon that is started again knows it; one that was ended is nobody's.
        let again = SignIn::open(file).unwrap();
        assert_eq!(again.session_of(&secret).as_ref(), Some(&session.id));
        assert!(again.sessions(Some(&session.id))[0].is_own);
        again.end(&session.id).unwrap();
        assert_eq!(again.session_of(&secret), None);
        assert!(again.end(&session.id).is_err());
    }

    #[test]
    fn an_old_code_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let sign_in = SignIn::open(folder.path().join("sessions")).unwrap();
        let code = sign_in.give_code("").unwrap().url.rsplit_once('=').unwrap().1.to_owned();
        sign_in.state().codes[0].ends_at_ms = now_ms() - 1;
        assert!(sign_in.enter(&code, "").is_err());
    }
}

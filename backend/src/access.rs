//! Access tokens: what opens the daemon for programs, by names, beside the one token of the home.
//!
//! They stand in memory, because every request asks for one: one daemon serves a database, so nobody
//! else changes them. A change is committed first, and holds from that moment on. Only digests are
//! kept; whoever lost a token makes another one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lazuli_domain::readable::date_time;
use lazuli_domain::{
    AccessToken, ApiError, ErrorKind, MAX_TOKEN_DAYS, MadeAccessToken, NewAccessToken, check_name,
};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use crate::app::App;
use crate::clock::now_ms;
use crate::error::{Error, Result};
use crate::home::{hex, random};
use crate::store::access_tokens::{self, StoredToken};

/// Programs that look for forgotten credentials know a token by its beginning.
const PREFIX: &str = "lazuli_";
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// How exactly the database knows when a token was last used: a write for each request would cost more
/// than the request.
const USE_IS_WRITTEN_MS: i64 = 60 * 1000;
/// For so long who uses a revoked token is told that it was revoked.
const REVOKED_LIFE_MS: i64 = 90 * DAY_MS;

pub struct Access {
    /// By digest.
    known: Mutex<HashMap<String, Known>>,
    /// Says that one was revoked.
    revocations: watch::Sender<()>,
}

struct Known {
    stored: StoredToken,
    /// The use that the database knows of.
    written_at_ms: i64,
}

/// The leave that a request has by an access token. What goes on for long asks whether it still holds.
#[derive(Clone)]
pub struct Leave {
    digest: String,
    ends_at_ms: Option<i64>,
    revocations: watch::Receiver<()>,
}

impl Access {
    pub fn new(stored: Vec<StoredToken>) -> Access {
        let known = stored.into_iter().map(|stored| (stored.digest.clone(), Known::new(stored)));
        Access { known: Mutex::new(known.collect()), revocations: watch::Sender::new(()) }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        // Whoever panicked while holding it left a map that is whole.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why the token with that digest opens nothing; `None`: it does.
    fn refusal(&self, digest: &str) -> Option<ApiError> {
        match self.known().get(digest) {
            Some(known) => known.refusal(now_ms()),
            None => Some(unknown()),
        }
    }
}

impl Known {
    fn new(stored: StoredToken) -> Known {
        Known { written_at_ms: stored.token.last_used_at_ms.unwrap_or(i64::MIN), stored }
    }

    fn refusal(&self, now: i64) -> Option<ApiError> {
        let AccessToken { name, expires_at_ms, .. } = &self.stored.token;
        let problem = match (self.stored.revoked_at_ms, expires_at_ms) {
            (Some(_), _) => "was revoked".to_owned(),
            (None, Some(end)) if *end <= now => format!("expired on {}", date_time(*end)),
            _ => return None,
        };
        let message = format!("the access token `{name}` {problem}");
        Some(
            ApiError::new(ErrorKind::Unauthorized, message).hint(
                "make another one, with `lazuli token create` or on the page Settings of Studio",
            ),
        )
    }
}

impl Leave {
    /// False from the moment on in which the token is revoked or expires.
    pub fn holds(&self, app: &App) -> bool {
        app.access.refusal(&self.digest).is_none()
    }

    /// Waits until it holds no longer.
    pub async fn until_ended(&mut self, app: &App) {
        while self.holds(app) {
            let left = self.ends_at_ms.map(|end| (end - now_ms()).max(1).unsigned_abs());
            // A timer of ten years is more than the clock takes; a day later it is looked at again.
            let sleep = Duration::from_millis(left.unwrap_or(u64::MAX).min(DAY_MS.unsigned_abs()));
            tokio::select! {
                _ = tokio::time::sleep(sleep) => {}
                changed = self.revocations.changed() => if changed.is_err() { return },
            }
        }
    }
}

pub async fn create(app: &Arc<App>, new: NewAccessToken) -> Result<MadeAccessToken> {
    check_name("access token", &new.name)?;
    let now = now_ms();
    let expires_at_ms = match new.expires_in_days {
        None => None,
        Some(days @ 1..=MAX_TOKEN_DAYS) => Some(now + i64::from(days) * DAY_MS),
        Some(days) => {
            return Err(ApiError::invalid(format!("an access token cannot expire in {days} days"))
                .hint(format!(
                    "give 1 to {MAX_TOKEN_DAYS} days, or none: it lasts until it is revoked"
                ))
                .into());
        }
    };
    let token = format!("{PREFIX}{}", hex(&random::<32>()?));
    let access_token =
        AccessToken { name: new.name, created_at_ms: now, last_used_at_ms: None, expires_at_ms };
    let stored =
        StoredToken { token: access_token.clone(), digest: digest(&token), revoked_at_ms: None };
    let kept = Arc::clone(app);
    app.store
        .write(move |write| {
            let oldest = now - REVOKED_LIFE_MS;
            access_tokens::forget_revoked(write, oldest)?;
            access_tokens::insert(write, &stored)?;
            write.after_commit(move || {
                let mut known = kept.access.known();
                known.retain(|_, known| known.stored.revoked_at_ms.is_none_or(|at| at >= oldest));
                known.insert(stored.digest.clone(), Known::new(stored));
            });
            Ok(())
        })
        .await?;
    Ok(MadeAccessToken { token, access_token })
}

/// Those that are not revoked, by name.
pub fn list(app: &App) -> Vec<AccessToken> {
    let known = app.access.known();
    let alive = known.values().filter(|known| known.stored.revoked_at_ms.is_none());
    let mut tokens: Vec<AccessToken> = alive.map(|known| known.stored.token.clone()).collect();
    tokens.sort_by(|one, other| one.name.cmp(&other.name));
    tokens
}

/// From the answer on nothing is opened by it, and what it had opened is closed.
pub async fn revoke(app: &Arc<App>, name: String) -> Result<()> {
    let kept = Arc::clone(app);
    app.store
        .write(move |write| {
            let now = now_ms();
            let digest = access_tokens::revoke(write, &name, now)?;
            write.after_commit(move || {
                if let Some(known) = kept.access.known().get_mut(&digest) {
                    known.stored.revoked_at_ms = Some(now);
                }
                kept.access.revocations.send_replace(());
            });
            Ok(())
        })
        .await
}

/// The leave that somebody has who sent this token.
pub fn enter(app: &Arc<App>, token: &str) -> Result<Leave, ApiError> {
    let digest = digest(token);
    let now = now_ms();
    let mut tokens = app.access.known();
    let Some(known) = tokens.get_mut(&digest) else { return Err(unknown()) };
    if let Some(refusal) = known.refusal(now) {
        return Err(refusal);
    }
    known.stored.token.last_used_at_ms = Some(now);
    if now.saturating_sub(known.written_at_ms) >= USE_IS_WRITTEN_MS {
        known.written_at_ms = now;
        write_use(app, digest.clone(), now);
    }
    Ok(Leave {
        digest,
        ends_at_ms: known.stored.token.expires_at_ms,
        revocations: app.access.revocations.subscribe(),
    })
}

/// Nobody waits for it: that a token was used is good to know, and no reason to refuse a request.
fn write_use(app: &Arc<App>, digest: String, now: i64) {
    let app = Arc::clone(app);
    tokio::spawn(async move {
        let written = app.store.write(move |write| access_tokens::used(write, &digest, now)).await;
        match written {
            Ok(()) | Err(Error::ShuttingDown) => {}
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "when an access token was used is not written"
            ),
        }
    });
}

fn unknown() -> ApiError {
    ApiError::new(ErrorKind::Unauthorized, "the token is not the right one")
}

fn digest(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

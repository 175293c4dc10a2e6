use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event as Message, KeepAlive, Sse};
use futures_util::Stream;
use lazuli_domain::{ApiError, Event};
use serde::Deserialize;
use tokio::sync::watch;

use super::error::Answer;
use super::extract::Query;
use super::guard::Caller;
use crate::access::Leave;
use crate::app::App;
use crate::error::Result;
use crate::store::{self, events::EventFilter};
use crate::tracking;

const SILENCE: Duration = Duration::from_secs(15);
/// Events read at once.
const BATCH: usize = 500;

#[derive(Deserialize, utoipa::IntoParams)]
pub struct FollowEvents {
    /// Events after this sequence number; from now on unless told. The header `Last-Event-ID`, which
    /// a browser sends when it connects again, goes before it.
    after: Option<u64>,
    /// Id of a run.
    run: Option<String>,
    experiment: Option<String>,
    workspace: Option<String>,
}

/// What happens, as server-sent events. A listener that falls far behind hears `catch_up` with the last
/// sequence number that it heard (`after`) and the newest; then it goes on where it was.
#[utoipa::path(get, path = "/api/events", tag = "events", params(FollowEvents), responses((status = 200, body = Event, content_type = "text/event-stream")))]
pub async fn follow(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<FollowEvents>,
    headers: HeaderMap,
) -> Answer<Sse<impl Stream<Item = std::result::Result<Message, Infallible>>>> {
    let last_seen = match headers.get("last-event-id") {
        None => None,
        Some(value) => {
            let number = value.to_str().ok().and_then(|text| text.trim().parse().ok());
            Some(number.ok_or_else(|| ApiError::invalid("`Last-Event-ID` is not a number"))?)
        }
    };
    let run_id = match query.run {
        Some(given) => Some(tracking::full_run_id(&app, given).await?),
        None => None,
    };
    let last_event = app.store.recent().last();
    let now = *last_event.borrow();
    let after = last_seen.or(query.after).unwrap_or(now);
    check_kept(&app, after).await?;
    let filter = EventFilter { workspace: query.workspace, experiment: query.experiment, run_id };
    let listener = Listener {
        shutdown: app.shutdown(),
        leave: caller.leave,
        app,
        filter,
        // A number from the future (another home's) would wait for ever.
        after: after.min(now),
        last_event,
        read: VecDeque::new(),
        // Who resumes knows that it is behind.
        is_behind: true,
    };
    let messages = futures_util::stream::unfold(listener, |mut listener| async {
        let message = listener.next().await?;
        Some((Ok(message), listener))
    });
    Ok(Sse::new(messages).keep_alive(KeepAlive::new().interval(SILENCE)))
}

/// Who was away for so long that events were dropped meanwhile must not believe to have seen all.
async fn check_kept(app: &Arc<App>, after: u64) -> Answer<()> {
    let oldest = app.store.read(store::events::oldest_sequence).await?;
    match oldest {
        Some(oldest) if after > 0 && after + 1 < oldest => Err(ApiError::conflict(format!(
            "events before {oldest} are no longer kept, {after} was the last one seen"
        ))
        .hint("read the state anew and follow from now on")
        .into()),
        _ => Ok(()),
    }
}

struct Listener {
    app: Arc<App>,
    leave: Option<Leave>,
    filter: EventFilter,
    after: u64,
    last_event: watch::Receiver<u64>,
    shutdown: watch::Receiver<bool>,
    read: VecDeque<Arc<Event>>,
    /// It reads the database: what it has not heard is no longer held in memory.
    is_behind: bool,
}

impl Listener {
    /// Waits for the next event; `None` when the daemon ends, or the leave to listen does.
    async fn next(&mut self) -> Option<Message> {
        loop {
            if self.leave.as_ref().is_some_and(|leave| !leave.holds(&self.app)) {
                return None;
            }
            if let Some(event) = self.read.pop_front() {
                return message(&event);
            }
            let newest = *self.last_event.borrow_and_update();
            if newest > self.after {
                if self.read_recent(newest) {
                    self.is_behind = false;
                    continue;
                }
                if !std::mem::replace(&mut self.is_behind, true) {
                    return Some(catch_up(self.after, newest));
                }
                if let Err(error) = self.read_stored(newest).await {
                    // The listener connects again and goes on where it was.
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "an event stream ended"
                    );
                    return None;
                }
                continue;
            }
            tokio::select! {
                changed = self.last_event.changed() => changed.ok()?,
                _ = self.shutdown.wait_for(|is_ending| *is_ending) => return None,
                () = until_ended(&mut self.leave, &self.app) => return None,
            }
        }
    }

    /// Takes what is held in memory; false when something is missing there.
    fn read_recent(&mut self, newest: u64) -> bool {
        let Some(events) = self.app.store.recent().after(self.after, BATCH) else { return false };
        self.after = events.last().map_or(newest, |event| event.sequence);
        self.read = events.into_iter().filter(|event| self.filter.holds(event)).collect();
        true
    }

    async fn read_stored(&mut self, newest: u64) -> Result<()> {
        let (after, filter) = (self.after, self.filter.clone());
        let events = self
            .app
            .store
            .read(move |database| store::events::after(database, after, &filter, BATCH))
            .await?;
        let reached = events.last().map_or(newest, |event| event.sequence);
        // A short batch has seen everything up to the newest, whatever the filter left out.
        self.after = if events.len() < BATCH { reached.max(newest) } else { reached };
        self.read = events.into_iter().map(Arc::new).collect();
        Ok(())
    }
}

/// Never resolves for who needs no leave.
async fn until_ended(leave: &mut Option<Leave>, app: &App) {
    match leave {
        Some(leave) => leave.until_ended(app).await,
        None => std::future::pending().await,
    }
}

/// For a listener that was slower than what happens: nothing is lost to it, it hears the rest from the
/// database. Or it reads the state anew and follows from `newest` on.
fn catch_up(after: u64, newest: u64) -> Message {
    let data = format!(r#"{{"type":"catch_up","after":{after},"newest":{newest}}}"#);
    Message::default().event("catch_up").data(data)
}

fn message(event: &Event) -> Option<Message> {
    Message::default()
        .id(event.sequence.to_string())
        .event(event.kind.as_str())
        .json_data(event)
        .inspect_err(|error| tracing::error!(%error, "an event has no JSON form"))
        .ok()
}

//! What the server tells by itself.

use lazuli_domain::{DisplayBundle, Event};
use serde::{Deserialize, Serialize};
use tower_lsp_server::ls_types::notification::Notification;

use super::status::Status;

pub enum StatusChanged {}

impl Notification for StatusChanged {
    type Params = Status;
    const METHOD: &'static str = "lazuli/statusChanged";
}

pub enum TreeChanged {}

impl Notification for TreeChanged {
    type Params = TreeChangedParams;
    const METHOD: &'static str = "lazuli/treeChanged";
}

#[derive(Debug, Serialize, Deserialize)]
pub struct TreeChangedParams {
    /// Nodes whose children may be others now; none means all.
    pub parents: Vec<String>,
}

pub enum RunChanged {}

impl Notification for RunChanged {
    type Params = RunChangedParams;
    const METHOD: &'static str = "lazuli/runChanged";
}

#[derive(Debug, Serialize, Deserialize)]
pub struct RunChangedParams {
    pub run: String,
    pub bundle: DisplayBundle,
}

pub enum EventNotification {}

impl Notification for EventNotification {
    type Params = Event;
    const METHOD: &'static str = "lazuli/event";
}

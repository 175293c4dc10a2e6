use serde_json::{Map, Value};

use crate::Run;

/// What of a run a list carries. Read by [`parse_fields`](super::parse_fields).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFields {
    /// Keys of a run's JSON; none: all of them.
    pub(super) keys: Option<Vec<&'static str>>,
    pub metrics: Names,
    pub parameters: Names,
    pub tags: Names,
    pub properties: Names,
}

/// Which of the things that have a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Names {
    #[default]
    None,
    All,
    Some(Vec<String>),
}

/// The keys of a run's JSON that are no family of names.
pub(super) const KEYS: [&str; 16] = [
    "run_id",
    "workspace",
    "experiment",
    "name",
    "kind",
    "status",
    "parent_run_id",
    "user",
    "compute",
    "created_at_ms",
    "started_at_ms",
    "ended_at_ms",
    "error",
    "rejected_records",
    "rejected_reason",
    "deleted_at_ms",
];

impl RunFields {
    pub fn all() -> RunFields {
        RunFields {
            keys: None,
            metrics: Names::All,
            parameters: Names::All,
            tags: Names::All,
            properties: Names::All,
        }
    }

    /// Only the run's own values, nothing that was logged to it.
    pub fn bare() -> RunFields {
        RunFields { keys: Some(Vec::new()), ..RunFields::default() }
    }

    /// The JSON of the run with what was asked for and nothing else.
    pub fn of(&self, run: &Run) -> Map<String, Value> {
        let mut all = match serde_json::to_value(run) {
            Ok(Value::Object(all)) => all,
            // A run is an object of texts, numbers and lists of these.
            _ => Map::new(),
        };
        if let Some(keys) = &self.keys {
            all.retain(|key, _| keys.contains(&key.as_str()));
        }
        all
    }

    pub(super) fn add_key(&mut self, key: &'static str) {
        let keys = self.keys.get_or_insert_default();
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
}

impl Default for RunFields {
    /// Nothing yet.
    fn default() -> RunFields {
        RunFields {
            keys: Some(Vec::new()),
            metrics: Names::None,
            parameters: Names::None,
            tags: Names::None,
            properties: Names::None,
        }
    }
}

impl Names {
    pub fn is_none(&self) -> bool {
        *self == Names::None
    }

    pub(super) fn add(&mut self, name: String) {
        match self {
            Self::None => *self = Self::Some(vec![name]),
            Self::All => {}
            Self::Some(names) if names.contains(&name) => {}
            Self::Some(names) => names.push(name),
        }
    }
}

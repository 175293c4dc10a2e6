//! The file that says what is active in a notebook. The kernel, the magics of a Python process and
//! the SDKs in cells read it; the first two replace it.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use lazuli_actions::Session as Active;
use lazuli_domain::ApiError;
use serde_json::{Value, json};

pub struct SessionFile {
    path: PathBuf,
    /// What was read or written last; serves when the file cannot be read.
    known: Mutex<Content>,
}

#[derive(Clone, Default)]
struct Content {
    active: Active,
    /// The runs that became active in this notebook.
    started: Vec<String>,
}

impl SessionFile {
    /// Begins a session.
    pub fn create(path: PathBuf, active: Active) -> lazuli::Result<SessionFile> {
        let file = SessionFile::open(path, active.clone());
        file.activate(active)?;
        Ok(file)
    }

    /// The session of the notebook that this process belongs to.
    pub fn open(path: PathBuf, active: Active) -> SessionFile {
        SessionFile { path, known: Mutex::new(Content { active, started: Vec::new() }) }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn active(&self) -> Active {
        self.read().active
    }

    pub fn started(&self) -> Vec<String> {
        self.read().started
    }

    /// Makes these the active ones. The file is replaced whole: a cell may read it at any time.
    pub fn activate(&self, active: Active) -> lazuli::Result<()> {
        let Content { active: before, mut started } = self.read();
        if before.run_id != active.run_id {
            started.extend(active.run_id.clone());
        }
        let mut json = active.to_json();
        json["last_run_id"] = json!(active.last_run_id);
        json["started"] = json!(started);
        let fresh = self.path.with_extension(format!("new-{}", std::process::id()));
        std::fs::write(&fresh, json.to_string())
            .and_then(|()| std::fs::rename(&fresh, &self.path))
            .map_err(|error| {
                ApiError::unavailable(format!(
                    "the session's file `{}` cannot be written: {error}",
                    self.path.display()
                ))
                .hint("make room on the disk, or restart the kernel")
            })?;
        *self.known.lock().unwrap_or_else(|lock| lock.into_inner()) = Content { active, started };
        Ok(())
    }

    fn read(&self) -> Content {
        let mut known = self.known.lock().unwrap_or_else(|lock| lock.into_inner());
        let read = std::fs::read(&self.path).ok();
        let read = read.and_then(|text| serde_json::from_slice::<Value>(&text).ok());
        if let Some(content) = read.as_ref().and_then(content) {
            *known = content;
        }
        known.clone()
    }
}

fn content(json: &Value) -> Option<Content> {
    let text = |key: &str| json[key].as_str().map(str::to_owned);
    let started = json["started"].as_array();
    let started = started.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
    Some(Content {
        active: Active {
            workspace: text("workspace")?,
            experiment: text("experiment"),
            run_id: text("run_id"),
            last_run_id: text("last_run_id"),
        },
        started: started.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_process_made_active_is_active_here() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("session.json");
        let kernel = SessionFile::create(path.clone(), Active::default()).unwrap();
        let magics = SessionFile::open(path.clone(), Active::default());
        let active = Active { run_id: Some("churn_1".into()), ..magics.active() };
        magics.activate(active.clone()).unwrap();
        assert_eq!(kernel.active(), active);
        assert_eq!(kernel.started(), ["churn_1"]);
        kernel.activate(Active { run_id: None, ..kernel.active() }).unwrap();
        assert_eq!(magics.started(), ["churn_1"]);

        std::fs::write(&path, "{").unwrap();
        assert_eq!(magics.active(), Active { run_id: None, ..active });
    }
}

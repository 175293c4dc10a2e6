//! What is active in this notebook: workspace, experiment, run. It lies in a JSON file, so that
//! cells (Rust, bash, scripts they start) see it; cells learn the file's name from
//! `LAZULI_SESSION`, and from `LAZULI_OWNER` in which process the runs live that they start.

use std::path::PathBuf;
use std::sync::Mutex;

use anyhow::Context;
use lazuli::client::Client;
use lazuli_actions::Session as Active;
use lazuli_domain::{ApiError, RunKind};

use crate::processes::ProcessGroup;
use crate::session_folder::SessionFolder;

pub struct Session {
    /// Removed with everything in it when the session ends.
    _folder: SessionFolder,
    file: PathBuf,
    active: Mutex<Active>,
    /// The runs that became active in this notebook.
    started: Mutex<Vec<String>>,
    /// This process as JSON.
    owner: String,
    /// Programs that cells have started and that may still be there.
    groups: Mutex<Vec<ProcessGroup>>,
}

impl Session {
    pub fn start() -> anyhow::Result<Session> {
        let folder = SessionFolder::create("lazuli-session-")
            .context("the session's folder cannot be made")?;
        let file = folder.path().join("session.json");
        let owner = serde_json::to_string(&lazuli::process::own_identity()?)?;
        let active = Active::from_environment(&lazuli::Config::from_environment()?)?;
        let session = Session {
            _folder: folder,
            file,
            active: Mutex::new(active.clone()),
            started: Mutex::default(),
            owner,
            groups: Mutex::default(),
        };
        session.activate(active)?;
        Ok(session)
    }

    pub fn active(&self) -> Active {
        self.active.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    /// Makes these the active ones. The file is replaced whole: a cell may read it at any time.
    pub fn activate(&self, active: Active) -> lazuli::Result<()> {
        let mut now = self.active.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let fresh = self.file.with_extension("new");
        std::fs::write(&fresh, active.to_json().to_string())
            .and_then(|()| std::fs::rename(&fresh, &self.file))
            .map_err(|error| {
                ApiError::unavailable(format!(
                    "the session's file `{}` cannot be written: {error}",
                    self.file.display()
                ))
                .hint("make room on the disk, or restart the kernel")
            })?;
        if now.run_id != active.run_id
            && let Some(run_id) = &active.run_id
        {
            self.started.lock().unwrap_or_else(|lock| lock.into_inner()).push(run_id.clone());
        }
        *now = active;
        Ok(())
    }

    /// Completes what `%run start` and `%log` have left open. Blocks.
    pub fn complete_runs(&self) -> lazuli::Result<()> {
        let started = self.started.lock().unwrap_or_else(|lock| lock.into_inner()).clone();
        if started.is_empty() {
            return Ok(());
        }
        // Without a daemon: the next one ends the runs when it finds this process gone.
        let Some(client) = Client::connect_existing()? else { return Ok(()) };
        for run_id in started {
            let run = client.run(&run_id)?;
            if run.kind == RunKind::Interactive && !run.status.is_final() {
                client.complete_run(&run_id)?;
            }
        }
        Ok(())
    }

    /// What cells and the programs they start find in their environment.
    pub fn environment(&self) -> Vec<(String, String)> {
        vec![
            ("LAZULI_SESSION".into(), self.file.to_string_lossy().into_owned()),
            ("LAZULI_OWNER".into(), self.owner.clone()),
        ]
    }

    /// The program is ended with the session, if it is still there then.
    pub fn remember(&self, group: ProcessGroup) {
        let mut groups = self.groups.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        groups.retain(|group| group.is_alive());
        groups.push(group);
    }

    pub fn end_programs(&self) {
        let groups = self.groups.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        for group in groups.iter().filter(|group| group.is_alive()) {
            group.signal(libc::SIGKILL);
        }
    }
}

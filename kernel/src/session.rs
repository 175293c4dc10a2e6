//! What is active in this notebook: workspace, experiment, run. It lies in a JSON file, so that
//! cells (Rust, bash, scripts they start) see it; cells learn the file's name from
//! `LAZULI_SESSION`, and from `LAZULI_OWNER` in which process the runs live that they start.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::Context;
use lazuli::client::Client;
use lazuli_actions::Session as Active;
use lazuli_domain::RunKind;

use crate::processes::ProcessGroup;
use crate::session_file::SessionFile;
use crate::session_folder::SessionFolder;

pub struct Session {
    /// Removed with everything in it when the session ends.
    folder: SessionFolder,
    file: SessionFile,
    /// This process as JSON.
    owner: String,
    /// Programs that cells have started and that may still be there.
    groups: Mutex<Vec<ProcessGroup>>,
}

impl Session {
    pub fn start() -> anyhow::Result<Session> {
        let folder = SessionFolder::create("lazuli-session-")
            .context("the session's folder cannot be made")?;
        let owner = serde_json::to_string(&lazuli::process::own_identity()?)?;
        let active = Active::from_environment(&lazuli::Config::from_environment()?)?;
        let file = SessionFile::create(folder.path().join("session.json"), active)?;
        Ok(Session { folder, file, owner, groups: Mutex::default() })
    }

    /// What lies in it goes with the session.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Keeps content for a cell to read, for as long as the session lasts.
    pub fn keep(&self, name: &str, content: &[u8]) -> std::io::Result<PathBuf> {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content)?;
        Ok(path)
    }

    pub fn active(&self) -> Active {
        self.file.active()
    }

    pub fn activate(&self, active: Active) -> lazuli::Result<()> {
        self.file.activate(active)
    }

    /// Completes what `%run start` and `%log` have left open. Blocks.
    pub fn complete_runs(&self) -> lazuli::Result<()> {
        complete_runs(&self.file)
    }

    /// What cells and the programs they start find in their environment.
    pub fn environment(&self) -> Vec<(String, String)> {
        vec![
            ("LAZULI_SESSION".into(), self.file.path().to_string_lossy().into_owned()),
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

/// Completes the runs of a session that are still open.
pub fn complete_runs(file: &SessionFile) -> lazuli::Result<()> {
    let started = file.started();
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

use lazuli_domain::{
    JobReport, JobSpec, JobStage, NewJob, NewSnapshot, ProcessIdentity, Run, Snapshot,
    SnapshotCreated,
};
use serde::{Deserialize, Serialize};

use super::{Client, encode, run_target, workspace_target};
use crate::Result;

/// Answer to `GET /api/runs/{run_id}/job`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    pub spec: JobSpec,
    #[serde(default)]
    pub agent: Option<ProcessIdentity>,
    #[serde(default)]
    pub stage: Option<JobStage>,
}

impl Client {
    /// Queues a script run.
    pub fn submit_job(&self, workspace: &str, job: &NewJob) -> Result<Run> {
        self.post(&workspace_target(workspace, "/jobs"), job)
    }

    pub fn job(&self, run_id: &str) -> Result<Job> {
        self.get(&run_target(run_id, "/job"))
    }

    /// For the agent of the run.
    pub fn report_job(&self, run_id: &str, report: &JobReport) -> Result<Run> {
        self.post(&run_target(run_id, "/job/report"), report)
    }

    /// When the answer names missing digests, upload them by [`Client::put_blob`] and call again.
    pub fn create_snapshot(&self, snapshot: &NewSnapshot) -> Result<SnapshotCreated> {
        self.post("/api/snapshots", snapshot)
    }

    pub fn snapshot(&self, snapshot_id: &str) -> Result<Snapshot> {
        self.get(&format!("/api/snapshots/{}", encode(snapshot_id)))
    }
}

use lazuli_domain::{
    DisplayBundle, Metric, NewRun, Page, Run, RunDetails, RunError, RunPatch, RunStatus,
    RunVerification,
};

use super::transport::Body;
use super::{Client, encode, query, run_target, workspace_target};
use crate::Result;

/// Which runs of a workspace to list, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunQuery {
    pub experiment: Option<String>,
    pub status: Option<RunStatus>,
    /// Children of this run.
    pub parent: Option<String>,
    /// What must hold, `metrics.loss < 0.1 and tags.team = 'blue'`.
    pub filter: Option<String>,
    /// What comes first, `metrics.loss asc`; the newest when absent.
    pub order_by: Option<String>,
    /// Those that are deleted, instead of those that are not.
    pub deleted: bool,
    /// At most so many: 100 when absent, never more than 1000.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Every `run_id` may be shortened to its first characters, at least four, while they name one run.
impl Client {
    pub fn runs(&self, workspace: &str, filter: &RunQuery) -> Result<Page<Run>> {
        self.runs_and(workspace, filter, ("count", None))
    }

    /// How many runs all pages have together.
    pub fn count_runs(&self, workspace: &str, filter: &RunQuery) -> Result<u64> {
        let first = RunQuery { limit: Some(1), cursor: None, ..filter.clone() };
        let page = self.runs_and(workspace, &first, ("count", Some("true")))?;
        Ok(page.total.unwrap_or_default())
    }

    fn runs_and(
        &self,
        workspace: &str,
        filter: &RunQuery,
        more: (&str, Option<&str>),
    ) -> Result<Page<Run>> {
        let limit = filter.limit.map(|limit| limit.to_string());
        let parameters = [
            more,
            ("experiment", filter.experiment.as_deref()),
            ("status", filter.status.map(RunStatus::as_str)),
            ("parent", filter.parent.as_deref()),
            ("filter", filter.filter.as_deref()),
            ("order_by", filter.order_by.as_deref()),
            ("view", filter.deleted.then_some("deleted")),
            ("limit", limit.as_deref()),
            ("cursor", filter.cursor.as_deref()),
        ];
        self.get(&workspace_target(workspace, &format!("/runs{}", query(&parameters))))
    }

    /// Starts an interactive run.
    pub fn create_run(&self, workspace: &str, run: &NewRun) -> Result<Run> {
        self.post(&workspace_target(workspace, "/runs"), run)
    }

    /// The run with everything that was logged before this call.
    pub fn run(&self, run_id: &str) -> Result<Run> {
        self.get(&run_target(run_id, ""))
    }

    pub fn update_run(&self, run_id: &str, patch: &RunPatch) -> Result<Run> {
        self.send_json("PATCH", &run_target(run_id, ""), patch)
    }

    /// Everything that was logged is committed when this returns.
    pub fn flush_run(&self, run_id: &str) -> Result<Run> {
        self.call("POST", &run_target(run_id, "/flush"))
    }

    /// How much was logged, shipped and committed, and whether that agrees.
    pub fn verify_run(&self, run_id: &str) -> Result<RunVerification> {
        self.get(&run_target(run_id, "/verify"))
    }

    pub fn complete_run(&self, run_id: &str) -> Result<Run> {
        self.call("POST", &run_target(run_id, "/complete"))
    }

    pub fn fail_run(&self, run_id: &str, error: &RunError) -> Result<Run> {
        self.post(&run_target(run_id, "/fail"), error)
    }

    /// An interactive run is canceled at once, a script's processes are ended first.
    pub fn cancel_run(&self, run_id: &str) -> Result<Run> {
        self.call("POST", &run_target(run_id, "/cancel"))
    }

    /// Hides the run and those below it; all of them must have ended.
    pub fn delete_run(&self, run_id: &str) -> Result<Run> {
        self.call("DELETE", &run_target(run_id, ""))
    }

    /// Brings the run back, with those below it that were deleted with it.
    pub fn restore_run(&self, run_id: &str) -> Result<Run> {
        self.call("POST", &run_target(run_id, "/restore"))
    }

    /// All metrics with every point.
    pub fn metrics(&self, run_id: &str) -> Result<Vec<Metric>> {
        self.get(&run_target(run_id, "/metrics"))
    }

    pub fn metric(&self, run_id: &str, name: &str) -> Result<Metric> {
        self.get(&run_target(run_id, &format!("/metrics/{}", encode(name))))
    }

    pub fn children(&self, run_id: &str) -> Result<Vec<Run>> {
        self.get(&run_target(run_id, "/children"))
    }

    pub fn details(&self, run_id: &str) -> Result<RunDetails> {
        self.get(&run_target(run_id, "/details"))
    }

    /// The run as a page of its own: HTML that shows it without a daemon.
    pub fn run_page(&self, run_id: &str) -> Result<super::Download> {
        let response = self.send("GET", &run_target(run_id, "/page"), Body::Empty)?;
        Ok(super::Download::new(response))
    }

    /// The three forms in which a front end shows a run.
    pub fn display(&self, run_id: &str) -> Result<DisplayBundle> {
        self.get(&run_target(run_id, "/display"))
    }
}

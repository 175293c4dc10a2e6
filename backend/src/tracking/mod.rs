//! What happens to workspaces, experiments and runs.
//!
//! These are the use cases: HTTP calls them, and so does the supervisor of jobs. They know no status
//! codes and no SQL. A run given by a person may be the beginning of its id.

mod artifacts;
mod completion;
mod deletion;
mod details;
mod ending;
mod experiments;
mod job_data;
mod jobs;
mod logs;
pub mod mlflow;
mod owners;
mod points;
mod recovery;
mod runs;
mod search;
mod spool;
mod spool_watch;
mod uploads;
mod verify;
mod workspaces;

pub use artifacts::{artifact, list_artifacts, put_artifact, put_artifact_file};
pub use completion::complete_filter;
pub use deletion::{delete_experiment, delete_run, restore_experiment, restore_run};
pub use details::{Extent, run_details};
pub use ending::{RunEnd, cancel_run, complete_run, end_run, fail_run};
pub use experiments::{create_experiment, experiment, list_experiments, patch_experiment};
pub use jobs::{
    claim_job, create_job, end_job, job, jobs_active, jobs_queued, report_job, set_job_activity,
    set_job_agent,
};
pub use logs::{append_log, list_logs, open_log};
pub use owners::watch_owners;
pub use recovery::{open_missing_spools, recover};
pub use runs::{
    Sampling, child_runs, create_run, flush_run, full_run_id, metric, metrics, patch_run, run,
};
pub use search::{LARGEST_LIMIT, ListQuery, RunsOf, list_runs, search_experiments, search_runs};
pub use spool::{add_sent as add_sent_records, drain};
pub use spool_watch::watch_spool;
pub use uploads::{
    begin_datastore_upload, begin_upload, complete_upload, continue_upload, discard_upload, upload,
    watch_uploads,
};
pub use verify::verify_run;
pub use workspaces::{create_workspace, list_workspaces, patch_workspace, totals, workspace};

/// The log that a script's stdout and stderr go to.
pub const STANDARD_LOG: &str = "user_logs/std_log.txt";

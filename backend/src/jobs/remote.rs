//! Jobs of machines that are reached by SSH. Their agents are started, watched and ended over the
//! link; while it is cut nothing is known of them, and nothing is concluded from that.

use std::sync::Arc;

use lazuli_domain::{JobEnd, JobFile, RunError, RunStatus};
use tokio::time::Instant;

use super::{CANCEL_GRACE, Supervisor};
use crate::error::{Error, Result};
use crate::machines::link::{Link, Session, There};
use crate::store::jobs::JobRecord;
use crate::tracking;

/// What a job waits for whose machine cannot be reached.
pub fn waits_for(link: &Link) -> String {
    let machine = link.ssh.machine.address();
    match link.state().problem {
        Some(problem) => format!("waits for the link to `{machine}`: {}", problem.message),
        None => format!("waits for the link to `{machine}`"),
    }
}

impl Supervisor {
    /// The link to the job's machine, when it runs on one.
    pub(super) fn link(&self, job: &JobRecord) -> Option<Arc<Link>> {
        self.app.machines.link(&job.workspace, &job.spec.compute)
    }

    /// One job of a machine that was taken up and has not ended.
    pub(super) async fn attend_there(&mut self, job: &JobRecord, link: &Link) -> Result<()> {
        let is_canceled = job.status == RunStatus::CancelRequested;
        let Some(session) = link.session() else {
            // Nobody has to wait for a machine that may be gone. Should it come back, its agent is
            // told that the run has ended.
            return match is_canceled {
                true => tracking::end_job(&self.app, &job.run_id, JobEnd::Canceled).await.map(drop),
                false => Ok(()),
            };
        };
        match session.there(&job.run_id) {
            None if job.agent.is_none() && !is_canceled => {
                self.start_there(job, &session);
                Ok(())
            }
            None => self.settle_there(job, &session, "knows nothing of this run any more").await,
            Some(There::Asked | There::Collecting) => Ok(()),
            Some(There::Alive(agent)) => {
                if job.agent.is_none() {
                    tracking::set_job_agent(&self.app, &job.run_id, agent).await?;
                }
                if is_canceled {
                    self.cancel_there(job, &session);
                }
                Ok(())
            }
            Some(There::Refused(reason)) => {
                let reason = format!("could not start the run: {reason}");
                self.settle_there(job, &session, &reason).await
            }
            Some(There::Lost) => {
                self.settle_there(job, &session, "lost the agent of this run").await
            }
        }
    }

    pub(super) fn start_there(&self, job: &JobRecord, session: &Session) {
        tracing::info!(run_id = job.run_id, compute = job.spec.compute, "asked for an agent");
        let mut spec = job.spec.clone();
        // Where the Python of who submits is says nothing of another machine.
        spec.python.interpreter = None;
        session.start(JobFile {
            run_id: job.run_id.clone(),
            workspace: job.workspace.clone(),
            experiment: job.experiment.clone(),
            spec,
        });
    }

    fn cancel_there(&mut self, job: &JobRecord, session: &Session) {
        let now = Instant::now();
        match self.cancels.get(&job.run_id) {
            None => {
                self.cancels.insert(job.run_id.clone(), now);
                session.cancel(&job.run_id, false);
            }
            Some(asked) if now - *asked >= CANCEL_GRACE * 3 => {
                self.cancels.insert(job.run_id.clone(), now);
                session.cancel(&job.run_id, true);
            }
            Some(_) => {}
        }
    }

    /// Ends a run that nobody there speaks for.
    async fn settle_there(&self, job: &JobRecord, session: &Session, how: &str) -> Result<()> {
        // Its last report may have come since the list was read.
        let job = &tracking::job(&self.app, job.run_id.clone()).await?;
        session.forget(&job.run_id);
        if job.status.is_final() {
            return Ok(());
        }
        let end = match job.status {
            RunStatus::CancelRequested => JobEnd::Canceled,
            _ => JobEnd::Failed(RunError {
                message: format!("the machine of compute target `{}` {how}", job.spec.compute),
                ..RunError::default()
            }),
        };
        match tracking::end_job(&self.app, &job.run_id, end).await {
            Err(Error::Refused(_)) => Ok(()),
            ended => ended.map(drop),
        }
    }
}

//! The supervisor: moves jobs forward by starting agents, and notices what became of them.
//!
//! It keeps nothing that matters in memory. Which jobs wait, which were taken up and by which agent
//! is in the database; what an agent has reached before it died is in the run's folder. A daemon that
//! is started again looks at both and goes on as if it had never been away.

mod agent;
mod leftovers;
mod processes;
mod remote;
mod slots;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::process::Child;
use std::sync::Arc;
use std::time::Duration;

use lazuli_domain::{BuildFile, JobEnd, ProcessIdentity, RunError, RunStatus};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use slots::Slots;

use crate::app::App;
use crate::error::{Error, Result};
use crate::process::is_alive;
use crate::store::jobs::JobRecord;
use crate::tracking;

/// Between two looks when nothing was heard: agents are watched, this is for what cannot be.
const EVERY: Duration = Duration::from_secs(2);
/// What an agent that was asked to cancel has to end its script (the script itself has 5 s of it).
const CANCEL_GRACE: Duration = Duration::from_secs(10);

/// The agent's program, which lies beside this one.
pub fn agent_program() -> PathBuf {
    agent::program()
}

/// Starts agents and watches them until the daemon ends; agents outlive it.
pub fn supervise(app: &Arc<App>) -> JoinHandle<()> {
    let supervisor = Supervisor {
        app: Arc::clone(app),
        agent_program: agent::program(),
        agent_ended: Arc::default(),
        watched: HashSet::new(),
        cancels: HashMap::new(),
    };
    tokio::spawn(supervisor.run())
}

/// Starts an agent that makes an environment and nothing else; what becomes of it stands in the
/// build's folder.
pub async fn start_build_agent(app: &App, build: &BuildFile) -> Result<()> {
    let child = agent::start_build(app, build).await?;
    tracing::info!(build_id = build.build_id, pid = child.id(), "started an agent");
    collect_at_end(child, || {});
    Ok(())
}

/// Whether the agent of that run or build is there. Blocks.
pub fn is_at_work(id: &str) -> bool {
    agent::find_now(id).is_some()
}

/// An ended child stays in the system's table until it is asked for.
fn collect_at_end(mut child: Child, then: impl FnOnce() + Send + 'static) {
    let agent = crate::process::identity_of(child.id());
    tokio::spawn(async move {
        if let Some(agent) = agent {
            agent::until_end(&agent).await;
        }
        match child.wait() {
            Ok(status) => tracing::info!(pid = child.id(), %status, "an agent ended"),
            Err(error) => tracing::warn!(pid = child.id(), %error, "an agent was lost"),
        }
        then();
    });
}

struct Supervisor {
    app: Arc<App>,
    agent_program: PathBuf,
    /// Woken when a watched agent has ended.
    agent_ended: Arc<Notify>,
    /// Agents that somebody waits for, as (pid, start time).
    watched: HashSet<(u32, u64)>,
    /// When the agent of a run was asked to cancel.
    cancels: HashMap<String, Instant>,
}

impl Supervisor {
    async fn run(mut self) {
        loop {
            match self.look().await {
                Ok(()) => {}
                Err(Error::ShuttingDown) => return,
                Err(error) => tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "looking after the jobs failed"
                ),
            }
            tokio::select! {
                () = self.app.job_changes.notified() => {}
                () = self.agent_ended.notified() => {}
                () = tokio::time::sleep(EVERY) => {}
                () = self.app.until_shutdown() => return,
            }
        }
    }

    async fn look(&mut self) -> Result<()> {
        let active = tracking::jobs_active(&self.app).await?;
        self.cancels.retain(|run_id, _| active.iter().any(|job| &job.run_id == run_id));
        for job in &active {
            let attended = match self.link(job) {
                Some(link) => self.attend_there(job, &link).await,
                None => self.attend(job).await,
            };
            if let Err(error) = attended {
                self.tell(job, error).await?;
            }
        }
        let queued = tracking::jobs_queued(&self.app).await?;
        if queued.is_empty() {
            return Ok(());
        }
        let busy = tracking::jobs_active(&self.app).await?;
        let mut free = Slots::free(&self.app, &busy, &queued).await?;
        for job in queued {
            let link = self.link(&job);
            if let Some(link) = link.as_ref().filter(|link| link.session().is_none()) {
                let waits = remote::waits_for(link);
                tracking::set_job_activity(&self.app, &job.run_id, waits).await?;
                continue;
            }
            if !free.take(&job) {
                let waits =
                    format!("waits for a free node of compute target `{}`", job.spec.compute);
                tracking::set_job_activity(&self.app, &job.run_id, waits).await?;
                continue;
            }
            // Somebody may have canceled it in this moment.
            let Some(job) = tracking::claim_job(&self.app, &job.run_id).await? else { continue };
            if let Some(link) = link {
                // Without a session it stays taken up, and is started when there is one again.
                if let Some(session) = link.session() {
                    self.start_there(&job, &session);
                }
                continue;
            }
            if let Err(error) = self.start(&job).await {
                self.tell(&job, error).await?;
            }
        }
        Ok(())
    }

    /// One job that was taken up and has not ended.
    async fn attend(&mut self, job: &JobRecord) -> Result<()> {
        let agent = match &job.agent {
            Some(agent) => Some(agent.clone()),
            // The last daemon died after it took the job up: its agent may be on its way.
            None => agent::find(&job.run_id).await?,
        };
        match agent {
            Some(agent) if is_alive(&agent) => {
                if job.agent.is_none() {
                    tracking::set_job_agent(&self.app, &job.run_id, agent.clone()).await?;
                }
                self.watch(&agent, None);
                match job.status {
                    RunStatus::CancelRequested => self.cancel(job, &agent).await,
                    _ => Ok(()),
                }
            }
            Some(_) => self.settle(job).await,
            None if job.status == RunStatus::CancelRequested => self.settle(job).await,
            None if leftovers::has_begun(&self.app.home.run_folder(&job.run_id)) => {
                self.settle(job).await
            }
            None => self.start(job).await,
        }
    }

    async fn start(&mut self, job: &JobRecord) -> Result<()> {
        let child = agent::start(&self.app, &self.agent_program, job).await?;
        tracing::info!(run_id = job.run_id, pid = child.id(), "started an agent");
        let Some(agent) = crate::process::identity_of(child.id()) else {
            return Err(Error::Defect("an agent that was just started has no process".into()));
        };
        self.watch(&agent, Some(child));
        tracking::set_job_agent(&self.app, &job.run_id, agent).await
    }

    /// Wakes the supervisor when the agent ends. An own child is collected, too.
    fn watch(&mut self, agent: &ProcessIdentity, child: Option<std::process::Child>) {
        if !self.watched.insert((agent.pid, agent.start_time)) {
            return;
        }
        let (agent, ended) = (agent.clone(), Arc::clone(&self.agent_ended));
        if let Some(child) = child {
            return collect_at_end(child, move || ended.notify_one());
        }
        tokio::spawn(async move {
            agent::until_end(&agent).await;
            ended.notify_one();
        });
    }

    /// Asks the agent to end its script and report; makes an end of both when it does not.
    async fn cancel(&mut self, job: &JobRecord, agent: &ProcessIdentity) -> Result<()> {
        let now = Instant::now();
        match self.cancels.get(&job.run_id) {
            None => {
                self.cancels.insert(job.run_id.clone(), now);
                processes::signal(agent, libc::SIGTERM);
                // So that the time is noticed when it is over.
                let wake = Arc::clone(&self.agent_ended);
                tokio::spawn(async move {
                    tokio::time::sleep(CANCEL_GRACE).await;
                    wake.notify_one();
                });
                Ok(())
            }
            // An agent whose script has ended is collecting files, which may take its time.
            Some(asked) if now - *asked >= CANCEL_GRACE => {
                let folder = self.app.home.run_folder(&job.run_id);
                if leftovers::report(&folder)?.is_none() {
                    tracing::warn!(run_id = job.run_id, "the agent does not end; it is killed");
                    processes::signal(agent, libc::SIGKILL);
                }
                Ok(())
            }
            Some(_) => Ok(()),
        }
    }

    /// The job's agent is gone and has not said how the job ended.
    async fn settle(&mut self, job: &JobRecord) -> Result<()> {
        // Its last report may have come since the list was read.
        let job = &tracking::job(&self.app, job.run_id.clone()).await?;
        if job.status.is_final() {
            return Ok(());
        }
        processes::end_all_of(&job.run_id).await?;
        let folder = self.app.home.run_folder(&job.run_id);
        let report = leftovers::report(&folder)?;
        let end = match report.and_then(|report| report.end) {
            Some(end) => end,
            None if job.status == RunStatus::CancelRequested => JobEnd::Canceled,
            None => JobEnd::Failed(RunError {
                message: "the agent of this run is gone".into(),
                details: leftovers::last_words(&folder),
                ..RunError::default()
            }),
        };
        tracing::warn!(run_id = job.run_id, ?end, "ending a run whose agent is gone");
        leftovers::collect(&self.app, &job.run_id).await?;
        tracking::end_job(&self.app, &job.run_id, end).await.map(drop)
    }

    /// A job that cannot be looked after must neither stop the others nor stay for ever.
    async fn tell(&self, job: &JobRecord, error: Error) -> Result<()> {
        let error = match error {
            Error::ShuttingDown => return Err(Error::ShuttingDown),
            Error::Refused(error) => RunError {
                details: error.hint.map(|hint| format!("hint: {hint}")).unwrap_or_default(),
                message: error.message,
                ..RunError::default()
            },
            error => {
                tracing::error!(
                    run_id = job.run_id,
                    error = &error as &dyn std::error::Error,
                    "a job was not looked after"
                );
                // A full disk or the like may pass; an agent that lives goes on in any case.
                if job.agent.is_some() {
                    return Ok(());
                }
                let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
                RunError {
                    message: format!(
                        "the run could not be started: {error}{}",
                        cause.unwrap_or_default()
                    ),
                    ..RunError::default()
                }
            }
        };
        match tracking::end_job(&self.app, &job.run_id, JobEnd::Failed(error)).await {
            // It ended by itself in this moment.
            Err(Error::Refused(refusal)) => {
                tracing::debug!(run_id = job.run_id, %refusal, "a job had ended");
                Ok(())
            }
            ended => ended.map(drop),
        }
    }
}

use std::sync::Arc;
use std::time::Duration;

use lazuli_domain::{RunError, RunStatus};

use super::ending::{RunEnd, end_run};
use crate::app::App;
use crate::error::{Error, Result};
use crate::{process, store};

const EVERY: Duration = Duration::from_secs(2);

/// Ends runs whose owner process is gone, until the daemon ends.
pub fn watch_owners(app: &Arc<App>) -> tokio::task::JoinHandle<()> {
    let app = Arc::clone(app);
    tokio::spawn(async move {
        loop {
            match end_abandoned(&app).await {
                Err(Error::ShuttingDown) => return,
                Err(error) => tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "looking for abandoned runs failed"
                ),
                Ok(()) => {}
            }
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                () = app.until_shutdown() => return,
            }
        }
    })
}

async fn end_abandoned(app: &Arc<App>) -> Result<()> {
    let alive = app.store.read(store::runs::alive).await?;
    for head in alive {
        let Some(owner) = &head.owner else { continue };
        if process::is_alive(owner) {
            continue;
        }
        let message = "the process that started the run ended without completing it".to_owned();
        let end = RunEnd::Failed(RunError { message, ..RunError::default() });
        match end_run(app, &head.run_id, end).await {
            Ok(_) => {
                tracing::info!(run_id = head.run_id, pid = owner.pid, "ended an abandoned run")
            }
            // It was ended by somebody else in this moment.
            Err(Error::Refused(refusal)) if ended_meanwhile(app, &head.run_id).await? => {
                tracing::debug!(run_id = head.run_id, %refusal, "an abandoned run had ended");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn ended_meanwhile(app: &Arc<App>, run_id: &str) -> Result<bool> {
    let run_id = run_id.to_owned();
    let status: RunStatus =
        app.store.read(move |database| Ok(store::runs::head(database, &run_id)?.status)).await?;
    Ok(status.is_final())
}

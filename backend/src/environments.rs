//! Cached Python environments, as the agents that build them describe them.

use std::sync::Arc;

use lazuli_domain::Environment;

use crate::app::App;
use crate::error::{Error, FileContext, Result};

/// By time, newest first.
pub async fn list(app: &Arc<App>) -> Result<Vec<Environment>> {
    let folder = app.home.environments();
    let mut environments = tokio::task::spawn_blocking(move || -> Result<Vec<Environment>> {
        let mut environments = Vec::new();
        let entries = std::fs::read_dir(&folder)
            .while_trying(|| format!("reading `{}`", folder.display()))?;
        for entry in entries {
            let path = entry.while_trying(|| "reading the environments".into())?.path();
            // Locks, and folders in which an agent has only begun.
            let Ok(text) = std::fs::read(path.join("environment.json")) else { continue };
            match serde_json::from_slice(&text) {
                Ok(environment) => environments.push(environment),
                Err(error) => {
                    tracing::warn!(%error, path = %path.display(), "an environment is unreadable");
                }
            }
        }
        Ok(environments)
    })
    .await
    .map_err(|panic| Error::Defect(format!("reading the environments broke down: {panic}")))??;
    environments.sort_by_key(|environment| std::cmp::Reverse(environment.created_at_ms));
    Ok(environments)
}

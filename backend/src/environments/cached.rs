//! Cached Python environments, as the agents that build them describe them.

use std::sync::Arc;

use lazuli_domain::CachedEnvironment;

use crate::app::App;
use crate::error::{Error, FileContext, Result};

/// By time, newest first.
pub async fn list(app: &Arc<App>) -> Result<Vec<CachedEnvironment>> {
    let folder = app.home.environments();
    let mut environments = tokio::task::spawn_blocking(move || -> Result<Vec<CachedEnvironment>> {
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

/// Removes environments that no agent has used since then; how many, and their bytes. An agent that
/// wants one meanwhile waits for its lock and makes it anew.
pub async fn remove_unused(app: &Arc<App>, until_ms: i64, dry_run: bool) -> Result<(u64, u64)> {
    let folder = app.home.environments();
    let known = list(app).await?;
    tokio::task::spawn_blocking(move || {
        let (mut environments, mut bytes) = (0, 0);
        for environment in known {
            let lock_path = folder.join(format!("{}.lock", environment.hash));
            let open = || std::fs::File::options().write(true).open(&lock_path);
            // Without a lock no agent has made it here.
            let Ok(lock) = open() else { continue };
            let Ok(()) = lock.try_lock() else { continue };
            let used = lock.metadata().and_then(|metadata| metadata.modified());
            let used_ms = used.ok().and_then(|time| {
                let elapsed = time.duration_since(std::time::UNIX_EPOCH).ok()?;
                i64::try_from(elapsed.as_millis()).ok()
            });
            if used_ms.is_none_or(|used_ms| used_ms > until_ms) {
                continue;
            }
            if !dry_run {
                let path = folder.join(&environment.hash);
                // Without its description it is no environment any more, whatever comes in between.
                std::fs::remove_file(path.join("environment.json"))
                    .and_then(|()| std::fs::remove_dir_all(&path))
                    .while_trying(|| format!("removing `{}`", path.display()))?;
            }
            environments += 1;
            bytes += environment.size;
        }
        Ok((environments, bytes))
    })
    .await
    .map_err(|panic| Error::Defect(format!("removing environments broke down: {panic}")))?
}

//! Compute targets. There is one: this machine.

use std::sync::Arc;

use lazuli_domain::{ApiError, ComputeTarget};

use crate::app::App;
use crate::error::Result;
use crate::store;

const LOCAL: &str = "local";

pub async fn list(app: &Arc<App>, workspace: String) -> Result<Vec<ComputeTarget>> {
    let running = app
        .store
        .read(move |database| {
            store::workspaces::key(database, &workspace)?;
            store::runs::alive_on(database, LOCAL)
        })
        .await?;
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
    Ok(vec![ComputeTarget {
        name: LOCAL.to_owned(),
        kind: LOCAL.to_owned(),
        cores,
        memory: total_memory(),
        running,
    }])
}

/// Refuses a name that is no compute target.
pub fn check_target(name: &str) -> Result<()> {
    if name == LOCAL {
        return Ok(());
    }
    Err(ApiError::not_found("compute target", name).hint("use `local`, this machine").into())
}

fn total_memory() -> u64 {
    let Ok(facts) = std::fs::read_to_string("/proc/meminfo") else { return 0 };
    facts
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .and_then(|value| value.trim().trim_end_matches("kB").trim().parse::<u64>().ok())
        .map_or(0, |kilobytes| kilobytes * 1024)
}

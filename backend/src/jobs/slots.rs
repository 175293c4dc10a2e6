//! How many more jobs may run on each compute target.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::app::App;
use crate::compute::{self, LOCAL};
use crate::error::Result;
use crate::store::jobs::JobRecord;

/// A target: workspace and name. `local` is one for all workspaces: this machine.
type Target = (String, String);

pub struct Slots(HashMap<Target, usize>);

impl Slots {
    pub async fn free(app: &Arc<App>, busy: &[JobRecord], queued: &[JobRecord]) -> Result<Slots> {
        let targets: Vec<Target> = busy.iter().chain(queued).map(target).collect();
        let mut free = app.store.read(move |database| compute::slots(database, targets)).await?;
        free.insert(local(), compute::cores());
        // A job that waits for jobs that it submitted itself must not keep their place.
        let parents: HashSet<&str> =
            busy.iter().chain(queued).filter_map(|job| job.parent_run_id.as_deref()).collect();
        for job in busy.iter().filter(|job| !parents.contains(job.run_id.as_str())) {
            if let Some(slots) = free.get_mut(&target(job)) {
                *slots = slots.saturating_sub(1);
            }
        }
        Ok(Slots(free))
    }

    /// Takes a slot for the job; false when there is none.
    pub fn take(&mut self, job: &JobRecord) -> bool {
        match self.0.get_mut(&target(job)) {
            Some(slots) if *slots > 0 => {
                *slots -= 1;
                true
            }
            _ => false,
        }
    }
}

fn target(job: &JobRecord) -> Target {
    match job.spec.compute.as_str() {
        LOCAL => local(),
        name => (job.workspace.clone(), name.to_owned()),
    }
}

fn local() -> Target {
    (String::new(), LOCAL.to_owned())
}

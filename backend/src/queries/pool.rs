//! Workers that wait for a query.

use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::worker::{self, Worker};
use crate::error::{Error, FileContext, Result};
use crate::home::Home;

/// A worker that nobody needed for so long is ended.
const IDLE: Duration = Duration::from_secs(60);

pub struct Pool {
    program: PathBuf,
    /// Where workers put what their memory does not hold; each has a folder of its own in it.
    folder: PathBuf,
    idle: Mutex<Vec<(Instant, Worker)>>,
    most: Arc<Semaphore>,
}

/// A worker that is answering. Dropped, it is killed; [`Busy::give_back`] keeps it.
pub struct Busy {
    worker: Worker,
    pool: Arc<Pool>,
    _permit: OwnedSemaphorePermit,
}

impl Pool {
    /// What the workers of a daemon that was killed have left goes.
    pub fn new(home: &Home) -> Result<Arc<Pool>> {
        let folder = home.query_folder();
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            removed => removed.while_trying(|| format!("removing `{}`", folder.display()))?,
        }
        let most = std::thread::available_parallelism().map_or(2, usize::from).max(2);
        Ok(Arc::new(Pool {
            program: worker::program(),
            folder,
            idle: Mutex::default(),
            most: Arc::new(Semaphore::new(most)),
        }))
    }

    /// One that waits, or a new one; waits itself while all there may be are busy.
    pub async fn take(self: &Arc<Pool>) -> Result<Busy> {
        let permit = Arc::clone(&self.most).acquire_owned().await;
        let permit = permit.map_err(|_closed| Error::ShuttingDown)?;
        loop {
            let waiting = self.waiting().pop();
            let Some((_, mut worker)) = waiting else { break };
            // Else it died while it waited: of memory that the machine lacked, perhaps.
            if worker.is_alive() {
                return Ok(Busy { worker, pool: Arc::clone(self), _permit: permit });
            }
        }
        let pool = Arc::clone(self);
        let worker = tokio::task::spawn_blocking(move || {
            let folder = &pool.folder;
            std::fs::create_dir_all(folder)
                .while_trying(|| format!("making `{}`", folder.display()))?;
            Worker::start(&pool.program, folder)
        });
        let worker = worker
            .await
            .map_err(|panic| Error::Defect(format!("starting a worker broke down: {panic}")))??;
        Ok(Busy { worker, pool: Arc::clone(self), _permit: permit })
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<(Instant, Worker)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Busy {
    /// Its query is over; another may come.
    pub fn give_back(self) {
        let Busy { worker, pool, _permit } = self;
        pool.waiting().push((Instant::now(), worker));
        let pool = Arc::downgrade(&pool);
        tokio::spawn(async move {
            tokio::time::sleep(IDLE).await;
            if let Some(pool) = pool.upgrade() {
                pool.waiting().retain(|(since, _)| since.elapsed() < IDLE);
            }
        });
    }
}

impl Deref for Busy {
    type Target = Worker;

    fn deref(&self) -> &Worker {
        &self.worker
    }
}

impl DerefMut for Busy {
    fn deref_mut(&mut self) -> &mut Worker {
        &mut self.worker
    }
}

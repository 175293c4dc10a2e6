//! Hears of growing spool files and drains them.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use notify::{RecursiveMode, Watcher};
use tokio::sync::Notify;

use super::spool::drain;
use crate::app::App;
use crate::error::{Error, Result};

/// Pause between two passes: a script that logs in a tight loop costs thirty commits a second, and
/// who reads meanwhile drains the file first.
const PAUSE: Duration = Duration::from_millis(30);
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Runs until the daemon ends. Files that are there already are drained first.
pub fn watch_spool(app: &Arc<App>) -> Result<tokio::task::JoinHandle<()>> {
    let grown = Arc::new(Grown::default());
    let heard = Arc::clone(&grown);
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        match event {
            Ok(event) if event.kind.is_access() && !is_close_of_writer(&event) => {}
            Ok(event) if event.kind.is_remove() => {}
            // The system dropped events: look at everything.
            Ok(event) if event.need_rescan() => heard.add_all(),
            Ok(event) => event.paths.iter().for_each(|path| heard.add(path)),
            Err(error) => {
                tracing::warn!(%error, "watching the spool failed for a moment");
                heard.add_all();
            }
        }
    })
    .map_err(not_watchable)?;
    let folder = app.home.spool_folder();
    watcher.watch(&folder, RecursiveMode::NonRecursive).map_err(not_watchable)?;
    grown.add_all();

    let app = Arc::clone(app);
    Ok(tokio::spawn(async move {
        // Dropped, the watcher would hear no more.
        let _watcher = watcher;
        loop {
            tokio::select! {
                () = grown.signal.notified() => {}
                () = app.until_shutdown() => return,
            }
            let mut pause = PAUSE;
            for run_id in grown.take(&folder) {
                if let Err(error) = drain(&app, &run_id).await {
                    if matches!(error, Error::ShuttingDown) {
                        return;
                    }
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        run_id,
                        "draining a spool failed; it will be tried again"
                    );
                    grown.add_run(run_id);
                    pause = PAUSE_AFTER_FAILURE;
                }
            }
            tokio::time::sleep(pause).await;
        }
    }))
}

/// Runs whose spool may have grown.
#[derive(Default)]
struct Grown {
    run_ids: Mutex<BTreeSet<String>>,
    everything: std::sync::atomic::AtomicBool,
    signal: Notify,
}

impl Grown {
    fn add(&self, path: &Path) {
        if let Some(run_id) = run_of(path) {
            self.add_run(run_id);
        }
    }

    fn add_run(&self, run_id: String) {
        self.run_ids.lock().unwrap_or_else(PoisonError::into_inner).insert(run_id);
        self.signal.notify_one();
    }

    fn add_all(&self) {
        self.everything.store(true, std::sync::atomic::Ordering::SeqCst);
        self.signal.notify_one();
    }

    fn take(&self, folder: &Path) -> BTreeSet<String> {
        if self.everything.swap(false, std::sync::atomic::Ordering::SeqCst) {
            match std::fs::read_dir(folder) {
                Ok(entries) => {
                    entries.flatten().for_each(|entry| self.add(&entry.path()));
                }
                Err(error) => tracing::error!(%error, "reading the spool folder failed"),
            }
        }
        std::mem::take(&mut *self.run_ids.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The run to which a file `<run_id>.jsonl` belongs.
pub(super) fn run_of(path: &Path) -> Option<String> {
    (path.extension()? == "jsonl").then_some(())?;
    Some(path.file_stem()?.to_str()?.to_owned())
}

fn is_close_of_writer(event: &notify::Event) -> bool {
    use notify::event::{AccessKind, AccessMode, EventKind};
    matches!(event.kind, EventKind::Access(AccessKind::Close(AccessMode::Write)))
}

fn not_watchable(error: notify::Error) -> Error {
    lazuli_domain::ApiError::unavailable(format!("the spool folder cannot be watched: {error}"))
        .hint("raise `fs.inotify.max_user_instances`, or end programs that watch many folders")
        .into()
}

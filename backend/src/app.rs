use std::sync::Arc;

use dashmap::DashMap;
use lazuli_domain::DEFAULT_WORKSPACE;
use tokio::sync::{Mutex, Notify, OwnedMutexGuard, watch};

use crate::access::Access;
use crate::blobs::Blobs;
use crate::clock::now_ms;
use crate::datastores::Opened;
use crate::error::{Error, Result};
use crate::home::Home;
use crate::housekeeping::Exclusion;
use crate::machines::Machines;
use crate::queries::Queries;
use crate::secrets::Vault;
use crate::storage::Storage;
use crate::store::{self, Store};
use crate::studio::SignIn;
use crate::uploads::Uploads;

/// What every use case works on; one per daemon.
pub struct App {
    pub home: Home,
    pub store: Store,
    pub blobs: Blobs,
    pub(crate) uploads: Uploads,
    pub(crate) opened: Opened,
    pub(crate) queries: Queries,
    pub(crate) exclusion: Exclusion,
    pub(crate) vault: Vault,
    pub(crate) machines: Machines,
    pub(crate) token: String,
    pub(crate) access: Access,
    pub(crate) sign_in: SignIn,
    /// Where clients reach this daemon, `http://127.0.0.1:PORT`.
    pub url: String,
    /// The `--host` given, which the Host header of a request may name.
    pub(crate) host: String,
    /// Which database, for people.
    pub(crate) database: String,
    pub(crate) started_at_ms: i64,
    /// How many files a program may have open, as the daemon itself was started: scripts get that.
    pub(crate) files_at_once: u64,
    /// Woken when a job was queued or its cancel was asked for.
    pub job_changes: Notify,
    shutdown: watch::Sender<bool>,
    /// One lock per run that is being ended or whose log grows.
    gates: DashMap<String, Arc<Mutex<()>>>,
}

/// Held by who changes files of a run.
pub struct RunGate {
    app: Arc<App>,
    run_id: String,
    guard: Option<OwnedMutexGuard<()>>,
}

impl App {
    /// Opens the home: database brought up to date, default workspace there, leftovers removed.
    pub async fn open(home: Home, storage: &Storage, host: &str, url: String) -> Result<Arc<App>> {
        let place = storage.database_place(&home)?;
        let database = place.to_string();
        // A database on a server is asked by a client that blocks.
        let store =
            tokio::task::spawn_blocking(move || Store::open(place)).await.map_err(|panic| {
                Error::Defect(format!("opening the database broke down: {panic}"))
            })??;
        let blobs = Blobs::open(&home, storage.blob_place(&home)?).await?;
        let app = Arc::new(App {
            exclusion: Exclusion::default(),
            uploads: Uploads::open(blobs.uploads_folder())?,
            opened: Opened::default(),
            queries: Queries::new(&home)?,
            blobs,
            vault: Vault::new(home.secrets_key()?),
            machines: Machines::default(),
            token: home.token()?,
            access: Access::new(store.read(store::access_tokens::all).await?),
            sign_in: SignIn::open(home.studio_sessions())?,
            url,
            host: host.to_owned(),
            database,
            started_at_ms: now_ms(),
            files_at_once: crate::process::files_at_once(),
            job_changes: Notify::new(),
            shutdown: watch::Sender::new(false),
            gates: DashMap::new(),
            store,
            home,
        });
        let started_at_ms = app.started_at_ms;
        let has_default = app
            .store
            .read(|database| {
                Ok(store::workspaces::list(database)?
                    .iter()
                    .any(|workspace| workspace.name == DEFAULT_WORKSPACE))
            })
            .await?;
        if !has_default {
            app.store
                .write(move |write| {
                    let no_tags = Default::default();
                    store::workspaces::ensure(write, DEFAULT_WORKSPACE, &no_tags, started_at_ms)
                })
                .await?;
        }
        Ok(app)
    }

    pub fn token(&self) -> &str {
        &self.token
    }

    /// Asks the daemon to end, as `POST /api/shutdown` and SIGTERM do.
    pub fn request_shutdown(&self) {
        self.shutdown.send_replace(true);
    }

    /// Becomes true when the daemon ends.
    pub fn shutdown(&self) -> watch::Receiver<bool> {
        self.shutdown.subscribe()
    }

    /// Resolves when the daemon is asked to end.
    pub async fn until_shutdown(&self) {
        let mut shutdown = self.shutdown();
        // The sender lives as long as this App, so waiting cannot fail.
        let _always_ok = shutdown.wait_for(|is_ending| *is_ending).await;
    }

    /// Waits until nobody else changes the files of this run.
    pub async fn enter_run(self: &Arc<Self>, run_id: &str) -> RunGate {
        let gate = Arc::clone(self.gates.entry(run_id.to_owned()).or_default().value());
        let guard = gate.lock_owned().await;
        RunGate { app: Arc::clone(self), run_id: run_id.to_owned(), guard: Some(guard) }
    }
}

impl Drop for RunGate {
    fn drop(&mut self) {
        drop(self.guard.take());
        // Keep the map as small as the number of runs in use: two owners are the map and this check.
        self.app.gates.remove_if(&self.run_id, |_, gate| Arc::strong_count(gate) == 1);
    }
}

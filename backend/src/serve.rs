//! The daemon's life: lock, open, listen, tell where, serve, end.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use lazuli_domain::{ApiError, DaemonInfo, VERSION};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

use crate::app::App;
use crate::config::{ServeOptions, log_filter};
use crate::home::Home;
use crate::storage::Storage;
use crate::{http, jobs, machines, process, tracking};

/// What was begun may take so long to end once the daemon is asked to.
const GRACE: Duration = Duration::from_secs(5);
const LARGEST_LOG: u64 = 10 << 20;

/// Serves until SIGTERM, SIGINT or `POST /api/shutdown`. Must be called on a Tokio runtime.
pub async fn serve(options: ServeOptions) -> anyhow::Result<()> {
    let home = Home::open(&options.home).map_err(readable)?;
    if options.on_demand {
        leave_session();
        shorten_log(&home.daemon_log());
    }
    start_log(options.on_demand);
    // Handlers stand before anybody can know of this daemon and end it.
    let signals = Signals::catch()?;

    let Some(_lock) = home.lock().map_err(readable)? else {
        if options.on_demand {
            return Ok(());
        }
        let place =
            home.read_daemon_json().map_or_else(String::new, |info| format!(" at {}", info.url));
        return Err(anyhow!(
            ApiError::conflict(format!("a daemon already serves this home{place}"))
                .hint("use it, or end it with `lazuli stop`")
        ));
    };
    let storage = Storage::choose(&home, options.storage.clone()).map_err(readable)?;
    let listener = listen(&options, &home).await?;
    let address = listener.local_addr().context("asking for the own address")?;
    home.keep_port(address.port()).map_err(readable)?;
    let url = format!("http://{}", reachable(address));

    let app = App::open(home, &storage, &options.host, url.clone()).await.map_err(readable)?;
    tracking::recover(&app).await.map_err(readable)?;
    let background = start_background(&app)?;

    let executable = std::env::current_exe().context("finding the own program")?;
    app.home
        .write_daemon_json(&DaemonInfo {
            url: url.clone(),
            version: VERSION.to_owned(),
            process: process::identity_of(std::process::id())
                .context("reading the own identity from /proc")?,
            executable: executable.display().to_string(),
            is_remote: false,
        })
        .map_err(readable)?;
    tracing::info!(url, home = %app.home.path().display(), version = VERSION, "serving");
    if !options.on_demand {
        eprintln!("Lazuli {VERSION} serves {} at {url}", app.home.path().display());
    }

    let ending = Arc::clone(&app);
    tokio::spawn(async move {
        signals.any().await;
        ending.request_shutdown();
    });
    allow_many_connections();
    let served = serve_until_asked(listener, &app).await;

    // Clients must not be sent here any more; then what was begun is brought to its end.
    app.home.remove_daemon_json().map_err(readable)?;
    for task in background {
        if let Err(error) = task.await {
            tracing::error!(%error, "a background task broke down");
        }
    }
    app.store.close().await.map_err(readable)?;
    tracing::info!("ended");
    served
}

/// Every listener and every upload is an open file; the usual limit of 1,024 is for programs that
/// call `select`.
fn allow_many_connections() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls get a valid pointer to `limit`.
    let raised = unsafe {
        libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 && {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &limit) == 0
        }
    };
    if !raised {
        tracing::warn!(
            error = %std::io::Error::last_os_error(),
            "the limit of open files stays as it is"
        );
    }
}

async fn serve_until_asked(listener: TcpListener, app: &Arc<App>) -> anyhow::Result<()> {
    let waiting = Arc::clone(app);
    let server = http::serve(listener, Arc::clone(app), async move {
        waiting.until_shutdown().await;
    });
    tokio::pin!(server);
    tokio::select! {
        served = &mut server => served.context("serving")?,
        () = grace_after_shutdown(app) => {
            tracing::warn!("requests that did not end in time were cut off");
        }
    }
    Ok(())
}

async fn grace_after_shutdown(app: &App) {
    app.until_shutdown().await;
    tokio::time::sleep(GRACE).await;
}

fn start_background(app: &Arc<App>) -> anyhow::Result<Vec<JoinHandle<()>>> {
    let linked = Arc::clone(app);
    tokio::spawn(async move {
        if let Err(error) = machines::open_all(&linked).await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the machines that are attached were not linked"
            );
        }
        linked.job_changes.notify_one();
    });
    Ok(vec![
        tracking::watch_spool(app).map_err(readable)?,
        tracking::watch_owners(app),
        tracking::watch_uploads(app),
        jobs::supervise(app),
    ])
}

/// On the port asked for; when none is, on the one of the last daemon, or on any that is free.
async fn listen(options: &ServeOptions, home: &Home) -> anyhow::Result<TcpListener> {
    if options.port == 0
        && let Some(port) = home.last_port()
        && let Ok(listener) = TcpListener::bind((options.host.as_str(), port)).await
    {
        return Ok(listener);
    }
    let (host, port) = (options.host.as_str(), options.port);
    let addresses: Vec<SocketAddr> = (host, port)
        .to_socket_addrs()
        .map_err(|error| {
            ApiError::invalid(format!("`{host}` is not an address of this machine: {error}"))
                .hint("leave `--host` out to serve this machine only")
        })?
        .collect();
    match TcpListener::bind(addresses.as_slice()).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            bail!(
                ApiError::unavailable(format!("port {port} of {host} is taken by another program"))
                    .hint("choose another `--port`, or leave it out and any free one is taken")
            )
        }
        Err(error) => {
            bail!(
                ApiError::unavailable(format!("cannot listen on {host}, port {port}: {error}"))
                    .hint("choose another `--host` or `--port`")
            )
        }
    }
}

/// Where a client on this machine finds the address: `0.0.0.0` can be listened on, not called.
fn reachable(address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        return format!("127.0.0.1:{}", address.port());
    }
    address.to_string()
}

struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

impl Signals {
    fn catch() -> anyhow::Result<Signals> {
        let catch = |kind| signal(kind).context("catching signals");
        Ok(Signals {
            terminate: catch(SignalKind::terminate())?,
            interrupt: catch(SignalKind::interrupt())?,
            hang_up: catch(SignalKind::hangup())?,
        })
    }

    async fn any(mut self) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                // The terminal of the client that started the daemon was closed: not our end.
                Some(()) = self.hang_up.recv() => {}
            }
        }
    }
}

/// Ctrl-C in the client's terminal must not reach the daemon. A client may already have put it in a
/// group of its own, which is as good: a leader of a group cannot leave its session.
fn leave_session() {
    // SAFETY: the call takes nothing and changes only this process's session.
    if unsafe { libc::setsid() } == -1 {
        tracing::debug!("the daemon leads a group already");
    }
}

fn start_log(as_json: bool) {
    let filter = tracing_subscriber::EnvFilter::try_new(log_filter())
        .unwrap_or_else(|_malformed| tracing_subscriber::EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = if as_json { log.json().try_init() } else { log.with_ansi(false).try_init() };
    // A program that embeds the daemon has its own.
    if let Err(error) = started {
        tracing::debug!(error, "logging was set up before");
    }
}

fn shorten_log(path: &Path) {
    let Ok(metadata) = std::fs::metadata(path) else { return };
    if metadata.len() > LARGEST_LOG
        && let Err(error) =
            std::fs::File::options().write(true).open(path).and_then(|log| log.set_len(0))
    {
        tracing::warn!(%error, "the log was not shortened");
    }
}

/// A refusal keeps its hint; what failed keeps its causes.
fn readable(error: crate::Error) -> anyhow::Error {
    match error {
        crate::Error::Refused(refusal) => refusal.into(),
        crate::Error::File { action, source } => {
            ApiError::unavailable(format!("{action} failed: {source}"))
                .hint("see who may write there, or set LAZULI_HOME to another folder")
                .into()
        }
        other => other.into(),
    }
}

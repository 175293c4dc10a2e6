//! The language server of Lazuli, `lazuli lsp`: it knows the magics of notebook cells and the names
//! of the workspace that code says, and it serves the editor's explorer.
//!
//! [`server`] only forwards; [`main_loop`] owns what is known, and hands snapshots to [`handlers`] and
//! [`custom`] requests, which convert in, ask [`analysis`], and convert out. [`analysis`] knows no LSP
//! and does no I/O. [`watcher`] asks the daemon, by way of `lazuli`, as any program does.

mod analysis;
mod custom;
mod documents;
mod handlers;
mod input;
mod main_loop;
mod names;
mod server;
mod text;
mod watcher;

use tower_lsp_server::Server;

/// Handlers that may be under way: a submission that is waited for must not hold up the others.
const CONCURRENT: usize = 64;

/// What is logged goes to standard error, which editors keep.
fn log() {
    // One of its own may be there, when a test serves.
    let _ = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .try_init();
}

/// Serves the editor on standard input and output until it goes away.
pub fn serve() -> anyhow::Result<()> {
    log();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let (service, socket) = server::service();
        Server::new(input::messages(tokio::io::stdin()), tokio::io::stdout(), socket)
            .concurrency_level(CONCURRENT)
            .serve(service)
            .await;
    });
    // What still waits for the daemon must not hold up the end.
    runtime.shutdown_background();
    Ok(())
}

use std::process::ExitCode;

use lazuli_backend::{ServeOptions, Storage};
use lazuli_commands::table::Serve;

use crate::Done;
use crate::terminal::Failure;

/// The daemon waits more than it works: two threads serve it well and keep it small.
const WORKERS: usize = 2;

pub fn serve(command: Serve) -> Done {
    let home = lazuli::Home::from_environment()?;
    let options = ServeOptions {
        home: home.path().to_owned(),
        host: command.host,
        port: command.port,
        on_demand: command.on_demand,
        storage: Storage { database: command.database, blobs: command.blobs },
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("the daemon's threads cannot start: {error}")))?;
    runtime.block_on(lazuli_backend::serve(options))?;
    Ok(ExitCode::SUCCESS)
}

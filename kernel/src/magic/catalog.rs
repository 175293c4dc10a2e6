//! Names for completion, asked of the daemon while somebody types: quickly or not at all, and
//! never by starting a daemon.

use std::path::Path;
use std::time::Duration;

use lazuli::client::Client;
use lazuli_actions::{complete_files, fetch_catalog};
use lazuli_commands::{Catalog, NameKind, Wanted};

use super::shared;
use crate::jupyter::kernel::Kernel;

const PATIENCE: Duration = Duration::from_millis(500);

/// The names of the wanted kind; none when the daemon does not answer in time.
pub async fn fetch(kernel: &Kernel, wanted: Wanted) -> Catalog {
    let session = kernel.session.active();
    let asked = tokio::task::spawn_blocking(move || {
        if wanted.kind == NameKind::File {
            let files = complete_files(Path::new("."), &wanted.prefix);
            return Ok(Catalog { files, ..Catalog::default() });
        }
        match Client::connect_existing()? {
            Some(client) => fetch_catalog(&shared::context(client)?, &session, &wanted),
            None => Ok(Catalog::default()),
        }
    });
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(Ok(catalog))) => catalog,
        Ok(Ok(Err(error))) => {
            tracing::info!(%error, "no names to complete with");
            Catalog::default()
        }
        Ok(Err(error)) => {
            tracing::error!(%error, "the names could not be fetched");
            Catalog::default()
        }
        Err(_) => Catalog::default(),
    }
}

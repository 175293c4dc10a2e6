use lazuli_domain::DisplayBundle;
use serde::Deserialize;
use tower_lsp_server::jsonrpc::Result;

use super::{ask, invalid};
use crate::main_loop::Snapshot;

#[derive(Debug, Deserialize)]
pub struct DisplayParams {
    pub run: Option<String>,
    pub dataset: Option<String>,
    pub version: Option<u64>,
    pub workspace: Option<String>,
}

/// A run or a dataset as a notebook shows it.
pub async fn display(snapshot: &Snapshot, params: DisplayParams) -> Result<DisplayBundle> {
    match (params.run, params.dataset) {
        (Some(run), None) => of_run(run).await,
        (None, Some(dataset)) => {
            let workspace = params.workspace.unwrap_or_else(|| snapshot.workspace.clone());
            ask(move |client| {
                let version = match params.version {
                    Some(version) => version,
                    None => client.dataset(&workspace, &dataset, None)?.version,
                };
                client.display_dataset(&workspace, &dataset, version)
            })
            .await
        }
        _ => Err(invalid("`lazuli/display` wants either `run` or `dataset`")),
    }
}

pub async fn of_run(run: String) -> Result<DisplayBundle> {
    ask(move |client| client.display(&run)).await
}

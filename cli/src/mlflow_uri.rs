use std::process::ExitCode;

use lazuli::client::Client;
use lazuli_commands::Options;
use serde_json::json;

use crate::Done;
use crate::terminal::Terminal;

/// Prints what `MLFLOW_TRACKING_URI` is to be, and starts the daemon: an MLflow client cannot.
pub fn print(terminal: &Terminal, options: &Options) -> Done {
    let workspace = match &options.workspace {
        Some(workspace) => workspace.clone(),
        None => lazuli::workspace_name(&lazuli::Config::from_environment()?)?,
    };
    let client = Client::connect()?;
    // A wrong name would otherwise be refused in every request of a training script.
    let workspace = client.workspace(&workspace)?.name;
    let uri = client.mlflow_uri(&workspace);
    match terminal.json {
        true => terminal.json(&json!({ "uri": uri, "workspace": workspace }))?,
        false => terminal.data(&uri)?,
    }
    Ok(ExitCode::SUCCESS)
}

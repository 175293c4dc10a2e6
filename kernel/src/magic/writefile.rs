//! `%%writefile`: the cell becomes a file.

use lazuli_actions::write_file;
use lazuli_commands::table::Writefile;

use super::{failed, failure};
use crate::cell::Cell;
use crate::interpreter::CellError;

pub async fn run(cell: &mut Cell, command: Writefile, body: &str) -> Result<(), CellError> {
    let mut body = body.to_owned();
    // Front ends cut the last newline of a cell; a text file ends with one.
    if !body.is_empty() && !body.ends_with('\n') {
        body.push('\n');
    }
    let written = tokio::task::spawn_blocking(move || {
        let folder = std::env::current_dir().map_err(|error| {
            lazuli_domain::ApiError::unavailable(format!("the current folder is gone: {error}"))
        })?;
        write_file(&folder, &command, &body)
    });
    match written.await {
        Ok(Ok(outcome)) => {
            cell.stdout(outcome.text + "\n").await;
            Ok(())
        }
        Ok(Err(error)) => Err(failed(&error)),
        Err(error) => Err(failure("InternalError", error.to_string(), None)),
    }
}

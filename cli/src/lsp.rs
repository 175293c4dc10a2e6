use std::process::ExitCode;

use crate::Done;
use crate::terminal::Failure;

pub fn serve() -> Done {
    lazuli_lsp::serve().map_err(|error| {
        Failure::new(format!("the language server cannot be started: {error:#}"))
    })?;
    Ok(ExitCode::SUCCESS)
}

//! `%secret set NAME`: the value is asked for, so that the notebook does not keep it.

use lazuli_commands::table::{Command, SecretCommand};

use super::failure;
use crate::cell::Cell;
use crate::interpreter::CellError;

pub async fn ask(cell: &mut Cell, name: String) -> Result<Command, CellError> {
    let value = cell.ask(&format!("Value of the secret {name}: "), true).await?;
    if value.is_empty() {
        return Err(failure(
            "Invalid",
            format!("no value was given for the secret `{name}`"),
            Some("run the cell again and type it".into()),
        ));
    }
    Ok(Command::Secret(SecretCommand::Set { name, value: Some(value) }))
}

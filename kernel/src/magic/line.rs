//! Line magics: `%name …`.

use lazuli_commands::table::{Command, LineCommand, SecretCommand};
use lazuli_commands::{LineMagic, help, magics};
use serde_json::Value;

use super::{failure, refused, secret, shared, sql};
use crate::cell::{Cell, in_place, rust};
use crate::interpreter::CellError;

pub async fn run(cell: &mut Cell, code: &str, magic: LineMagic) -> Result<(), CellError> {
    let magic = evaluate(cell, code, magic).await?;
    match magic.command {
        LineCommand::Lsmagic => {
            cell.stdout(list()).await;
            Ok(())
        }
        LineCommand::Help { topic } => {
            let text = help(&topic).map_err(|error| refused(&topic, &error))?;
            cell.stdout(text).await;
            Ok(())
        }
        LineCommand::Shared(Command::Secret(SecretCommand::Set { name, value: None })) => {
            let command = secret::ask(cell, name).await?;
            shared::run(cell, magic.options, command).await
        }
        LineCommand::Shared(Command::Sql(asked)) => {
            sql::run(cell, magic.options, asked.query.join(" "), asked.options).await
        }
        LineCommand::Shared(command) => shared::run(cell, magic.options, command).await,
    }
}

/// Puts the values of the `{rust expressions}` in their places. Without any, a magic does not
/// touch the interpreter.
async fn evaluate(cell: &mut Cell, code: &str, magic: LineMagic) -> Result<LineMagic, CellError> {
    let mut texts = Vec::new();
    for expression in &magic.expressions {
        let in_place = in_place(code, expression.span.clone());
        let value = rust::evaluate(cell, &in_place).await?;
        let text = value.get("text/plain").and_then(Value::as_str).ok_or_else(|| {
            failure(
                "NoValue",
                format!("`{}` has no value that can be written as text", expression.code),
                None,
            )
        })?;
        // A Rust string shows itself in quotes.
        texts.push(match serde_json::from_str::<String>(text) {
            Ok(unquoted) => unquoted,
            Err(_) => text.trim().to_owned(),
        });
    }
    Ok(if magic.expressions.is_empty() { magic } else { magic.fill(texts) })
}

fn list() -> String {
    let magics = magics();
    let width = magics.iter().map(|magic| magic.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for magic in magics {
        let stands_for = magic.stands_for.map(|whole| format!(" (short for {whole})"));
        let stands_for = stands_for.unwrap_or_default();
        text.push_str(&format!("{:width$}  {}{stands_for}\n", magic.name, magic.about));
    }
    text.push_str("\n%help NAME explains one of them\n");
    text
}

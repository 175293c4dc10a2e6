//! `%%sql` and `%sql`: registered datasets asked in SQL. With `-o name` the rows are kept in a Rust
//! variable of that name.

use lazuli_actions::sql;
use lazuli_commands::Options;
use lazuli_commands::table::SqlOptions;

use super::{failure, shared};
use crate::cell::{Cell, rust};
use crate::interpreter::CellError;

pub async fn run(
    cell: &mut Cell,
    options: Options,
    query: String,
    asked: SqlOptions,
) -> Result<(), CellError> {
    let variable = asked.output.clone();
    if let Some(name) = variable.as_deref().filter(|name| !is_variable(name)) {
        return Err(failure(
            "Invalid",
            format!("`{name}` is no name for a variable"),
            Some("use lower-case letters, digits and `_`, such as `ages`".into()),
        ));
    }
    let as_json = options.json;
    let outcome = shared::in_session(cell, move |context, session, talk| {
        let mut here = session.clone();
        if let Some(workspace) = options.workspace {
            here.workspace = workspace;
        }
        sql(context, &here, talk, &query, &asked, as_json)
    })
    .await?;
    let rows = variable.as_ref().map(|_| outcome.json.to_string());
    shared::show(cell, outcome, as_json).await?;
    match variable.zip(rows) {
        Some((name, rows)) => bind(cell, &name, &rows).await,
        None => Ok(()),
    }
}

/// The rows lie in a file of the session until the cell's own code has read them.
async fn bind(cell: &mut Cell, name: &str, rows: &str) -> Result<(), CellError> {
    let kept = cell.kernel.session.keep("rows.json", rows.as_bytes()).map_err(|error| {
        failure("Unavailable", format!("the rows cannot be kept: {error}"), None)
    })?;
    let code = format!(
        "let {name}: lazuli::Table = lazuli::Table::open({:?}).unwrap();",
        kept.display().to_string()
    );
    rust::run(cell, &code).await
}

fn is_variable(name: &str) -> bool {
    let mut letters = name.chars();
    let begins = letters.next().is_some_and(|first| first.is_alphabetic() || first == '_');
    begins && name != "_" && letters.all(|letter| letter.is_alphanumeric() || letter == '_')
}

//! Cell magics: `%%name …`, the rest of the cell is the body.

use lazuli_actions::submit_body;
use lazuli_commands::{BodyCommand, BodyMagic};

use super::{bash, shared, sql, track, writefile};
use crate::cell::Cell;
use crate::interpreter::CellError;

pub async fn run(cell: &mut Cell, code: &str, magic: BodyMagic) -> Result<(), CellError> {
    let body = &code[magic.body.clone()];
    match magic.command {
        BodyCommand::Python => {
            let kernel = cell.kernel.clone();
            kernel.python.run(cell, body).await
        }
        BodyCommand::Bash(bash) => bash::run(cell, &bash, body).await,
        BodyCommand::Writefile(writefile) => writefile::run(cell, writefile, body).await,
        BodyCommand::Track(track) => track::run(cell, magic.options, track, code, magic.body).await,
        BodyCommand::Sql(asked) => {
            let query = body.trim().to_owned();
            sql::run(cell, magic.options, query, asked.options).await
        }
        BodyCommand::Submit(submit) => {
            let as_json = magic.options.json;
            let body = body.to_owned();
            let outcome = shared::in_session(cell, move |context, session, talk| {
                let workspace = session.workspace.clone();
                if let Some(workspace) = magic.options.workspace {
                    session.workspace = workspace;
                }
                let outcome = submit_body(context, session, talk, &submit, &body);
                session.workspace = workspace;
                outcome
            })
            .await?;
            shared::show(cell, outcome, as_json).await
        }
    }
}

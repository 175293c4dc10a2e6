use lazuli::Result;
use lazuli_commands::table::SecretCommand;
use lazuli_domain::{ApiError, NewSecret};
use serde_json::json;

use crate::show::{age, now_ms};
use crate::{Caller, Context, Outcome, Session, Table, Talk};

pub(crate) fn perform(
    command: &SecretCommand,
    context: &Context,
    session: &Session,
    talk: &mut dyn Talk,
) -> Result<Outcome> {
    let workspace = &session.workspace;
    match command {
        SecretCommand::List => {
            let secrets = context.client.secrets(workspace)?;
            let nothing = format!("workspace `{workspace}` has no secrets");
            let mut table = Table::new(["Name", "Changed"]).when_empty(nothing);
            for secret in &secrets {
                table.row(vec![secret.name.clone(), age(secret.updated_at_ms, now_ms())]);
            }
            Outcome::table(&table, &secrets)
        }
        // What a cell shows stays in the notebook.
        SecretCommand::Show { name } if context.caller == Caller::Cell => {
            Err(ApiError::invalid(format!(
                "a notebook would keep the value of the secret `{name}`, so a cell does not show it"
            ))
            .hint(format!(
                "use it in code, `workspace.keyvault().get_secret(\"{name}\")`, or see it in a shell: `lazuli secret show {name}`"
            ))
            .into())
        }
        SecretCommand::Show { name } => {
            let secret = context.client.secret(workspace, name)?;
            Outcome::new(secret.value.clone(), &json!({ "name": name, "value": secret.value }))
        }
        SecretCommand::Set { name, value } => {
            let value = value.clone().or_else(|| talk.ask_secret(&format!("value of `{name}`: ")));
            let Some(value) = value else {
                return Err(ApiError::invalid(format!("the secret `{name}` has no value"))
                    .hint("type it when asked, or give it after the name")
                    .into());
            };
            context.client.set_secret(workspace, name, &NewSecret { value })?;
            Outcome::new(format!("kept the secret `{name}`"), &json!({ "name": name }))
        }
        SecretCommand::Delete { name } => {
            context.client.delete_secret(workspace, name)?;
            Outcome::new(format!("deleted the secret `{name}`"), &json!({ "name": name }))
        }
    }
}

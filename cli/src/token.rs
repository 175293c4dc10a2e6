use std::process::ExitCode;

use lazuli::client::Client;
use lazuli_actions::{Table, age, date_time, now_ms};
use lazuli_commands::table::TokenCommand;
use lazuli_domain::NewAccessToken;
use serde_json::json;

use crate::Done;
use crate::terminal::Terminal;

/// Access tokens of the daemon.
pub fn perform(terminal: &Terminal, command: &TokenCommand) -> Done {
    let client = Client::connect()?;
    match command {
        TokenCommand::List => {
            let tokens = client.access_tokens()?;
            if terminal.json {
                terminal.json(&json!(tokens))?;
                return Ok(ExitCode::SUCCESS);
            }
            let now = now_ms();
            let mut table = Table::new(["Name", "Made", "Last used", "Expires"])
                .when_empty("there are no access tokens; `lazuli token create NAME` makes one");
            for token in &tokens {
                let used = token.last_used_at_ms.map_or("never".into(), |at| age(at, now));
                let expires = match token.expires_at_ms {
                    None => "never".to_owned(),
                    Some(end) if end <= now => format!("expired {}", age(end, now)),
                    Some(end) => date_time(end),
                };
                table.row(vec![token.name.clone(), age(token.created_at_ms, now), used, expires]);
            }
            terminal.data(&table.text())?;
        }
        TokenCommand::Create { name, expires_in } => {
            let new = NewAccessToken { name: name.clone(), expires_in_days: *expires_in };
            let made = client.create_access_token(&new)?;
            if terminal.json {
                terminal.json(&json!(made))?;
                return Ok(ExitCode::SUCCESS);
            }
            let until = match made.access_token.expires_at_ms {
                Some(end) => format!("it expires on {}", date_time(end)),
                None => "it lasts until it is revoked".to_owned(),
            };
            terminal.note(&format!("keep this token now, it is not shown again; {until}"));
            terminal.data(&made.token)?;
        }
        TokenCommand::Revoke { name } => {
            client.revoke_access_token(name)?;
            match terminal.json {
                true => terminal.json(&json!({ "name": name }))?,
                false => terminal.data(&format!("revoked the access token `{name}`"))?,
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

use std::process::ExitCode;

use lazuli::client::Client;
use lazuli::{Home, process};
use lazuli_actions::{age, byte_size, now_ms};
use lazuli_domain::{DaemonStatus, VERSION};
use serde_json::json;

use crate::Done;
use crate::terminal::{Failure, Terminal};

const NONE_RUNS: u8 = 3;

pub fn status(terminal: &Terminal) -> Done {
    let home = Home::from_environment()?;
    let Some(client) = Client::connect_existing_to(&home)? else {
        if let Some(info) = home.daemon_info()?.filter(|info| process::is_alive(&info.process)) {
            let pid = info.process.pid;
            return Err(Failure::new(format!("the daemon (process {pid}) does not answer"))
                .hint("`lazuli stop` ends it, the next command starts another one"));
        }
        let home = home.path().display().to_string();
        match terminal.json {
            true => terminal.json(&json!({ "running": false, "home": home }))?,
            false => {
                terminal.note(&format!("no daemon serves `{home}`"));
                terminal.note("hint: the next command that needs one starts it");
            }
        }
        return Ok(ExitCode::from(NONE_RUNS));
    };
    let status = client.status()?;
    match terminal.json {
        true => {
            let mut value = serde_json::to_value(&status)
                .map_err(|error| Failure::new(format!("the status has no JSON form: {error}")))?;
            value["running"] = json!(true);
            terminal.json(&value)?;
        }
        false => terminal.data(&describe(&status))?,
    }
    if status.version != VERSION {
        terminal.note(&format!(
            "the daemon is version {}, this program is version {VERSION}",
            status.version
        ));
        terminal.note("hint: run `lazuli stop`; the next command starts the right one");
    }
    Ok(ExitCode::SUCCESS)
}

fn describe(status: &DaemonStatus) -> String {
    format!(
        "Daemon      {}\nVersion     {} ({})\nProcess     {}, {} of memory\nStarted     {}\n\
         Home        {}\nWorkspaces  {}\nRuns        {} ({} active)\nModels      {}",
        status.url,
        status.version,
        status.database,
        status.pid,
        byte_size(status.memory),
        age(status.started_at_ms, now_ms()),
        status.home,
        status.workspaces,
        status.runs,
        status.active_runs,
        status.models,
    )
}

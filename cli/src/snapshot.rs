use std::path::Path;
use std::process::ExitCode;

use lazuli::client::Client;
use lazuli_actions::{Caller, Context, byte_size, create_snapshot};
use lazuli_commands::table::SnapshotCommand;

use crate::Done;
use crate::terminal::{Failure, Terminal};

pub fn perform(terminal: &Terminal, command: &SnapshotCommand) -> Done {
    let SnapshotCommand::Create { folder } = command;
    let config = lazuli::Config::from_environment()?;
    let context = Context::new(Client::connect()?, Caller::Shell, config)?;
    let mut talk = terminal.talk();
    let created = create_snapshot(&context, &mut talk, Some(Path::new(folder)), Vec::new());
    talk.end()?;
    let created = created?;
    match terminal.json {
        true => terminal
            .json(&serde_json::to_value(&created).map_err(|error| {
                Failure::new(format!("the snapshot has no JSON form: {error}"))
            })?)?,
        false => {
            terminal.note(&format!("{} files, {}", created.files, byte_size(created.size)));
            terminal.data(&created.snapshot_id)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

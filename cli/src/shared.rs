use std::process::ExitCode;

use lazuli::client::Client;
use lazuli_actions::{Caller, Context, Session};
use lazuli_commands::{Command, Options};

use crate::Done;
use crate::terminal::Terminal;

/// A command that cells know as well.
pub fn perform(terminal: &Terminal, options: &Options, command: &Command) -> Done {
    let config = lazuli::Config::from_environment()?;
    let mut session = Session::from_environment(&config)?;
    let context = Context::new(Client::connect()?, Caller::Shell, config)?;
    let mut talk = terminal.talk();
    let outcome = lazuli_actions::perform(command, options, &context, &mut session, &mut talk);
    talk.end()?;
    let outcome = outcome?;
    match terminal.json {
        true => terminal.json(&outcome.json)?,
        false => terminal.data(&outcome.text)?,
    }
    Ok(if outcome.is_bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

use std::os::unix::process::CommandExt;

use lazuli::client::Client;
use lazuli_commands::Options;
use lazuli_commands::table::Ssh;

use crate::Done;

/// Becomes `ssh` on an attached machine; comes back only when that cannot be started.
pub fn open(options: &Options, command: &Ssh) -> Done {
    let client = Client::connect()?;
    let config = lazuli::Config::from_environment()?;
    let workspace = match &options.workspace {
        Some(workspace) => workspace.clone(),
        None => lazuli::workspace_name(&config)?,
    };
    let target = client.compute_target(&workspace, &command.name)?;
    let mut ssh = lazuli::ssh::command(&config, &target, &[])?;
    if !command.words.is_empty() {
        // ssh joins its words by spaces for the shell over there, which must read them as they were given.
        ssh.arg(command.words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "));
    }
    Err(lazuli::ssh::not_started(&ssh.exec()).into())
}

fn quoted(word: &str) -> String {
    let is_plain = |one: char| one.is_ascii_alphanumeric() || "_-./:=@%+,".contains(one);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

use std::process::ExitCode;

use clap_complete::Shell;
use lazuli_commands::shell_table;
use lazuli_commands::table::CompletionShell;

use crate::Done;
use crate::terminal::Terminal;

pub fn print(terminal: &Terminal, shell: CompletionShell) -> Done {
    let shell = match shell {
        CompletionShell::Bash => Shell::Bash,
        CompletionShell::Elvish => Shell::Elvish,
        CompletionShell::Fish => Shell::Fish,
        CompletionShell::Powershell => Shell::PowerShell,
        CompletionShell::Zsh => Shell::Zsh,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut shell_table(), "lazuli", &mut script);
    terminal.data(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}

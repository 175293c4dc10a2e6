use std::os::unix::process::CommandExt;
use std::process::Command;

use lazuli_commands::table::Kernel;

use crate::Done;
use crate::terminal::Failure;

const PROGRAM: &str = "lazuli-kernel";

/// `lazuli-kernel`, the program beside this one, takes this process over.
pub fn hand_over(command: &Kernel) -> Done {
    let own = std::env::current_exe()
        .map_err(|error| Failure::new(format!("the own program cannot be found: {error}")))?;
    let program = own.with_file_name(PROGRAM);
    let error = Command::new(&program).args(&command.arguments).exec();
    let shown = program.display();
    Err(match error.kind() {
        std::io::ErrorKind::NotFound => Failure::new(format!("`{shown}` does not exist"))
            .hint(format!("install `{PROGRAM}` beside `lazuli`")),
        _ => Failure::new(format!("`{shown}` cannot be started: {error}")),
    })
}

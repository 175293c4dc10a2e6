//! The program `uv`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::attention::Attention;
use crate::config::Config;
use crate::end::Stopped;
use crate::process::{self, Ended};
use crate::std_log::StdLog;

/// On the PATH, beside the interpreter (`pip install uv`), or where its installer puts it.
pub fn find(config: &Config, interpreter: &Path) -> Result<PathBuf, Stopped> {
    let beside = interpreter.parent().map(|folder| folder.join("uv"));
    config
        .find_program("uv")
        .or(beside.filter(|path| path.is_file()))
        .or_else(|| {
            let places = config.installers_folders().into_iter().map(|folder| folder.join("uv"));
            places.into_iter().find(|path| path.is_file())
        })
        .ok_or_else(|| {
            Stopped::failed(
                "the program `uv`, which makes Python environments, was not found",
                "hint: install it with `pip install uv`, or submit the script without packages to use the Python that is there".to_owned(),
            )
        })
}

/// Makes an environment with exactly these packages in an empty folder.
pub fn make(
    uv: &Path,
    interpreter: &Path,
    folder: &Path,
    packages: &[String],
    attention: &Attention,
    log: &mut StdLog,
) -> Result<(), Stopped> {
    // Relocatable: the environment is moved to its place when it is whole.
    let mut venv = command(uv, folder);
    venv.args(["venv", "--quiet", "--relocatable", "--allow-existing", "--python"]);
    venv.arg(interpreter).arg(folder);
    run(venv, attention, log)?;
    let mut install = command(uv, folder);
    install.args(["pip", "install", "--python"]).arg(folder.join("bin/python"));
    install.arg("--").args(packages);
    run(install, attention, log)
}

fn command(uv: &Path, folder: &Path) -> Command {
    let mut command = Command::new(uv);
    // Elsewhere uv might find a project, and the settings in it.
    command.current_dir(folder).env("NO_COLOR", "1");
    for variable in ["VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYTHONHOME"] {
        command.env_remove(variable);
    }
    command
}

fn run(command: Command, attention: &Attention, log: &mut StdLog) -> Result<(), Stopped> {
    let start = log.size();
    match process::run(command, attention, log) {
        Ok(Ended::Exited(status)) if status.success() => Ok(()),
        Ok(Ended::Exited(status)) => {
            let said = log.tail(start, 16 << 10).unwrap_or_default();
            Err(Stopped::failed(
                format!("the Python environment could not be made: {}", reason(&said, status)),
                said,
            ))
        }
        Ok(Ended::Canceled) => Err(Stopped::Canceled),
        Err(error) => {
            Err(Stopped::failed(format!("`uv` could not be run: {error}"), String::new()))
        }
    }
}

/// uv draws its reasons as a tree; the deepest branch says what it comes down to.
fn reason(said: &str, status: std::process::ExitStatus) -> String {
    let is_decoration =
        |character: char| "×╰─▶│├error: ".contains(character) && !character.is_alphabetic();
    said.lines()
        .map(|line| line.trim().trim_start_matches(is_decoration).trim())
        .map(|line| line.strip_prefix("error: ").unwrap_or(line))
        .find(|line| !line.is_empty() && !line.starts_with("Using Python"))
        .map_or_else(|| format!("`uv` ended with {status}"), str::to_owned)
}

//! The program `uv`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Teller;
use crate::attention::Attention;
use crate::config::Config;
use crate::end::Stopped;
use crate::process::{self, Ended};

/// The version that is fetched where none is installed.
const VERSION: &str = "0.13.9";
const HINT: &str = "hint: install it with `pip install uv`, or submit the script without packages to use the Python that is there";

/// On the PATH, beside the interpreter (`pip install uv`), where its installer puts it, or in the
/// home, where it is put by pip when it is nowhere else.
pub fn find(
    config: &Config,
    interpreter: &Path,
    home: &Path,
    attention: &Attention,
    teller: &mut Teller<'_>,
) -> Result<PathBuf, Stopped> {
    let beside = interpreter.parent().map(|folder| folder.join("uv"));
    let installed =
        config.find_program("uv").or(beside.filter(|path| path.is_file())).or_else(|| {
            let places = config.installers_folders().into_iter().map(|folder| folder.join("uv"));
            places.into_iter().find(|path| path.is_file())
        });
    if let Some(installed) = installed {
        return Ok(installed);
    }
    let tools = home.join("tools");
    let folder = tools.join(format!("uv-{VERSION}"));
    let program = folder.join("bin/uv");
    if !program.is_file() {
        fetch(&tools, &folder, interpreter, attention, teller)?;
    }
    Ok(program)
}

fn fetch(
    tools: &Path,
    folder: &Path,
    interpreter: &Path,
    attention: &Attention,
    teller: &mut Teller<'_>,
) -> Result<(), Stopped> {
    teller
        .log
        .say("the program `uv`, which makes Python environments, is not installed; pip fetches it");
    fs::create_dir_all(tools).map_err(|error| Stopped::io("make", tools, error))?;
    let partial = tempfile::Builder::new()
        .prefix("tmp-")
        .tempdir_in(tools)
        .map_err(|error| Stopped::io("make a folder in", tools, error))?;
    let mut pip = command(interpreter, partial.path());
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]);
    pip.arg("--target").arg(partial.path()).arg(format!("uv=={VERSION}"));
    let missing = |said: String| {
        let details = if said.is_empty() { HINT.to_owned() } else { format!("{HINT}\n{said}") };
        Stopped::failed(
            "the program `uv`, which makes Python environments, is not here, and pip could not fetch it",
            details,
        )
    };
    let start = teller.log.size();
    match process::run(pip, None, attention, teller.log) {
        Ok(Ended::Exited(status)) if status.success() => {}
        Ok(Ended::Exited(_)) => {
            return Err(missing(teller.log.tail(start, 4 << 10).unwrap_or_default()));
        }
        Ok(Ended::Canceled | Ended::TookTooLong) => return Err(Stopped::Canceled),
        Err(error) => return Err(missing(error.to_string())),
    }
    match fs::rename(partial.path(), folder) {
        Ok(()) => {
            // It has another name now; there is nothing left to remove.
            let _moved = partial.keep();
            Ok(())
        }
        // Another agent was quicker.
        Err(_) if folder.join("bin/uv").is_file() => Ok(()),
        Err(error) => Err(Stopped::io("rename", folder, error)),
    }
}

/// An environment without packages in an empty folder.
pub fn make(
    uv: &Path,
    interpreter: &Path,
    folder: &Path,
    attention: &Attention,
    teller: &mut Teller<'_>,
) -> Result<(), Stopped> {
    // Relocatable: the environment is moved to its place when it is whole.
    let mut venv = command(uv, folder);
    venv.args(["venv", "--quiet", "--relocatable", "--allow-existing", "--python"]);
    venv.arg(interpreter).arg(folder);
    run(venv, attention, teller)
}

/// Puts exactly these packages into it, or none of them.
pub fn install(
    uv: &Path,
    folder: &Path,
    lines: &[String],
    constraints: &[String],
    attention: &Attention,
    teller: &mut Teller<'_>,
) -> Result<(), Stopped> {
    let file = |name: &str, lines: &[String]| -> Result<PathBuf, Stopped> {
        let path = folder.join(name);
        fs::write(&path, lines.join("\n") + "\n")
            .map_err(|error| Stopped::io("write", &path, error))?;
        Ok(path)
    };
    let mut install = command(uv, folder);
    install.args(["pip", "install", "--python"]).arg(folder.join("bin/python"));
    install.arg("--requirements").arg(file("requirements.txt", lines)?);
    if !constraints.is_empty() {
        install.arg("--constraints").arg(file("constraints.txt", constraints)?);
    }
    run(install, attention, teller)
}

/// Whether another attempt is in vain.
pub fn is_unknown_package(stopped: &Stopped) -> bool {
    matches!(stopped, Stopped::Failed(error) if error.message.contains(NO_PACKAGE))
}

const NO_PACKAGE: &str = "there is no package `";

fn command(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    // Elsewhere uv might find a project, and the settings in it.
    command.current_dir(folder).env("NO_COLOR", "1");
    for variable in ["VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYTHONHOME"] {
        command.env_remove(variable);
    }
    command
}

fn run(command: Command, attention: &Attention, teller: &mut Teller<'_>) -> Result<(), Stopped> {
    let start = teller.log.size();
    match process::run(command, None, attention, teller.log) {
        Ok(Ended::Exited(status)) if status.success() => Ok(()),
        Ok(Ended::Exited(status)) => {
            let said = teller.log.tail(start, 16 << 10).unwrap_or_default();
            Err(Stopped::failed(
                format!("the Python environment could not be made: {}", reason(&said, status)),
                said,
            ))
        }
        Ok(Ended::Canceled | Ended::TookTooLong) => Err(Stopped::Canceled),
        Err(error) => {
            Err(Stopped::failed(format!("`uv` could not be run: {error}"), String::new()))
        }
    }
}

/// uv says what failed and then, line by line, what it comes down to.
fn reason(said: &str, status: std::process::ExitStatus) -> String {
    let is_decoration = |character: char| "×╰─▶│├ ".contains(character);
    let lines: Vec<&str> = said
        .lines()
        .map(|line| line.trim_start_matches(is_decoration).trim())
        .skip_while(|line| !line.starts_with("error: ") && !line.starts_with("No solution"))
        .map(|line| line.strip_prefix("error: ").unwrap_or(line))
        .collect();
    let Some(first) = lines.first() else {
        let last = said.lines().rev().map(str::trim).find(|line| !line.is_empty());
        return last.map_or_else(|| format!("`uv` ended with {status}"), str::to_owned);
    };
    let causes: Vec<&str> = lines[1..]
        .iter()
        .take_while(|line| !line.is_empty() && !line.starts_with("hint:"))
        .map(|line| line.strip_prefix("cause: ").unwrap_or(line))
        .collect();
    let whole = causes.join(" ");
    match whole.strip_prefix("Because ") {
        Some(cause) => plain(cause),
        None if causes.is_empty() => (*first).to_owned(),
        None => format!("{}: {}", first.trim_end_matches(':'), causes[causes.len() - 1]),
    }
}

/// What a resolver has found out, as one would say it.
fn plain(cause: &str) -> String {
    let (fact, _) = cause.split_once(", we can conclude that").unwrap_or((cause, ""));
    if let Some((package, rest)) = fact.split_once(" was not found in the package registry")
        && rest.matches(" and ").count() <= 1
        && !package.contains(' ')
    {
        return format!("{NO_PACKAGE}{package}`");
    }
    if let Some(version) = fact.strip_prefix("there is no version of ")
        && let Some((version, _)) = version.split_once(" and you require ")
        && !version.contains(' ')
    {
        return format!("there is no version `{version}`");
    }
    fact.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_one_sentence() {
        let status = std::os::unix::process::ExitStatusExt::from_raw(256);
        let check = |said: &str, expected: &str| assert_eq!(reason(said, status), expected);
        check(
            "Using Python 3.8.18 environment at: x\nerror: No solution found when resolving dependencies\n  cause: Because six==999 was not found in the package registry and you require six==999, we can conclude that your requirements are unsatisfiable.\n",
            "there is no package `six==999`",
        );
        check(
            "  × No solution found when resolving dependencies:\n  ╰─▶ Because there is no version of six==999 and you require six==999, we can conclude that your requirements are unsatisfiable.\n",
            "there is no version `six==999`",
        );
        check(
            "Resolved 1 package\nerror: Failed to build `numpy==1.16.0`\n  cause: The build backend returned an error\n  cause: Call to `x` failed (exit status: 1)\n\n  [stderr]\n  rubbish\n",
            "Failed to build `numpy==1.16.0`: Call to `x` failed (exit status: 1)",
        );
        check("error: Failed to fetch: `https://x`\n", "Failed to fetch: `https://x`");
    }
}

//! Runs one job where its files are, or only makes an environment.
//!
//! The daemon starts `lazuli-agent --home H --run ID` and lets go of it: the agent outlives the
//! daemon, prepares folder and environment, runs the script, keeps its output and reports how it
//! ended. Everything it has to tell goes through [`courier`] and [`daemon`], which try again for as
//! long as the home exists; the script never waits for that. What is not yet told when the agent
//! itself is killed lies in the run's folder, where the daemon finds it.
//!
//! On a machine that is reached by SSH the daemon cannot look into that folder. There an agent of
//! the [`link`] starts the others, what a script logs is sent on ([`records`]), and what a killed
//! agent left is told by another one (`--collect`). The Python of a notebook on this side runs there as
//! the child of an agent, too ([`kernel`]).

mod attention;
mod build;
mod code;
mod config;
mod courier;
mod daemon;
mod data;
mod end;
mod environments;
mod job;
mod kernel;
mod launch;
mod link;
mod outputs;
mod process;
mod ranks;
mod records;
mod resources;
mod std_log;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;

fn main() -> ExitCode {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(message) => {
            eprintln!(
                "error: {message}\nhint: agents are started by the daemon, as `lazuli-agent --home HOME --run RUN` or `… --build BUILD`"
            );
            return ExitCode::from(2);
        }
    };
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let attention = attention::Attention::of_signals().context("cannot receive signals")?;
    process::adopt_orphans().context("cannot become the parent of orphaned processes")?;
    match &arguments.task {
        Task::Link => link::serve(&arguments.home),
        Task::Kernel(name) => kernel::serve(&arguments.home, name, &attention),
        Task::Collect(run_id) => job::collect(&arguments.home, run_id, attention),
        Task::Run(run_id) => job::run(&arguments.home, run_id, attention),
        Task::Build(build_id) => build::run(&arguments.home, build_id, &attention),
    }
}

struct Arguments {
    home: PathBuf,
    task: Task,
}

enum Task {
    Run(String),
    Build(String),
    /// Tells what an agent that is gone had still to tell.
    Collect(String),
    Link,
    /// The Python of a notebook.
    Kernel(String),
}

impl Arguments {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Arguments, String> {
        let (mut home, mut task) = (None, None);
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("`{word}` needs a value"));
            match word.as_str() {
                "--home" => home = Some(value()?),
                "--run" => task = Some(Task::Run(value()?)),
                "--build" => task = Some(Task::Build(value()?)),
                "--collect" => task = Some(Task::Collect(value()?)),
                "--kernel" => task = Some(Task::Kernel(value()?)),
                "--link" => task = Some(Task::Link),
                _ => return Err(format!("`{word}` is not understood")),
            }
        }
        Ok(Arguments {
            home: home.ok_or("`--home` is missing")?.into(),
            task: task.ok_or("`--run` or `--build` is missing")?,
        })
    }
}

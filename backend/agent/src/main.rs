//! Runs one job where its files are.
//!
//! The daemon starts `lazuli-agent --home H --run ID` and lets go of it: the agent outlives the
//! daemon, prepares folder and environment, runs the script, keeps its output and reports how it
//! ended. Everything it has to tell goes through [`courier`] and [`daemon`], which try again for as
//! long as the home exists; the script never waits for that. What is not yet told when the agent
//! itself is killed lies in the run's folder, where the daemon finds it.

mod attention;
mod code;
mod config;
mod courier;
mod daemon;
mod end;
mod environments;
mod job;
mod outputs;
mod process;
mod python_sdk;
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
                "error: {message}\nhint: agents are started by the daemon, as `lazuli-agent --home HOME --run RUN`"
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
    job::run(&arguments.home, &arguments.run_id, attention)
}

struct Arguments {
    home: PathBuf,
    run_id: String,
}

impl Arguments {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Arguments, String> {
        let (mut home, mut run_id) = (None, None);
        while let Some(word) = words.next() {
            let slot = match word.as_str() {
                "--home" => &mut home,
                "--run" => &mut run_id,
                _ => return Err(format!("`{word}` is not understood")),
            };
            *slot = Some(words.next().ok_or_else(|| format!("`{word}` needs a value"))?);
        }
        Ok(Arguments {
            home: home.ok_or("`--home` is missing")?.into(),
            run_id: run_id.ok_or("`--run` is missing")?,
        })
    }
}

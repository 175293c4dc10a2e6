//! Makes an environment that nobody runs in yet.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use lazuli::domain::{BuildFile, BuildReport, BuildStatus, BuiltEnvironment, PythonEnvironment};

use crate::attention::Attention;
use crate::config::Config;
use crate::end::Stopped;
use crate::environments::{self, Teller, Wanted, now_ms};
use crate::std_log::StdLog;

/// What is said goes into `log.txt`, how it ended into `report.json`: the daemon reads both when it is
/// asked.
pub fn run(home: &Path, build_id: &str, attention: &Attention) -> anyhow::Result<()> {
    let folder = home.join("builds").join(build_id);
    let path = folder.join("build.json");
    let text = fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let build: BuildFile = serde_json::from_slice(&text)
        .with_context(|| format!("`{}` is not understood", path.display()))?;
    if build.build_id != build_id {
        bail!("`{}` belongs to build `{}`", path.display(), build.build_id);
    }
    let mut log = StdLog::create(&folder.join("log.txt"), |_size| {})
        .context("cannot write the log of the build")?;
    let config = Config::from_environment();
    let python = PythonEnvironment { interpreter: build.interpreter.clone(), packages: Vec::new() };
    let wanted = Wanted { python: &python, environment: Some(&build.environment) };
    let mut teller = Teller { log: &mut log, activity: &|_activity| {} };
    let report = match environments::prepare(home, wanted, &config, attention, &mut teller) {
        Ok(python) => {
            let hash = python.environment.as_deref().and_then(Path::file_name);
            BuildReport {
                status: BuildStatus::Succeeded,
                ended_at_ms: now_ms(),
                error: None,
                built: Some(BuiltEnvironment {
                    interpreter: python.interpreter.display().to_string(),
                    hash: hash.map(|hash| hash.to_string_lossy().into_owned()),
                }),
            }
        }
        Err(Stopped::Failed(error)) => {
            log.say(&error.message);
            BuildReport {
                status: BuildStatus::Failed,
                ended_at_ms: now_ms(),
                error: Some(error),
                built: None,
            }
        }
        Err(Stopped::Canceled) => BuildReport {
            status: BuildStatus::Canceled,
            ended_at_ms: now_ms(),
            error: None,
            built: None,
        },
    };
    log.close();
    let partial = folder.join("report.json.part");
    fs::write(&partial, serde_json::to_vec(&report)?)
        .and_then(|()| fs::rename(&partial, folder.join("report.json")))
        .context("cannot write the report of the build")
}

//! Environments made because somebody asked for it, apart from any run. A build is a folder of the
//! home: what is to be made, what was said meanwhile, how it ended. An agent works in it, which a
//! restart of the daemon does not touch.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lazuli_domain::{
    ApiError, BuildFile, BuildReport, BuildStatus, Environment, EnvironmentBuild, JobEnvironment,
    NewBuild, RunError, shown,
};

use super::registered;
use crate::app::App;
use crate::clock::now_ms;
use crate::error::{Error, FileContext, Result};
use crate::home::{hex, random};
use crate::jobs;

/// An agent that was started just now may not be seen yet.
const AGENT_COMES_MS: i64 = 2_000;
/// Bytes of a log in one answer.
const LARGEST_PIECE: u64 = 1 << 20;

/// A piece of what a build said.
pub struct BuildLog {
    pub bytes: Vec<u8>,
    /// Of the whole log, until now.
    pub size: u64,
}

/// Starts to make that version; finding that it is made already is quick.
pub async fn start_build(
    app: &Arc<App>,
    workspace: String,
    name: String,
    version: String,
    new: NewBuild,
) -> Result<EnvironmentBuild> {
    let environment = registered::get(app, workspace, name, Some(version), None).await?;
    let build_id = format!("build_{}_{}", now_ms() / 1000, hex(&random::<4>()?));
    let Environment { workspace, name, version, definition, .. } = environment;
    let file = BuildFile {
        build_id: build_id.clone(),
        workspace,
        environment: JobEnvironment { name, version: Some(version), definition: Some(definition) },
        interpreter: new.interpreter,
        started_at_ms: now_ms(),
    };
    jobs::start_build_agent(app, &file).await?;
    build(app, build_id).await
}

/// How it stands.
pub async fn build(app: &Arc<App>, build_id: String) -> Result<EnvironmentBuild> {
    let folder = folder_of(app, &build_id)?;
    in_the_background(move || read(&folder)).await?.ok_or_else(|| not_found(&build_id).into())
}

/// Of that environment, newest first.
pub async fn builds(
    app: &Arc<App>,
    workspace: String,
    name: String,
    version: String,
) -> Result<Vec<EnvironmentBuild>> {
    // Says what there is, when it is not there.
    let known = registered::get(app, workspace, name, Some(version), None).await?;
    let mut builds = all(app).await?;
    builds.retain(|build| {
        build.workspace == known.workspace
            && build.environment == known.name
            && build.version == known.version
    });
    builds.sort_by(|one, other| {
        (other.started_at_ms, &other.build_id).cmp(&(one.started_at_ms, &one.build_id))
    });
    Ok(builds)
}

/// What it said, from that byte on.
pub async fn build_log(app: &Arc<App>, build_id: String, start: u64) -> Result<BuildLog> {
    let folder = folder_of(app, &build_id)?;
    let found = in_the_background(move || {
        if !folder.is_dir() {
            return Ok(None);
        }
        let path = folder.join("log.txt");
        let read = || -> std::io::Result<BuildLog> {
            let mut file = File::open(&path)?;
            let size = file.metadata()?.len();
            file.seek(SeekFrom::Start(start))?;
            let mut bytes = Vec::new();
            file.take(LARGEST_PIECE).read_to_end(&mut bytes)?;
            Ok(BuildLog { bytes, size })
        };
        match read() {
            Ok(log) => Ok(Some(log)),
            // The agent has not said anything yet.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Ok(Some(BuildLog { bytes: Vec::new(), size: 0 }))
            }
            Err(source) => {
                Err(Error::File { action: format!("reading `{}`", path.display()), source })
            }
        }
    })
    .await?;
    found.ok_or_else(|| not_found(&build_id).into())
}

/// Removes what is left of builds that ended at that time or before.
pub async fn remove_builds(app: &Arc<App>, until_ms: i64) -> Result<()> {
    for build in all(app).await? {
        if build.ended_at_ms.is_some_and(|ended_ms| ended_ms <= until_ms) {
            let folder = app.home.builds().join(&build.build_id);
            in_the_background(move || {
                fs::remove_dir_all(&folder)
                    .while_trying(|| format!("removing `{}`", folder.display()))
            })
            .await?;
        }
    }
    Ok(())
}

async fn all(app: &Arc<App>) -> Result<Vec<EnvironmentBuild>> {
    let folder = app.home.builds();
    in_the_background(move || {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => {
                return Err(Error::File {
                    action: format!("reading `{}`", folder.display()),
                    source,
                });
            }
        };
        let mut builds = Vec::new();
        for entry in entries {
            let entry = entry.while_trying(|| "reading the builds".into())?;
            builds.extend(read(&entry.path())?);
        }
        Ok(builds)
    })
    .await
}

/// The build in that folder; none when there is none.
fn read(folder: &Path) -> Result<Option<EnvironmentBuild>> {
    let Some(file) = read_json::<BuildFile>(&folder.join("build.json"))? else { return Ok(None) };
    let report = folder.join("report.json");
    let reported = read_json::<BuildReport>(&report)?;
    let goes_on = reported.is_none()
        && (jobs::is_at_work(&file.build_id) || now_ms() - file.started_at_ms < AGENT_COMES_MS);
    let reported = match reported {
        // It may have ended in this moment.
        None if !goes_on => read_json::<BuildReport>(&report)?,
        reported => reported,
    };
    let report = reported.or_else(|| {
        (!goes_on).then(|| BuildReport {
            status: BuildStatus::Failed,
            ended_at_ms: file.started_at_ms,
            error: Some(RunError {
                message: "the agent of this build is gone".into(),
                details: "hint: build it again".into(),
                ..RunError::default()
            }),
            built: None,
        })
    });
    let (status, ended_at_ms, error, built) = match report {
        Some(report) => (report.status, Some(report.ended_at_ms), report.error, report.built),
        None => (BuildStatus::Running, None, None, None),
    };
    let JobEnvironment { name, version, .. } = file.environment;
    Ok(Some(EnvironmentBuild {
        build_id: file.build_id,
        workspace: file.workspace,
        environment: name,
        version: version.unwrap_or_default(),
        status,
        started_at_ms: file.started_at_ms,
        ended_at_ms,
        error,
        built,
    }))
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    match fs::read(path) {
        Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|error| {
            Error::Defect(format!("`{}` is not understood: {error}", path.display()))
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::File { action: format!("reading `{}`", path.display()), source }),
    }
}

/// Ids come from addresses; none may lead out of the folder.
fn folder_of(app: &App, build_id: &str) -> Result<PathBuf> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    match !build_id.is_empty() && build_id.bytes().all(is_plain) {
        true => Ok(app.home.builds().join(build_id)),
        false => Err(not_found(build_id).into()),
    }
}

fn not_found(build_id: &str) -> ApiError {
    ApiError::not_found("build", &shown(build_id, 60))
        .hint("start one with `lazuli environment build NAME`")
}

async fn in_the_background<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|panic| Error::Defect(format!("looking at the builds broke down: {panic}")))?
}

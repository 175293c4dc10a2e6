use std::path::{Component, Path, PathBuf};

use lazuli::Result;
use lazuli_commands::table::{Submit, SubmitBody, SubmitOptions};
use lazuli_domain::{
    ApiError, JobSpec, NewJob, PythonEnvironment, Run, RunStatus, StringMap, artifact_path,
};

use crate::{Context, Outcome, Session, Talk, create_snapshot, environment, files, run};

/// Runs of a notebook or a shell that names no experiment belong to this one.
pub(crate) const DEFAULT_EXPERIMENT: &str = "notebook";

pub(crate) fn submit(
    context: &Context,
    session: &mut Session,
    talk: &mut dyn Talk,
    submit: &Submit,
) -> Result<Outcome> {
    let (source, script) = source_and_script(context, submit)?;
    let job = Prepared { source: Some(source), script, extra: Vec::new() };
    send(context, session, talk, job, &submit.options)
}

/// `%%submit`: the cell's body is the script.
pub fn submit_body(
    context: &Context,
    session: &mut Session,
    talk: &mut dyn Talk,
    submit: &SubmitBody,
    body: &str,
) -> Result<Outcome> {
    if body.trim().is_empty() {
        return Err(ApiError::invalid("the cell below `%%submit` is empty")
            .hint("write the script there")
            .into());
    }
    let job = Prepared {
        source: submit.options.source.as_ref().map(|source| context.path(source)),
        script: artifact_path(&submit.script)?,
        extra: vec![(submit.script.clone(), body.as_bytes().to_vec())],
    };
    send(context, session, talk, job, &submit.options)
}

struct Prepared {
    source: Option<PathBuf>,
    /// Its name in the snapshot.
    script: String,
    extra: Vec<(String, Vec<u8>)>,
}

fn send(
    context: &Context,
    session: &mut Session,
    talk: &mut dyn Talk,
    job: Prepared,
    options: &SubmitOptions,
) -> Result<Outcome> {
    let python = python(context, options)?;
    let snapshot = create_snapshot(context, talk, job.source.as_deref(), job.extra)?;
    let experiment = options.experiment.clone().or_else(|| session.experiment.clone());
    let submitted = context.client.submit_job(
        &session.workspace,
        &NewJob {
            experiment: experiment.unwrap_or_else(|| DEFAULT_EXPERIMENT.to_owned()),
            name: options.name.clone(),
            parent_run_id: None,
            user: context.config.user.clone(),
            tags: run::tags(&options.tags),
            properties: StringMap::new(),
            job: JobSpec {
                snapshot_id: snapshot.snapshot_id,
                script: job.script,
                command: Vec::new(),
                arguments: options.arguments(),
                compute: options.compute.clone(),
                python,
                environment: options.environment.as_deref().map(environment::job_environment),
                distributed: None,
                max_seconds: options.max_seconds,
                settings: serde_json::Value::Null,
                environment_variables: run::tags(&options.variables),
                inputs: Vec::new(),
                outputs: Vec::new(),
            },
        },
    )?;
    session.last_run_id = Some(submitted.run_id.clone());
    let text =
        format!("submitted run `{}` of experiment `{}`", submitted.run_id, submitted.experiment);
    if !options.wait {
        return Outcome::new(text, &submitted);
    }
    talk.note(&text);
    let ended = run::follow_log(context, talk, &submitted.run_id, run::STANDARD_LOG)?;
    let Some(ended) = ended else {
        let stopped = format!("run `{}` goes on", submitted.run_id);
        return Outcome::new(stopped, &submitted);
    };
    succeeded(context, &ended)?;
    Outcome::new(run::how_it_ended(&ended), &ended)
}

/// A run that was waited for and failed makes the command fail.
fn succeeded(context: &Context, run: &Run) -> Result<()> {
    if run.status == RunStatus::Completed {
        return Ok(());
    }
    let run_id = &run.run_id;
    Err(ApiError::conflict(run::how_it_ended(run))
        .hint(format!("{} prints its log", context.say(&format!("run logs {run_id}"))))
        .into())
}

/// The source folder and the script's name in it. Without `--source`, that is the current folder,
/// or the script's own when it lies elsewhere.
fn source_and_script(context: &Context, submit: &Submit) -> Result<(PathBuf, String)> {
    let script = Path::new(&submit.script);
    let Some(source) = &submit.options.source else {
        let place = context.path(script);
        found(&place, &submit.script)?;
        return Ok(match inside(&context.folder, &place) {
            Some(name) => (context.folder.clone(), name),
            None => {
                let folder = place.parent().unwrap_or(Path::new("/")).to_owned();
                let name = place.file_name().unwrap_or_default().to_string_lossy().into_owned();
                (folder, name)
            }
        });
    };
    let folder = context.path(source);
    if !folder.is_dir() {
        let error = std::fs::metadata(&folder).err();
        return Err(match error {
            Some(error) => files::missing(&folder, source, &error),
            None => ApiError::invalid(format!("`{source}` is no folder"))
                .hint("give `--source` the folder that holds the script")
                .into(),
        });
    }
    // SDK v1 means a path in the source folder; people also type the one from where they stand.
    let in_source = folder.join(script);
    if in_source.is_file() {
        let name = inside(&folder, &in_source).ok_or_else(|| outside(&submit.script, source))?;
        return Ok((folder, name));
    }
    let from_here = context.path(script);
    if from_here.is_file() {
        let name = inside(&folder, &from_here).ok_or_else(|| outside(&submit.script, source))?;
        return Ok((folder, name));
    }
    found(&in_source, &submit.script)?;
    Err(outside(&submit.script, source))
}

fn found(place: &Path, script: &str) -> Result<()> {
    match std::fs::metadata(place) {
        Ok(metadata) if metadata.is_file() => Ok(()),
        Ok(_) => Err(ApiError::invalid(format!("`{script}` is no file"))
            .hint("name the script, and its folder with `--source`")
            .into()),
        Err(error) => Err(files::missing(place, script, &error)),
    }
}

fn outside(script: &str, source: &str) -> lazuli::Error {
    ApiError::invalid(format!("the script `{script}` lies outside of the source folder `{source}`"))
        .hint("name a script in it")
        .into()
}

/// The path below the folder, with `/` between its parts.
fn inside(folder: &Path, place: &Path) -> Option<String> {
    let folder = folder.canonicalize().ok()?;
    // The script's own name stays as it is typed, also when it is a link.
    let parent = place.parent()?.canonicalize().ok()?;
    let relative = parent.strip_prefix(&folder).ok()?.join(place.file_name()?);
    let parts = relative.components().map(|part| match part {
        Component::Normal(name) => name.to_str(),
        _ => None,
    });
    Some(parts.collect::<Option<Vec<_>>>()?.join("/"))
}

/// The interpreter: the one that is named, else the one that `python3` means here; with `--pip`
/// and no name, whichever the environment is made with.
fn python(context: &Context, options: &SubmitOptions) -> Result<PythonEnvironment> {
    let packages = options.packages.clone();
    let interpreter = match &options.python {
        Some(named) if named.contains('/') => {
            let place = context.path(named);
            if !place.is_file() {
                return Err(ApiError::not_found("Python interpreter", named)
                    .hint("give `--python` the path of a program")
                    .into());
            }
            Some(place)
        }
        Some(named) => Some(context.config.find_program(named).ok_or_else(|| {
            ApiError::not_found("Python interpreter", named)
                .hint("install it, or give `--python` the path of one")
        })?),
        None if packages.is_empty() => Some(context.config.python().ok_or_else(|| {
            ApiError::unavailable("there is no `python3` on the `PATH`")
                .hint("install Python 3, or give `--python` the path of one")
        })?),
        None => None,
    };
    let interpreter = interpreter.map(|path| path.to_string_lossy().into_owned());
    Ok(PythonEnvironment { interpreter, packages })
}

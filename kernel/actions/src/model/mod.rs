mod change;

use lazuli::Result;
use lazuli_commands::table::{ModelCommand, RegisterModel};
use lazuli_domain::{
    ApiError, ErrorKind, Model, ModelFile, ModelPatch, ModelSource, NewModel, artifact_path,
    check_name,
};
use serde_json::json;

use crate::files::{self, Wanted};
use crate::show::{age, byte_size, count, date_time, now_ms, pairs, shorten};
use crate::{Context, Outcome, Session, Table, Talk, hash, run};

pub(crate) fn perform(
    command: &ModelCommand,
    context: &Context,
    session: &mut Session,
    talk: &mut dyn Talk,
) -> Result<Outcome> {
    match command {
        ModelCommand::List { name, deleted: false } => list(context, session, name.as_deref()),
        ModelCommand::List { name, deleted: true } => {
            list_deleted(context, session, name.as_deref())
        }
        ModelCommand::Show { name, version } => {
            let model = find(context, session, name, *version)?;
            Outcome::new(describe(&model), &model)
        }
        ModelCommand::Stage { name, stage, version, archive_others } => {
            let patch = ModelPatch {
                stage: Some(stage.clone()),
                archive_others: *archive_others,
                ..ModelPatch::default()
            };
            change::stage(context, session, name, *version, &patch)
        }
        ModelCommand::Alias { name, alias, version, remove: false } => {
            change::set_alias(context, session, name, alias, *version)
        }
        ModelCommand::Alias { name, alias, remove: true, .. } => {
            change::remove_alias(context, session, name, alias)
        }
        ModelCommand::Tag { name, tags, remove, version } => {
            let patch = ModelPatch {
                set_tags: run::tags(tags),
                remove_tags: remove.clone(),
                ..ModelPatch::default()
            };
            change::tag(context, session, name, *version, &patch)
        }
        ModelCommand::Delete { name, version } => change::delete(context, session, name, *version),
        ModelCommand::Restore { name, version } => {
            change::restore(context, session, name, *version)
        }
        ModelCommand::Register(register) => self::register(context, session, talk, register),
        ModelCommand::Download { name, version, to, force } => {
            let model = find(context, session, name, *version)?;
            check_has_files(&model)?;
            let files: Vec<Wanted> = model
                .files
                .iter()
                .map(|file| Wanted { name: file.path.clone(), size: file.size })
                .collect();
            let open = |path: &str| {
                context.client.get_model_file(&model.workspace, &model.name, model.version, path)
            };
            let places = files::download(context, talk, &files, to, *force, &open)?;
            Outcome::new(
                format!(
                    "model `{name}` version {}: {}",
                    model.version,
                    files::downloaded(&files, to)
                ),
                &json!({ "name": model.name, "version": model.version, "files": places }),
            )
        }
    }
}

fn list(context: &Context, session: &Session, name: Option<&str>) -> Result<Outcome> {
    let models = context.client.models(&session.workspace, name)?;
    if models.is_empty()
        && let Some(name) = name
    {
        // Says what it is called instead.
        context.client.model(&session.workspace, name, None)?;
    }
    let nothing = format!(
        "workspace `{}` has no models; {} registers one",
        session.workspace,
        context.say("register_model NAME FILE")
    );
    Outcome::table(&table(&models, nothing), &models)
}

fn list_deleted(context: &Context, session: &Session, name: Option<&str>) -> Result<Outcome> {
    let models = context.client.deleted_models(&session.workspace, name)?;
    let nothing = format!("workspace `{}` has no deleted models", session.workspace);
    Outcome::table(&table(&models, nothing), &models)
}

fn table(models: &[Model], nothing: String) -> Table {
    let mut table = Table::new([
        "Name",
        "Version",
        "Stage",
        "Aliases",
        "Size",
        "Registered",
        "Framework",
        "Run",
        "Tags",
    ])
    .when_empty(nothing);
    for model in models {
        table.row(vec![
            model.name.clone(),
            model.version.to_string(),
            if model.stage == Model::NO_STAGE { String::new() } else { model.stage.clone() },
            model.aliases.join(", "),
            byte_size(model.size),
            age(model.created_at_ms, now_ms()),
            framework(model),
            model.run_id.clone().unwrap_or_default(),
            shorten(&pairs(&model.tags), 40),
        ]);
    }
    table
}

/// A version that an MLflow client registered from an address elsewhere is a note of that address.
fn check_has_files(model: &Model) -> Result<()> {
    if !model.files.is_empty() {
        return Ok(());
    }
    let (name, version) = (&model.name, model.version);
    Err(ApiError::not_found("file of model", &format!("{name}:{version}"))
        .hint(format!("it was registered by its address only: `{}`", model.source))
        .into())
}

/// `name:3` is understood as well.
pub(crate) fn find(
    context: &Context,
    session: &Session,
    name: &str,
    version: Option<u64>,
) -> Result<Model> {
    let found = context.client.model(&session.workspace, name, version);
    match (&found, name.rsplit_once(':'), version) {
        (Err(error), Some((before, number)), None) if error.kind() == ErrorKind::NotFound => {
            match number.parse() {
                Ok(number) => context.client.model(&session.workspace, before, Some(number)),
                Err(_) => found,
            }
        }
        _ => found,
    }
}

fn register(
    context: &Context,
    session: &mut Session,
    talk: &mut dyn Talk,
    register: &RegisterModel,
) -> Result<Outcome> {
    check_name("model", &register.name)?;
    let source = match &register.run {
        Some(run) => {
            let run = context.client.run(run)?;
            ModelSource::Run { run_id: run.run_id, path: artifact_path(&register.path)? }
        }
        None if context.path(&register.path).exists() => {
            local_source(context, talk, &register.path)?
        }
        None => from_last_run(context, session, &register.path)?,
    };
    let origin = match &source {
        ModelSource::Run { run_id, path } => format!("`{path}` of run `{run_id}`"),
        ModelSource::Blobs(_) => format!("`{}`", register.path),
    };
    let new = NewModel {
        usage: Default::default(),
        name: register.name.clone(),
        source,
        description: register.description.clone().unwrap_or_default(),
        tags: run::tags(&register.tags),
        properties: run::tags(&register.properties),
        framework: register.framework.clone(),
        framework_version: register.framework_version.clone(),
    };
    let model = context.client.create_model(&session.workspace, &new)?;
    let text = format!(
        "registered model `{}` version {} from {origin} ({}, {})",
        model.name,
        model.version,
        count(model.files.len() as u64, "file"),
        byte_size(model.size)
    );
    Outcome::new(text, &model)
}

fn local_source(context: &Context, talk: &mut dyn Talk, path: &str) -> Result<ModelSource> {
    let files = files::named_by_last_part(context, path)?;
    let mut kept = Vec::new();
    for (name, file) in &files {
        let (size, sha256) = hash::of_file(file)?;
        kept.push(ModelFile { path: artifact_path(name)?, size, sha256 });
    }
    let total = kept.iter().map(|file| file.size).sum();
    let mut before = 0;
    for (model_file, (_, file)) in kept.iter().zip(&files) {
        if !context.client.has_blob(&model_file.sha256)? {
            let mut progress =
                |done: u64| talk.transfer("uploading the model", before + done, total);
            let mut content = hash::open(file)?;
            let sha256 = &model_file.sha256;
            context.client.put_blob(sha256, &mut content, model_file.size, Some(&mut progress))?;
        }
        before += model_file.size;
    }
    talk.transfer("uploading the model", total, total);
    Ok(ModelSource::Blobs(kept))
}

/// A path that is not here may be one that the active or last run has kept.
fn from_last_run(context: &Context, session: &Session, path: &str) -> Result<ModelSource> {
    let not_here = || {
        let error = std::io::Error::from(std::io::ErrorKind::NotFound);
        files::missing(&context.path(path), path, &error)
    };
    let Some(run_id) = session.run_id.as_ref().or(session.last_run_id.as_ref()) else {
        return Err(not_here());
    };
    let Ok(name) = artifact_path(path) else { return Err(not_here()) };
    let artifacts = context.client.artifacts(run_id, &name)?;
    let is_it = |kept: &str| kept == name || kept.starts_with(&format!("{name}/"));
    if artifacts.iter().any(|artifact| is_it(&artifact.path)) {
        return Ok(ModelSource::Run { run_id: run_id.clone(), path: name });
    }
    let error = not_here();
    Err(match error.kind() {
        ErrorKind::NotFound => error.with_hint(format!(
            "run `{run_id}` has not kept it either; {} shows what it has",
            context.say(&format!("run show {run_id}"))
        )),
        _ => error,
    })
}

fn framework(model: &Model) -> String {
    let parts = [model.framework.as_deref(), model.framework_version.as_deref()];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn describe(model: &Model) -> String {
    let mut lines = vec![
        format!("Model      {}", model.name),
        format!("Version    {}", model.version),
        format!("Registered {}", date_time(model.created_at_ms)),
        format!("Stage      {}", model.stage),
    ];
    let mut optional = |name: &str, value: String| {
        if !value.is_empty() {
            lines.push(format!("{name:<10} {value}"));
        }
    };
    optional("Aliases", model.aliases.join(", "));
    optional("Deleted", model.deleted_at_ms.map(date_time).unwrap_or_default());
    optional("About", model.description.clone());
    optional("Framework", framework(model));
    optional("Run", model.run_id.clone().unwrap_or_default());
    optional("Experiment", model.experiment.clone().unwrap_or_default());
    optional("Source", model.source.clone());
    optional("Tags", pairs(&model.tags));
    optional("Properties", pairs(&model.properties));
    optional("Checksum", model.checksum.clone());
    optional("Size", byte_size(model.size));
    for file in &model.files {
        lines.push(format!("           {} ({})", file.path, byte_size(file.size)));
    }
    lines.join("\n")
}

use std::path::Path;

use lazuli::Result;
use lazuli::client::RunQuery;
use lazuli_commands::{Candidate, Catalog, NameKind, Wanted};

use crate::show::{age, now_ms};
use crate::{Context, Session};

/// Fetches the names that completion wants at its place.
pub fn fetch_catalog(context: &Context, session: &Session, wanted: &Wanted) -> Result<Catalog> {
    let client = &context.client;
    let workspace = &session.workspace;
    let mut catalog = Catalog::default();
    match wanted.kind {
        NameKind::Workspace => {
            catalog.workspaces = client
                .workspaces()?
                .into_iter()
                .map(|found| Candidate::new(found.name, format!("{} runs", found.runs)))
                .collect();
        }
        NameKind::Experiment => {
            catalog.experiments = client
                .experiments(workspace)?
                .into_iter()
                .map(|found| Candidate::new(found.name, format!("{} runs", found.runs)))
                .collect();
        }
        NameKind::Run => {
            let query = RunQuery { limit: Some(200), ..RunQuery::default() };
            catalog.runs = client
                .runs(workspace, &query)?
                .items
                .into_iter()
                .map(|run| {
                    let when = age(run.created_at_ms, now_ms());
                    let detail = match run.name == run.run_id {
                        true => format!("{}, {when}", run.status),
                        false => format!("{}, {}, {when}", run.name, run.status),
                    };
                    Candidate::new(run.run_id, detail)
                })
                .collect();
        }
        NameKind::Model => {
            for model in client.models(workspace, None)? {
                if catalog.models.last().is_none_or(|last| last.name != model.name) {
                    let detail = format!("version {}", model.version);
                    catalog.models.push(Candidate::new(model.name, detail));
                }
            }
        }
        NameKind::Datastore => {
            let datastores = client.datastores(workspace)?.into_iter();
            catalog.datastores = datastores
                .map(|found| Candidate::new(found.name, lazuli::place_in_words(&found.place)))
                .collect();
        }
        NameKind::Dataset => {
            catalog.datasets = client
                .datasets(workspace, "")?
                .into_iter()
                .map(|found| Candidate::new(found.name, format!("version {}", found.version)))
                .collect();
        }
        NameKind::Metric => {
            if let Some(run_id) = session.run_id.as_ref().or(session.last_run_id.as_ref()) {
                let metrics = client.run(run_id)?.metrics.into_iter();
                catalog.metrics = metrics
                    .map(|metric| Candidate::new(metric.name, metric.kind.to_string()))
                    .collect();
            }
        }
        NameKind::Artifact => {
            if let Some(run_id) = session.run_id.as_ref().or(session.last_run_id.as_ref()) {
                let artifacts = client.artifacts(run_id, "")?.into_iter();
                catalog.artifacts =
                    artifacts.map(|artifact| Candidate::from(artifact.path)).collect();
            }
        }
        NameKind::Compute => {
            let targets = client.compute_targets(workspace)?.into_iter();
            catalog.compute =
                targets.map(|target| Candidate::new(target.name, target.kind.title())).collect();
        }
        NameKind::Environment => {
            let environments = client.environments(workspace, true)?.into_iter();
            catalog.environments = environments
                .map(|found| {
                    let detail = match found.curated {
                        true => "comes with Lazuli".to_owned(),
                        false => format!("version {}", found.version),
                    };
                    Candidate::new(found.name, detail)
                })
                .collect();
        }
        NameKind::Secret => {
            let secrets = client.secrets(workspace)?.into_iter();
            catalog.secrets = secrets.map(|secret| Candidate::from(secret.name)).collect();
        }
        NameKind::File => catalog.files = complete_files(&context.folder, &wanted.prefix),
        NameKind::Command => {}
    }
    Ok(catalog)
}

/// What lies in the folder that is typed so far; nothing where it cannot be read.
pub fn complete_files(folder: &Path, prefix: &str) -> Vec<Candidate> {
    let typed_folder = prefix.rfind('/').map_or("", |slash| &prefix[..=slash]);
    let hidden = prefix[typed_folder.len()..].starts_with('.');
    let Ok(entries) = std::fs::read_dir(folder.join(typed_folder)) else { return Vec::new() };
    let mut found: Vec<Candidate> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name().into_string().ok()?;
            let slash = if entry.path().is_dir() { "/" } else { "" };
            (hidden || !name.starts_with('.'))
                .then(|| Candidate::from(format!("{typed_folder}{name}{slash}")))
        })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

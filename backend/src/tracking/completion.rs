use std::collections::BTreeSet;
use std::sync::Arc;

use lazuli_domain::search::{Entity, Known, RunFields, complete_filter as complete};
use lazuli_domain::{Completion, Completions};

use super::{ListQuery, RunsOf, list_runs};
use crate::app::App;
use crate::error::Result;

/// Runs whose names complete a filter: what people work on is what they ask for.
const NEWEST: usize = 50;
/// More than this nobody reads.
const MOST: usize = 60;

/// What may come at the end of a filter of runs.
pub async fn complete_filter(
    app: &Arc<App>,
    workspace: String,
    filter: String,
) -> Result<Completions> {
    let newest = ListQuery { limit: Some(NEWEST), ..ListQuery::default() };
    let page = list_runs(app, workspace, newest, RunsOf::default(), RunFields::all()).await?;
    let runs = &page.items;
    let known = Known {
        metrics: unique(runs.iter().flat_map(|run| run.metrics.iter().map(|it| &it.name))),
        parameters: unique(runs.iter().flat_map(|run| run.parameters.keys())),
        tags: unique(runs.iter().flat_map(|run| run.tags.keys())),
        properties: unique(runs.iter().flat_map(|run| run.properties.keys())),
    };
    let (start, candidates) = complete(Entity::Run, &filter, filter.len(), &known);
    let start = filter.get(..start).unwrap_or_default().encode_utf16().count();
    let mut candidates: Vec<Completion> =
        candidates.into_iter().map(|candidate| Completion { text: candidate.text }).collect();
    candidates.dedup();
    candidates.truncate(MOST);
    Ok(Completions { start, candidates })
}

fn unique<'a>(names: impl Iterator<Item = &'a String>) -> Vec<String> {
    names.cloned().collect::<BTreeSet<String>>().into_iter().collect()
}

use std::collections::HashMap;
use std::sync::Arc;

use lazuli_domain::search::{Attribute, Comparison, Entity, Field, Filter, RunFields, Test};
use lazuli_domain::{Page, Run, RunKind, RunStatus, StringMap};

use super::experiments::{check_active, ensured};
use super::{PARENT, RUN_NAME, head};
use crate::app::App;
use crate::clock::now_ms;
use crate::error::Result;
use crate::store::entries::EntryKind;
use crate::store::inputs::Surroundings;
use crate::store::runs::RunRow;
use crate::store::search::{Query, RunSearch, View};
use crate::store::{self, Connection, Write};
use crate::tracking::runs::{announce, forget_spool_on_error, new_run_id, open_spool, set_all};
use crate::tracking::spool::drain;

/// A run with what MLflow tells with it.
#[derive(Clone, Debug)]
pub struct ClientRun {
    pub run: Run,
    pub around: Surroundings,
}

/// A run to be; its tags may hold what are columns here.
#[derive(Clone, Debug, Default)]
pub struct NewClientRun {
    /// Empty: the default experiment.
    pub experiment_id: String,
    pub name: Option<String>,
    pub user: String,
    pub started_at_ms: Option<i64>,
    pub tags: StringMap,
}

/// Starts a run that nobody on this machine owns.
pub async fn create_run(
    app: &Arc<App>,
    workspace: String,
    mut new: NewClientRun,
) -> Result<ClientRun> {
    let id = new.experiment_id.clone();
    let experiment = super::experiment(app, workspace.clone(), id).await?;
    let run_id = new_run_id(&experiment.name)?;
    open_spool(app, &run_id)?;
    let created = run_id.clone();
    let result = app
        .store
        .write(move |write| {
            let experiment = ensured(write, &workspace, &new.experiment_id)?;
            check_active(&experiment)?;
            let tagged = new.tags.remove(RUN_NAME);
            let name = new.name.filter(|name| !name.is_empty()).or(tagged);
            let parent = match new.tags.get(PARENT) {
                Some(parent) => parent_key(write, &workspace, parent)?,
                None => None,
            };
            if parent.is_some() {
                new.tags.remove(PARENT);
            }
            let now_ms = now_ms();
            let key = store::runs::insert(
                write,
                &RunRow {
                    run_id: &run_id,
                    workspace: &workspace,
                    experiment: experiment.id,
                    name: name.as_deref().unwrap_or(&run_id),
                    kind: RunKind::Interactive,
                    status: RunStatus::Running,
                    parent,
                    user: &new.user,
                    compute: "local",
                    created_at_ms: now_ms,
                    started_at_ms: Some(new.started_at_ms.unwrap_or(now_ms)),
                    owner: None,
                    snapshot_id: None,
                },
            )?;
            set_all(write, EntryKind::Tag, key, &new.tags)?;
            announce(write, &run_id)
        })
        .await;
    let run = forget_spool_on_error(app, &created, result)?;
    app.store.read(move |database| Ok(with_surroundings(database, vec![run])?.remove(0))).await
}

/// The run as it is now, also when it is deleted.
pub async fn run(app: &Arc<App>, workspace: String, run_id: String) -> Result<ClientRun> {
    drain(app, &run_id).await?;
    app.store
        .read(move |database| {
            let head = head(database, &workspace, &run_id)?;
            let run = store::runs::get(database, &head.run_id)?;
            Ok(with_surroundings(database, vec![run])?.remove(0))
        })
        .await
}

/// Which runs a client looks for.
#[derive(Clone, Debug)]
pub struct RunQuestion {
    pub experiment_ids: Vec<String>,
    pub filter: String,
    pub order_by: Vec<String>,
    pub view: View,
    pub limit: usize,
    pub page_token: Option<String>,
}

/// One page of runs as they are now; those that started last come first unless another order is
/// asked for, and the id decides among equals.
pub async fn search_runs(
    app: &Arc<App>,
    workspace: String,
    asked: RunQuestion,
) -> Result<Page<ClientRun>> {
    let experiments =
        super::experiments::keys(app, workspace.clone(), asked.experiment_ids).await?;
    let query =
        Query::parse(Entity::Run, &asked.filter, &asked.order_by, asked.page_token.as_deref())?
            .map_comparisons(columns_for_tags)
            .then_by(Field::Attribute(Attribute::Started), true)
            .then_by(Field::Attribute(Attribute::Id), false);
    let search = RunSearch {
        workspace,
        experiments: Some(experiments),
        view: asked.view,
        limit: asked.limit,
        query,
        fields: RunFields::all(),
    };
    let page = crate::tracking::search_runs(app, search).await?;
    let next_cursor = page.next_cursor;
    let items = app.store.read(move |database| with_surroundings(database, page.items)).await?;
    Ok(Page { items, next_cursor, total: None })
}

/// What MLflow keeps as tags and Lazuli in columns is found in either.
fn columns_for_tags(comparison: Comparison) -> Filter {
    let Field::Tag(tag) = &comparison.field else { return Filter::Compare(comparison) };
    let attribute = match tag.as_str() {
        RUN_NAME => Attribute::Name,
        PARENT => Attribute::Parent,
        _ => return Filter::Compare(comparison),
    };
    let column = Comparison { field: Field::Attribute(attribute), test: comparison.test.clone() };
    match (attribute, &comparison.test) {
        (Attribute::Name, _) => Filter::Compare(column),
        // A parent that is not here stays a tag.
        (_, Test::IsNull) => {
            Filter::And(vec![Filter::Compare(comparison), Filter::Compare(column)])
        }
        _ => Filter::Or(vec![Filter::Compare(comparison), Filter::Compare(column)]),
    }
}

/// The run that a tag names as the parent, when it is here.
pub(super) fn parent_key(write: &Write<'_>, workspace: &str, parent: &str) -> Result<Option<i64>> {
    let found = store::runs::find_head(write, parent)?;
    Ok(found.filter(|head| head.workspace == workspace).map(|head| head.key))
}

fn with_surroundings(connection: &Connection, runs: Vec<Run>) -> Result<Vec<ClientRun>> {
    let ids: Vec<&str> = runs.iter().map(|run| run.run_id.as_str()).collect();
    let mut around: HashMap<String, Surroundings> = store::inputs::surroundings(connection, &ids)?;
    Ok(runs
        .into_iter()
        .map(|run| {
            let around = around.remove(&run.run_id).unwrap_or_default();
            ClientRun { run, around }
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use lazuli_domain::search::Literal;

    use super::*;

    #[test]
    fn a_tag_that_is_a_column_is_found_there() {
        let equals = |tag: &str| Comparison {
            field: Field::Tag(tag.to_owned()),
            test: Test::Eq(Literal::Text("x".into())),
        };
        let said = |tag| columns_for_tags(equals(tag)).to_string();
        assert_eq!(said("team"), "tags.`team` = 'x'");
        assert_eq!(said(RUN_NAME), "name = 'x'");
        assert_eq!(said(PARENT), "tags.`mlflow.parentRunId` = 'x' or parent = 'x'");
    }
}

use std::sync::Arc;

use lazuli_domain::search::{Attribute, Comparison, Entity, Field, Literal, RunFields, Test};
use lazuli_domain::{ApiError, Experiment, Page, Run, RunStatus};

use super::spool::drain;
use crate::app::App;
use crate::error::Result;
use crate::store::search::{Query, RunSearch, Search, View};
use crate::store::{self, Connection};

/// Most things on one page of a list.
pub const LARGEST_LIMIT: usize = 1000;
const DEFAULT_LIMIT: usize = 100;

/// What a person or a client asks of a list; what is absent is not asked.
#[derive(Clone, Debug, Default)]
pub struct ListQuery {
    pub filter: Option<String>,
    pub order_by: Option<String>,
    pub view: View,
    /// 100 unless told.
    pub limit: Option<usize>,
    pub cursor: Option<String>,
    /// How many there are in all shall be said, too.
    pub count: bool,
}

/// Which runs a list shows besides what its filter says.
#[derive(Clone, Debug, Default)]
pub struct RunsOf {
    pub experiment: Option<String>,
    pub status: Option<RunStatus>,
    /// The parent's id, or its beginning.
    pub parent: Option<String>,
}

/// Runs as they are now, those that were made last first unless another order is asked for.
pub async fn list_runs(
    app: &Arc<App>,
    workspace: String,
    asked: ListQuery,
    of: RunsOf,
    fields: RunFields,
) -> Result<Page<Run>> {
    let limit = asked.limit()?;
    let mut query = asked.query(Entity::Run)?;
    if let Some(status) = of.status {
        query = query.and(is_text(Attribute::Status, status.as_str()));
    }
    let (view, counts) = (asked.view, asked.count);
    let search = app
        .store
        .read(move |database| {
            let experiments = match of.experiment {
                Some(name) => Some(vec![store::experiments::key(database, &workspace, &name)?]),
                None => None,
            };
            if let Some(given) = of.parent {
                let parent = store::runs::head(database, &given)?;
                query = query.and(is_text(Attribute::Parent, &parent.run_id));
            }
            Ok(RunSearch { workspace, experiments, view, limit, query, fields })
        })
        .await?;
    let mut page = search_runs(app, search.clone()).await?;
    if counts {
        page.total = Some(
            app.store.read(move |database| store::search::count_runs(database, &search)).await?,
        );
    }
    Ok(page)
}

/// One page of runs as they are now: what those that go on have logged until this moment is in it.
pub async fn search_runs(app: &Arc<App>, search: RunSearch) -> Result<Page<Run>> {
    let (asked, home) = (search.clone(), Arc::clone(app));
    let (page, grown) = app
        .store
        .read(move |database| {
            let page = store::search::runs(database, &asked)?;
            let grown = grown(&home, database, &page.items)?;
            Ok((page, grown))
        })
        .await?;
    if grown.is_empty() {
        return Ok(page);
    }
    for run_id in &grown {
        drain(app, run_id).await?;
    }
    app.store.read(move |database| store::search::runs(database, &search)).await
}

/// Those of the runs that have logged what is not committed yet.
fn grown(app: &App, database: &Connection, runs: &[Run]) -> Result<Vec<String>> {
    let mut grown = Vec::new();
    for run in runs.iter().filter(|run| !run.status.is_final()) {
        // Without a file the run has ended in this moment, and its end has read the file.
        let Ok(metadata) = std::fs::metadata(app.home.spool(&run.run_id)) else { continue };
        if store::runs::spool_offset(database, &run.run_id)? < metadata.len() {
            grown.push(run.run_id.clone());
        }
    }
    Ok(grown)
}

/// Experiments by name unless another order is asked for.
pub async fn search_experiments(
    app: &Arc<App>,
    workspace: String,
    asked: ListQuery,
) -> Result<Page<Experiment>> {
    let query = asked.query(Entity::Experiment)?.then_by(Field::Attribute(Attribute::Name), false);
    let search = Search { workspace, view: asked.view, limit: asked.limit()?, query };
    app.store
        .read(move |database| {
            let mut page = store::search::experiments(database, &search)?;
            if asked.count {
                page.total = Some(store::search::count(database, &search)?);
            }
            Ok(page)
        })
        .await
}

impl ListQuery {
    pub(crate) fn query(&self, entity: Entity) -> Result<Query> {
        let filter = self.filter.as_deref().unwrap_or_default();
        Query::parse(entity, filter, self.order_by.as_slice(), self.cursor.as_deref())
    }

    pub(crate) fn limit(&self) -> Result<usize, ApiError> {
        match self.limit.unwrap_or(DEFAULT_LIMIT) {
            limit @ 1..=LARGEST_LIMIT => Ok(limit),
            other => Err(ApiError::invalid(format!(
                "a page of {other} is not possible, it has 1 to {LARGEST_LIMIT}"
            ))
            .hint("the answer's `next_cursor` leads to the next page")),
        }
    }
}

fn is_text(attribute: Attribute, text: &str) -> Comparison {
    Comparison {
        field: Field::Attribute(attribute),
        test: Test::Eq(Literal::Text(text.to_owned())),
    }
}

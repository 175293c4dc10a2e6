//! Search of what there is less of than runs: everything in scope is looked at and sorted.

use lazuli_domain::search::{Entity, Filter};
use lazuli_domain::{Experiment, Page};

use super::condition::Conditions;
use super::cursor::{Cursor, bound_to};
use super::order::{Term, check_marks};
use super::piece::Piece;
use super::plan::all_of;
use super::select::{Part, Source, count as count_rows, page};
use super::{Query, View};
use crate::error::{Error, Result};
use crate::store::{Connection, experiments as stored, workspaces};

/// Which experiments or models are looked for.
#[derive(Clone, Debug)]
pub struct Search {
    pub workspace: String,
    pub view: View,
    pub limit: usize,
    /// Where nothing decides, what was made first comes first.
    pub query: Query,
}

/// One page of experiments.
pub fn experiments(connection: &Connection, search: &Search) -> Result<Page<Experiment>> {
    let page = keys(connection, search, Entity::Experiment)?;
    let items = stored::with_keys(connection, &page.items)?;
    Ok(Page { items, next_cursor: page.next_cursor, total: None })
}

/// The keys of one page of registered models.
pub fn registered_models(connection: &Connection, search: &Search) -> Result<Page<i64>> {
    keys(connection, search, Entity::RegisteredModel)
}

/// The keys of one page of model versions.
pub fn model_versions(connection: &Connection, search: &Search) -> Result<Page<i64>> {
    keys(connection, search, Entity::ModelVersion)
}

/// How many there are on all pages together; the query says of what.
pub fn count(connection: &Connection, search: &Search) -> Result<u64> {
    let table = table(search.query.entity)?;
    let condition = condition(connection, search, &table)?;
    count_rows(connection, &Piece::new(table.from), &condition)
}

/// Where things of a kind stand.
struct Table {
    source: Source,
    from: &'static str,
    workspace: &'static str,
    deleted: &'static str,
}

fn table(entity: Entity) -> Result<Table> {
    let of = |key, from, workspace, deleted| {
        let source = Source { key, newest_first: false };
        Ok(Table { source, from, workspace, deleted })
    };
    match entity {
        Entity::Experiment => of(
            "experiments.key",
            "experiments",
            "experiments.workspace",
            "experiments.deleted_at_ms",
        ),
        Entity::RegisteredModel => of(
            "registered_models.key",
            "registered_models",
            "registered_models.workspace",
            "registered_models.deleted_at_ms",
        ),
        Entity::ModelVersion => of(
            "models.key",
            "models JOIN registered_models ON registered_models.key = models.registered",
            "registered_models.workspace",
            "models.deleted_at_ms",
        ),
        Entity::Run | Entity::LoggedModel => {
            Err(Error::Defect(format!("{entity:?} is searched elsewhere")))
        }
    }
}

fn keys(connection: &Connection, search: &Search, entity: Entity) -> Result<Page<i64>> {
    let Query { order, cursor, now_ms, .. } = &search.query;
    let name = name_of(search, entity);
    if let Some(cursor) = cursor
        && cursor.search != name
    {
        return Err(Error::Refused(Cursor::other_search()));
    }
    let terms = order
        .iter()
        .enumerate()
        .map(|(at, by)| Term::new(connection, entity, by, *now_ms, &format!("ordered{at}")))
        .collect::<Result<Vec<Term>>>()?;
    if let Some(cursor) = cursor {
        check_marks(&terms, cursor)?;
    }
    let table = table(entity)?;
    let part = Part {
        from: Piece::new(table.from),
        condition: condition(connection, search, &table)?,
        first: None,
        terms: &terms,
        behind: cursor.as_ref().map(|cursor| (cursor.marks.as_slice(), cursor.key)),
    };
    let found = table.source.find(connection, &part, search.limit.saturating_add(1))?;
    let (items, next_cursor) = page(found, search.limit, &search.query, name);
    Ok(Page { items, next_cursor, total: None })
}

fn condition(connection: &Connection, search: &Search, table: &Table) -> Result<Piece> {
    let workspace = workspaces::key(connection, &search.workspace)?;
    let mut conditions = vec![Piece::with(format!("{} = ?", table.workspace), workspace)];
    match search.view {
        View::Active => conditions.push(Piece::new(format!("{} IS NULL", table.deleted))),
        View::Deleted => conditions.push(Piece::new(format!("{} IS NOT NULL", table.deleted))),
        View::All => {}
    }
    if let Some(filter) = &search.query.filter {
        let Query { entity, now_ms, .. } = search.query;
        conditions.push(Conditions { connection, entity, now_ms }.holds(filter)?);
    }
    Ok(all_of(conditions))
}

/// Everything that decides which things come in which order.
fn name_of(search: &Search, entity: Entity) -> String {
    let mut parts = vec![
        format!("{entity:?} {:?}", search.view),
        search.workspace.clone(),
        search.query.filter.as_ref().map(Filter::to_string).unwrap_or_default(),
    ];
    parts.extend(search.query.order.iter().map(ToString::to_string));
    bound_to(&parts)
}

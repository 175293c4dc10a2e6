//! Search of logged models: also by what was measured of them, and on which dataset.

use lazuli_domain::search::{Comparison, Entity, Field, Filter, OrderBy};
use lazuli_domain::{LoggedModel, Page};

use super::Query;
use super::condition::{Conditions, tested};
use super::cursor::{Cursor, bound_to};
use super::order::{Term, check_marks};
use super::piece::{Piece, joined};
use super::place::Kind;
use super::plan::all_of;
use super::select::{Part, Source, page};
use crate::error::{Error, Result};
use crate::store::{Connection, logged_models as stored, workspaces};

const SOURCE: Source = Source { key: "logged_models.key", newest_first: true };

/// Which logged models are looked for.
#[derive(Clone, Debug)]
pub struct LoggedModelSearch {
    pub workspace: String,
    pub experiments: Vec<i64>,
    /// Something was measured on one of these; what the filter says of metrics holds on one of them.
    pub datasets: Vec<Dataset>,
    /// Where nothing decides, what was made last comes first.
    pub order: Vec<LoggedModelOrder>,
    pub limit: usize,
    /// Without an order of its own.
    pub query: Query,
}

/// A dataset by its name and, unless that is empty, its digest. An empty name: any.
#[derive(Clone, Debug, Default)]
pub struct Dataset {
    pub name: String,
    pub digest: String,
}

#[derive(Clone, Debug)]
pub struct LoggedModelOrder {
    pub by: OrderBy,
    /// Of a metric: only what was measured on it.
    pub dataset: Dataset,
}

/// One page.
pub fn logged_models(
    connection: &Connection,
    search: &LoggedModelSearch,
) -> Result<Page<LoggedModel>> {
    let name = name_of(search);
    let Query { cursor, now_ms, .. } = &search.query;
    if let Some(cursor) = cursor
        && cursor.search != name
    {
        return Err(Error::Refused(Cursor::other_search()));
    }
    let terms = search
        .order
        .iter()
        .enumerate()
        .map(|(at, order)| term(connection, order, *now_ms, &format!("ordered{at}")))
        .collect::<Result<Vec<Term>>>()?;
    if let Some(cursor) = cursor {
        check_marks(&terms, cursor)?;
    }
    let part = Part {
        from: Piece::new(
            "logged_models JOIN experiments ON experiments.key = logged_models.experiment",
        ),
        condition: condition(connection, search)?,
        first: None,
        terms: &terms,
        behind: cursor.as_ref().map(|cursor| (cursor.marks.as_slice(), cursor.key)),
    };
    let found = SOURCE.find(connection, &part, search.limit.saturating_add(1))?;
    let (keys, next_cursor) = page(found, search.limit, &search.query, name);
    Ok(Page { items: stored::with_keys(connection, &keys)?, next_cursor, total: None })
}

/// The newest value of a metric, or a field of the model itself.
fn term(
    connection: &Connection,
    LoggedModelOrder { by, dataset }: &LoggedModelOrder,
    now_ms: i64,
    alias: &str,
) -> Result<Term> {
    let Field::Metric { name, .. } = &by.field else {
        return Term::new(connection, Entity::LoggedModel, by, now_ms, alias);
    };
    let mut value = Piece::with(
        "(SELECT measured.number FROM logged_model_metrics AS measured
            WHERE measured.model = logged_models.key AND measured.name = ?",
        name,
    );
    if !dataset.name.is_empty() {
        value.push(" AND ").append(&on_dataset(dataset));
    }
    value.push(" ORDER BY measured.time_ms DESC, measured.step DESC LIMIT 1)");
    let descending = by.descending;
    Ok(Term { join: None, value, present: None, kind: Kind::Real, descending, always: false })
}

fn condition(connection: &Connection, search: &LoggedModelSearch) -> Result<Piece> {
    let workspace = workspaces::key(connection, &search.workspace)?;
    let mut conditions = vec![
        Piece::with("experiments.workspace = ?", workspace),
        Piece::new("logged_models.deleted_at_ms IS NULL"),
    ];
    conditions.push(match search.experiments[..] {
        [] => Piece::new("1 = 0"),
        _ => {
            let mut piece = Piece::new("logged_models.experiment IN (");
            piece.list(&search.experiments).push(")");
            piece
        }
    });
    let mut says_metric = false;
    for conjunct in search.query.conjuncts() {
        conditions.push(match conjunct {
            Filter::Compare(comparison @ Comparison { field: Field::Metric { .. }, .. })
                if !search.datasets.is_empty() =>
            {
                says_metric = true;
                measured(search, Some(comparison))
            }
            other => {
                let Query { entity, now_ms, .. } = search.query;
                Conditions { connection, entity, now_ms }.holds(other)?
            }
        });
    }
    if !search.datasets.is_empty() && !says_metric {
        conditions.push(measured(search, None));
    }
    Ok(all_of(conditions))
}

/// Something was measured on one of the datasets: anything, or what the comparison says.
fn measured(search: &LoggedModelSearch, comparison: Option<&Comparison>) -> Piece {
    let mut piece = Piece::new(
        "EXISTS (SELECT 1 FROM logged_model_metrics AS measured
            WHERE measured.model = logged_models.key AND (",
    );
    piece.append(&joined(search.datasets.iter().map(on_dataset), " OR ")).push(")");
    if let Some(Comparison { field: Field::Metric { name, .. }, test }) = comparison {
        piece.value(" AND measured.name = ? AND ", name);
        piece.append(&tested(&Piece::new("measured.number"), Kind::Real, test));
    }
    piece.push(")");
    piece
}

fn on_dataset(dataset: &Dataset) -> Piece {
    let mut piece = Piece::with("(measured.dataset_name = ?", &dataset.name);
    if !dataset.digest.is_empty() {
        piece.value(" AND measured.dataset_digest = ?", &dataset.digest);
    }
    piece.push(")");
    piece
}

/// Everything that decides which models come in which order.
fn name_of(search: &LoggedModelSearch) -> String {
    let mut parts = vec![
        format!("logged models {:?} {:?}", search.experiments, search.datasets),
        search.workspace.clone(),
        search.query.filter.as_ref().map(Filter::to_string).unwrap_or_default(),
    ];
    parts.extend(search.order.iter().map(|order| format!("{} {:?}", order.by, order.dataset)));
    bound_to(&parts)
}

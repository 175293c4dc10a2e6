//! Search: a filter and an order, as `lazuli_domain::search` reads them, become SQL.
//!
//! One page is a list of keys, found by walking what is there in the order asked for; what the
//! things look like is read afterwards, for these keys only. A page begins behind the last row of
//! the page before it ([`Cursor`]), so that a deep page costs what the first one does and rows
//! that are added meanwhile move nothing. `metric_points` is never read.
//!
//! - `place.rs` says where a field of an entity stands in the tables,
//! - `condition.rs` makes a filter's conditions of it, `order.rs` what to order by,
//! - `plan.rs` says where a search of runs begins, so that it looks at few of them.

mod condition;
mod cursor;
mod keys;
mod logged_models;
mod order;
mod piece;
mod place;
mod plan;
mod runs;
mod select;
mod things;

use lazuli_domain::ApiError;
use lazuli_domain::search::{
    Comparison, Entity, Field, Filter, OrderBy, Test, parse_filter, parse_order_by,
};

use self::cursor::Cursor;
pub use self::logged_models::{Dataset, LoggedModelOrder, LoggedModelSearch, logged_models};
pub use self::runs::{RunSearch, count_runs, runs};
pub use self::things::{Search, count, experiments, model_versions, registered_models};
use crate::clock::now_ms;
use crate::error::Result;

/// What is asked, whatever is searched.
#[derive(Clone, Debug)]
pub struct Query {
    entity: Entity,
    filter: Option<Filter>,
    order: Vec<OrderBy>,
    cursor: Option<Cursor>,
    /// What relative times count from: the same on every page of a search.
    now_ms: i64,
}

/// Whether deleted things are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    #[default]
    Active,
    Deleted,
    All,
}

impl Query {
    /// Finds everything.
    pub fn everything(entity: Entity) -> Query {
        Query { entity, filter: None, order: Vec::new(), cursor: None, now_ms: now_ms() }
    }

    /// Reads what a person or a client wrote. `cursor` is the `next_cursor` of the page before; the
    /// search must be the same as there, which is seen when it is carried out.
    pub fn parse<T: AsRef<str>>(
        entity: Entity,
        filter: &str,
        order_by: &[T],
        cursor: Option<&str>,
    ) -> Result<Query> {
        let cursor = cursor.map(Cursor::parse).transpose()?;
        let now_ms = cursor.as_ref().map_or_else(now_ms, |cursor| cursor.now_ms);
        let filter = parse_filter(entity, filter, now_ms).map_err(ApiError::from)?;
        let order = parse_order_by(entity, order_by).map_err(ApiError::from)?;
        Ok(Query { entity, filter, order, cursor, now_ms })
    }

    /// Asks for one thing more.
    pub fn and(self, comparison: Comparison) -> Query {
        self.and_filter(Filter::Compare(comparison))
    }

    /// Leaves out those for which that holds.
    pub fn and_not(self, comparison: Comparison) -> Query {
        self.and_filter(Filter::Not(Box::new(Filter::Compare(comparison))))
    }

    fn and_filter(mut self, filter: Filter) -> Query {
        self.filter = Some(match self.filter.take() {
            None => filter,
            Some(Filter::And(mut parts)) => {
                parts.push(filter);
                Filter::And(parts)
            }
            Some(other) => Filter::And(vec![other, filter]),
        });
        self
    }

    /// Asks for something else in the place of each comparison.
    pub fn map_comparisons(mut self, ask: fn(Comparison) -> Filter) -> Query {
        self.filter = self.filter.take().map(|filter| mapped(filter, ask));
        self
    }

    /// What must hold of that field.
    pub fn tests_of<'a>(&'a self, field: &'a Field) -> impl Iterator<Item = &'a Test> {
        self.conjuncts().into_iter().filter_map(move |conjunct| match conjunct {
            Filter::Compare(comparison) if comparison.field == *field => Some(&comparison.test),
            _ => None,
        })
    }

    /// Takes no notice of what must hold of that field.
    pub fn without(mut self, field: &Field) -> Query {
        let is_of_field = |filter: &Filter| matches!(filter, Filter::Compare(comparison) if comparison.field == *field);
        let mut parts = match self.filter.take() {
            None => Vec::new(),
            Some(Filter::And(parts)) => parts,
            Some(other) => vec![other],
        };
        parts.retain(|part| !is_of_field(part));
        self.filter = match parts.len() {
            0 | 1 => parts.pop(),
            _ => Some(Filter::And(parts)),
        };
        self
    }

    /// Decides among those that are equal until now; nothing when the field has decided already.
    pub fn then_by(mut self, field: Field, descending: bool) -> Query {
        if !self.order.iter().any(|earlier| earlier.field == field) {
            self.order.push(OrderBy { field, descending });
        }
        self
    }

    /// The conditions of which each must hold.
    fn conjuncts(&self) -> Vec<&Filter> {
        match &self.filter {
            None => Vec::new(),
            Some(Filter::And(parts)) => parts.iter().collect(),
            Some(other) => vec![other],
        }
    }
}

fn mapped(filter: Filter, ask: fn(Comparison) -> Filter) -> Filter {
    match filter {
        Filter::Compare(comparison) => ask(comparison),
        Filter::Not(inner) => Filter::Not(Box::new(mapped(*inner, ask))),
        // An `And` never stands directly in an `And`.
        Filter::And(parts) => {
            let flat = |part| match mapped(part, ask) {
                Filter::And(inner) => inner,
                other => vec![other],
            };
            Filter::And(parts.into_iter().flat_map(flat).collect())
        }
        Filter::Or(parts) => {
            let flat = |part| match mapped(part, ask) {
                Filter::Or(inner) => inner,
                other => vec![other],
            };
            Filter::Or(parts.into_iter().flat_map(flat).collect())
        }
    }
}

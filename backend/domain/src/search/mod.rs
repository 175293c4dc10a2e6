//! The filter language of search: text in, a small tree out; no SQL and no I/O.
//!
//! One grammar serves every [`Entity`]; which fields exist and what they compare with is the
//! table in `schema.rs`. MLflow's filters are accepted as they are, and the language goes on from there:
//!
//! ```text
//! filter     = [ or ]                        an empty filter finds everything
//! or         = and { "or" and }
//! and        = not { "and" not }
//! not        = "not" not | "(" or ")" | comparison
//! comparison = field ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) value
//!            | field [ "not" ] ( "like" | "ilike" ) text
//!            | field [ "not" ] "in" "(" value { "," value } [ "," ] ")"
//!            | field [ "not" ] "between" value "and" value
//!            | field "is" [ "not" ] "null"
//! field      = attribute | family "." key | ( "min" | "max" | "last" | "count" ) "(" metric ")"
//! order      = field [ "asc" | "desc" ] { "," field [ "asc" | "desc" ] }
//! ```
//!
//! Keywords are read in any case, names exactly. A key may hold letters, digits and `_ . - / : @ $ #`
//! as it is, and anything between backticks or double quotes: ``metrics.`val loss` ``. A text stands in
//! single or double quotes. The quote itself is written by doubling it; a backslash is a backslash.
//!
//! What a comparison finds, so that every store answers alike:
//! - A comparison with what is absent does not hold: `!=` and `not in` find only what has the
//!   field, as in MLflow. `is null` asks for absence.
//! - [`Filter::Not`] is true exactly when what is inside does not hold (SQL: `(…) is not true`).
//!   `x not like 'a%'` therefore becomes "`x` is there, and not `x like 'a%'`".
//! - `datasets.…` holds when any dataset of the run matches, `alias` when any alias does.
//! - `like` tells upper from lower case, `ilike` does not; `%` is any text, `_` any character.
//! - A metric is its latest value unless `min(…)`, `max(…)` or `count(…)` asks for another.
//!
//! Times compare with milliseconds since the Unix epoch, with ISO texts (UTC where no zone is
//! said; a date alone is its first millisecond) and with `'now'` or ages like `'-7d'`. Durations compare with
//! milliseconds or texts like `'1h30m'`. How words of [`RunStatus`](crate::RunStatus) are read is
//! said at [`statuses`].

mod ast;
mod complete;
mod error;
mod fields;
mod lexer;
mod literal;
mod parser;
mod schema;
mod status;
mod time;

#[cfg(test)]
mod tests;

pub use ast::{Aggregate, Comparison, DatasetField, Field, Filter, Literal, OrderBy, Test};
pub use complete::{Candidate, CandidateKind, Known, complete_filter, complete_order_by};
pub use error::SearchError;
pub use fields::{Names, RunFields};
pub use schema::{Attribute, Entity, Family};
pub use status::{mlflow_status, statuses};

/// Longest filter, and longest order of one search, in bytes: some 400 quoted run ids.
pub const MAX_LENGTH: usize = 16 * 1024;
/// How deep parentheses and `not` may nest.
pub const MAX_DEPTH: usize = 100;
/// Most comparisons in a filter; SQLite refuses an expression deeper than 1,000.
pub const MAX_COMPARISONS: usize = 500;
/// Most values in all lists of a filter; SQLite takes 32,766 parameters.
pub const MAX_VALUES: usize = 5_000;
/// Most fields to order by.
pub const MAX_ORDER: usize = 50;

/// Reads a filter; `None` for one that is empty or blank and so finds everything. `now_ms` is
/// what relative times count from.
pub fn parse_filter(
    entity: Entity,
    text: &str,
    now_ms: i64,
) -> Result<Option<Filter>, SearchError> {
    parser::Parser::new(entity, text, now_ms)?.filter()
}

/// Reads what to order by: MLflow's list of items, or a single text with commas. A field that
/// is named again is left out, because its first place has decided already.
pub fn parse_order_by<T: AsRef<str>>(
    entity: Entity,
    items: &[T],
) -> Result<Vec<OrderBy>, SearchError> {
    let mut length = 0;
    let mut order: Vec<OrderBy> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let item = item.as_ref();
        length += item.len();
        error::check_length("order", length)?;
        let parsed = parser::Parser::new(entity, item, 0).and_then(|mut parser| parser.order_by());
        let parsed = parsed.map_err(|mut error| {
            if items.len() > 1 {
                error.message = format!("{} of item {}", error.message, index + 1);
            }
            error
        })?;
        for by in parsed {
            if order.iter().any(|earlier| earlier.field == by.field) {
                continue;
            }
            if order.len() == MAX_ORDER {
                return Err(SearchError::whole(format!(
                    "a search orders by at most {MAX_ORDER} fields"
                )));
            }
            order.push(by);
        }
    }
    Ok(order)
}

/// Reads what of a run a list shall carry: names of fields with commas in between, as
/// `run_id, status, metrics.loss, tags.team`; `metrics`, `params`, `tags` and `properties` alone
/// stand for all that the run has. An empty text asks for everything.
pub fn parse_fields(text: &str) -> Result<RunFields, SearchError> {
    parser::Parser::new(Entity::Run, text, 0)?.fields()
}

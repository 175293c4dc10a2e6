//! Where a search of runs begins.
//!
//! A search that walks all runs is slow when few match, one that collects the matches of a condition
//! is slow when many do. How many rows a condition has is counted first, in its index and up to
//! [`FEW`]; a condition with less is where the search begins. These counts cost a fraction of a
//! millisecond and are true at this moment, which statistics of the database are not.

use lazuli_domain::search::{Aggregate, Attribute, Comparison, Field, Filter, Literal, Test};

use super::condition::tested;
use super::piece::{Piece, joined};
use super::place::Kind;
use crate::error::Result;
use crate::store::Connection;

/// So many rows are looked at one by one.
const FEW: usize = 2000;

/// A condition that an index answers.
pub(super) struct Beginning {
    /// A table under the name `driver`.
    table: &'static str,
    /// Its column that names the run.
    run: &'static str,
    condition: Piece,
    /// Which of the filter's conditions needs no further look.
    pub covers: Option<usize>,
}

impl Beginning {
    pub fn from(&self) -> Piece {
        // A cross join is carried out in the order in which it is written.
        Piece::new(format!("{} AS driver CROSS JOIN runs", self.table))
    }

    pub fn condition(&self) -> Piece {
        let mut piece = Piece::new(format!("runs.key = driver.{} AND ", self.run));
        piece.append(&self.condition);
        piece
    }

    /// How many rows it has, [`FEW`] when there are more.
    fn rows(&self, connection: &Connection) -> Result<i64> {
        let mut piece = Piece::new(format!(
            "SELECT count(*) FROM (SELECT 1 FROM {} AS driver WHERE ",
            self.table
        ));
        piece.append(&self.condition).value(" LIMIT ?) AS few", FEW as i64);
        let statement = piece.into_statement();
        connection.value(statement.sql(), &statement.params())
    }
}

/// The condition with the fewest rows, if there is one with few. `experiments` is a condition as
/// well.
pub(super) fn narrowest(
    connection: &Connection,
    workspace: i64,
    experiments: Option<&[i64]>,
    conjuncts: &[&Filter],
) -> Result<Option<Beginning>> {
    let mut best: Option<(i64, Beginning)> = None;
    let beginnings = conjuncts.iter().enumerate().filter_map(|(at, conjunct)| match conjunct {
        Filter::Compare(comparison) => of_comparison(workspace, at, comparison),
        _ => None,
    });
    for beginning in experiments.map(of_experiments).into_iter().chain(beginnings) {
        let rows = beginning.rows(connection)?;
        if rows < FEW as i64 && best.as_ref().is_none_or(|(fewest, _)| rows < *fewest) {
            best = Some((rows, beginning));
        }
        if matches!(best, Some((0, _))) {
            break;
        }
    }
    Ok(best.map(|(_, beginning)| beginning))
}

fn of_experiments(experiments: &[i64]) -> Beginning {
    let mut condition = Piece::new("driver.experiment IN (");
    condition.list(experiments).push(")");
    Beginning { table: "runs", run: "key", condition, covers: None }
}

fn of_comparison(workspace: i64, at: usize, comparison: &Comparison) -> Option<Beginning> {
    let Comparison { field, test } = comparison;
    if matches!(test, Test::IsNull) {
        return None;
    }
    match field {
        Field::Metric { name, of } => {
            let mut condition = Piece::with("driver.name = ?", name);
            let in_index = *of == Aggregate::Latest && is_range(test);
            if in_index {
                let value = Piece::new("driver.last_number");
                condition.push(" AND ").append(&tested(&value, Kind::Real, test));
            }
            let covers = in_index.then_some(at);
            Some(Beginning { table: "metrics", run: "run", condition, covers })
        }
        Field::Tag(key) => Some(of_entry("run_tags", key, test, at)),
        Field::Parameter(key) => Some(of_entry("run_parameters", key, test, at)),
        Field::Attribute(attribute) => {
            let (condition, covers) = of_attribute(workspace, *attribute, test)?;
            let covers = covers.then_some(at);
            Some(Beginning { table: "runs", run: "key", condition, covers })
        }
        Field::Property(_) | Field::Dataset(_) => None,
    }
}

fn of_entry(table: &'static str, key: &str, test: &Test, at: usize) -> Beginning {
    let mut condition = Piece::with("driver.key = ?", key);
    let mut covers = None;
    if let Some(texts) = texts(test) {
        let beginnings: Vec<String> =
            texts.iter().map(|text| text.chars().take(INDEXED).collect()).collect();
        condition.push(&format!(" AND substr(driver.value, 1, {INDEXED}) IN ("));
        condition.list(&beginnings).push(")");
        let are_whole = texts.iter().all(|text| text.chars().count() < INDEXED);
        covers = are_whole.then_some(at);
    }
    Beginning { table, run: "run", condition, covers }
}

/// Characters of a tag's or parameter's value that its index holds; see the migration.
pub(super) const INDEXED: usize = 100;

/// The condition on `driver`, and whether nothing more is asked.
fn of_attribute(workspace: i64, attribute: Attribute, test: &Test) -> Option<(Piece, bool)> {
    let among = |opening: &str, closing: &str| {
        let mut piece = Piece::new(opening);
        piece.list(&texts(test)?).push(closing);
        Some((piece, true))
    };
    match attribute {
        Attribute::Id => among("driver.run_id IN (", ")"),
        Attribute::Parent => among(
            "driver.parent IN (SELECT parents.key FROM runs AS parents WHERE parents.run_id IN (",
            "))",
        ),
        Attribute::Experiment => among(
            "driver.experiment IN (SELECT experiments.key FROM experiments WHERE experiments.name IN (",
            "))",
        ),
        Attribute::Status => {
            let wanted = texts(test)?;
            if wanted.iter().any(|status| ENDED.contains(&status.as_str())) {
                return None;
            }
            // The words of the partial index.
            among(
                "driver.status NOT IN ('Completed', 'Failed', 'Canceled') AND driver.status IN (",
                ")",
            )
        }
        Attribute::Started if is_range(test) => {
            let mut piece = Piece::with("driver.workspace = ? AND ", workspace);
            let value = Piece::new("driver.started_at_ms");
            piece.append(&tested(&value, Kind::Integer, test));
            Some((piece, true))
        }
        _ => None,
    }
}

const ENDED: [&str; 3] = ["Completed", "Failed", "Canceled"];

fn is_range(test: &Test) -> bool {
    matches!(
        test,
        Test::Eq(_)
            | Test::Lt(_)
            | Test::Le(_)
            | Test::Gt(_)
            | Test::Ge(_)
            | Test::In(_)
            | Test::Between(..)
    )
}

/// The texts of which the field must be one.
fn texts(test: &Test) -> Option<Vec<String>> {
    let literals = match test {
        Test::Eq(literal) => std::slice::from_ref(literal),
        Test::In(literals) => literals,
        _ => return None,
    };
    let text = |literal: &Literal| match literal {
        Literal::Text(text) => Some(text.clone()),
        _ => None,
    };
    literals.iter().map(text).collect()
}

/// All of them hold; `1 = 1` when there are none.
pub(super) fn all_of(conditions: Vec<Piece>) -> Piece {
    match conditions.is_empty() {
        true => Piece::new("1 = 1"),
        false => joined(conditions, " AND "),
    }
}

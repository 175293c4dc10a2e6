//! Where a search of runs begins.
//!
//! A search that walks all runs is slow when few match, one that collects the matches of a condition
//! is slow when many do. How many rows a condition has is counted first, in its index and up to
//! [`FEW`]; a condition with less is where the search begins. Where each condition has many, the
//! runs that have all of them are found by cutting the sets of their keys, which the indexes hold;
//! when these are many as well, a walk finds a page of them soon. All of this costs little and is
//! true at this moment, which statistics of the database are not.

use lazuli_domain::search::{Aggregate, Attribute, Comparison, Field, Filter, Literal, Test};

use super::condition::tested;
use super::keys::Keys;
use super::piece::{Piece, joined};
use super::place::Kind;
use crate::error::Result;
use crate::store::Connection;

/// So many rows are looked at one by one.
const FEW: usize = 2000;

/// Where a search begins.
pub(super) enum Start {
    /// With the few rows of one condition.
    Few(Beginning),
    /// With the few runs that can match.
    Keys(Vec<i64>),
    /// Many match, or nothing is known.
    Anywhere,
}

/// A condition that an index answers.
pub(super) struct Beginning {
    /// A table under the name `driver`.
    table: &'static str,
    /// Its column that names the run.
    run: &'static str,
    condition: Piece,
    /// The index holds everything that is asked.
    exact: bool,
    /// Which of the filter's conditions needs no further look; none where it is the scope's.
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

    fn keys(&self) -> Piece {
        let mut piece =
            Piece::new(format!("SELECT driver.{} FROM {} AS driver WHERE ", self.run, self.table));
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

/// The conditions that indexes answer; `experiments` is one as well.
pub(super) struct Conditions {
    beginnings: Vec<Beginning>,
    /// Every condition of the filter is among the exact ones.
    all_exact: bool,
}

impl Conditions {
    pub fn new(workspace: i64, experiments: Option<&[i64]>, conjuncts: &[&Filter]) -> Conditions {
        let of_filter = conjuncts.iter().enumerate().filter_map(|(at, conjunct)| match conjunct {
            Filter::Compare(comparison) => of_comparison(workspace, at, comparison),
            _ => None,
        });
        let beginnings: Vec<Beginning> =
            experiments.map(of_experiments).into_iter().chain(of_filter).collect();
        let exact = beginnings.iter().filter(|beginning| beginning.covers.is_some()).count();
        Conditions { beginnings, all_exact: exact == conjuncts.len() }
    }

    pub fn start(mut self, connection: &Connection) -> Result<Start> {
        if let Some(narrowest) = self.narrowest(connection)? {
            return Ok(Start::Few(self.beginnings.swap_remove(narrowest)));
        }
        if self.beginnings.iter().filter(|beginning| beginning.exact).count() < 2 {
            return Ok(Start::Anywhere);
        }
        let keys = self.common(connection)?;
        Ok(if keys.len() < FEW { Start::Keys(keys.to_vec()) } else { Start::Anywhere })
    }

    /// How many runs there are, where the indexes alone can tell: of that workspace and without the
    /// deleted ones.
    pub fn count(&self, connection: &Connection, workspace: i64) -> Result<Option<u64>> {
        if !self.all_exact || self.beginnings.is_empty() {
            return Ok(None);
        }
        let mut keys = self.common(connection)?;
        let of_others: Option<i64> = connection.find(
            "SELECT 1 WHERE (SELECT min(workspace) FROM runs) <> (SELECT max(workspace) FROM runs)",
            &[],
        )?;
        if of_others.is_some() {
            let all = Piece::with("SELECT key FROM runs WHERE workspace = ?", workspace);
            keys.keep(&Keys::read(connection, all)?);
        }
        let deleted = Piece::new("SELECT key FROM runs WHERE deleted_at_ms IS NOT NULL");
        keys.remove(&Keys::read(connection, deleted)?);
        Ok(Some(keys.len() as u64))
    }

    /// The condition with the fewest rows, if there is one with few.
    fn narrowest(&self, connection: &Connection) -> Result<Option<usize>> {
        let mut best: Option<(i64, usize)> = None;
        for (at, beginning) in self.beginnings.iter().enumerate() {
            let rows = beginning.rows(connection)?;
            if rows < FEW as i64 && best.is_none_or(|(fewest, _)| rows < fewest) {
                best = Some((rows, at));
            }
            if rows == 0 {
                break;
            }
        }
        Ok(best.map(|(_, at)| at))
    }

    /// Runs of which every exact condition holds.
    fn common(&self, connection: &Connection) -> Result<Keys> {
        let mut common: Option<Keys> = None;
        for beginning in self.beginnings.iter().filter(|beginning| beginning.exact) {
            let keys = Keys::read(connection, beginning.keys())?;
            match &mut common {
                Some(common) => common.keep(&keys),
                None => common = Some(keys),
            }
            if common.as_ref().is_some_and(|common| common.len() == 0) {
                break;
            }
        }
        Ok(common.unwrap_or_default())
    }
}

fn of_experiments(experiments: &[i64]) -> Beginning {
    let mut condition = Piece::new("driver.experiment IN (");
    condition.list(experiments).push(")");
    Beginning { table: "runs", run: "key", condition, exact: true, covers: None }
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
            Some(Beginning { table: "metrics", run: "run", condition, exact: in_index, covers })
        }
        Field::Tag(key) => Some(of_entry("run_tags", key, test, at)),
        Field::Parameter(key) => Some(of_entry("run_parameters", key, test, at)),
        Field::Attribute(attribute) => {
            let condition = of_attribute(workspace, *attribute, test)?;
            Some(Beginning { table: "runs", run: "key", condition, exact: true, covers: Some(at) })
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
    Beginning { table, run: "run", condition, exact: covers.is_some(), covers }
}

/// Characters of a tag's or parameter's value that its index holds; see the migration.
pub(super) const INDEXED: usize = 100;

fn of_attribute(workspace: i64, attribute: Attribute, test: &Test) -> Option<Piece> {
    let among = |opening: &str, closing: &str| {
        let mut piece = Piece::new(opening);
        piece.list(&texts(test)?).push(closing);
        Some(piece)
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
            Some(piece)
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

use lazuli_domain::search::{Aggregate, Attribute, Entity, Field, Filter, RunFields, Test};
use lazuli_domain::{Page, Run};

use super::condition::Conditions;
use super::cursor::{Cursor, Mark, bound_to};
use super::order::{Term, check_marks};
use super::piece::Piece;
use super::place::{Place, Rows, place};
use super::plan::{self, INDEXED, Start, all_of};
use super::select::{Found, Part, Source, count, page};
use super::{Query, View};
use crate::error::{Error, Result};
use crate::store::{Connection, experiments, runs, workspaces};

/// Which runs are looked for, and what of them is told.
#[derive(Clone, Debug)]
pub struct RunSearch {
    pub workspace: String,
    /// Keys of experiments; runs of every experiment when absent.
    pub experiments: Option<Vec<i64>>,
    pub view: View,
    pub limit: usize,
    /// Where nothing decides, the run that was made last comes first.
    pub query: Query,
    pub fields: RunFields,
}

const SOURCE: Source = Source { key: "runs.key", newest_first: true };

/// One page of runs.
pub fn runs(connection: &Connection, search: &RunSearch) -> Result<Page<Run>> {
    let name = name_of(search);
    if let Some(cursor) = &search.query.cursor
        && cursor.search != name
    {
        return Err(Error::Refused(Cursor::other_search()));
    }
    let mut walk = Walk::new(connection, search)?;
    if search.limit > 0 {
        walk.find()?;
    }
    let (keys, next_cursor) = page(walk.found, search.limit, &search.query, name);
    let items = runs::with_keys(connection, &keys, &search.fields)?;
    Ok(Page { items, next_cursor, total: None })
}

/// How many runs there are on all pages together.
pub fn count_runs(connection: &Connection, search: &RunSearch) -> Result<u64> {
    let walk = Walk::new(connection, search)?;
    let is_active = search.view == View::Active;
    if is_active && search.query.filter.is_none() {
        return experiments::count_runs(connection, walk.workspace, search.experiments.as_deref());
    }
    let runs = Piece::new("runs");
    match walk.conditions().start(connection)? {
        Start::Few(beginning) => {
            count(connection, &beginning.from(), &walk.condition(Some(&beginning))?)
        }
        Start::Keys(keys) => count(connection, &runs, &walk.condition_of(&keys)?),
        Start::Anywhere => {
            let counted = match is_active {
                true => walk.conditions().count(connection, walk.workspace)?,
                false => None,
            };
            match counted {
                Some(counted) => Ok(counted),
                None => count(connection, &runs, &walk.condition(None)?),
            }
        }
    }
}

/// Everything that decides which runs come in which order.
fn name_of(search: &RunSearch) -> String {
    let mut experiments = search.experiments.clone().unwrap_or_default();
    experiments.sort_unstable();
    let mut parts = vec![
        "runs".to_owned(),
        search.workspace.clone(),
        format!("{:?} {:?}", search.view, search.experiments.is_some().then_some(experiments)),
        search.query.filter.as_ref().map(Filter::to_string).unwrap_or_default(),
    ];
    parts.extend(search.query.order.iter().map(ToString::to_string));
    bound_to(&parts)
}

/// A search under way.
struct Walk<'a> {
    connection: &'a Connection,
    search: &'a RunSearch,
    workspace: i64,
    terms: Vec<Term>,
    /// One row more than the page has tells whether another page follows.
    wanted: usize,
    found: Vec<Found>,
}

impl<'a> Walk<'a> {
    fn new(connection: &'a Connection, search: &'a RunSearch) -> Result<Walk<'a>> {
        let Query { order, cursor, now_ms, .. } = &search.query;
        let terms = order
            .iter()
            .enumerate()
            .map(|(at, by)| {
                Term::new(connection, Entity::Run, by, *now_ms, &format!("ordered{at}"))
            })
            .collect::<Result<Vec<Term>>>()?;
        if let Some(cursor) = cursor {
            check_marks(&terms, cursor)?;
        }
        Ok(Walk {
            connection,
            search,
            workspace: workspaces::key(connection, &search.workspace)?,
            terms,
            wanted: search.limit.saturating_add(1),
            found: Vec::new(),
        })
    }

    fn find(&mut self) -> Result<()> {
        let marks = self.search.query.cursor.as_ref().map(|cursor| cursor.marks.clone());
        let marks = marks.as_deref();
        match self.conditions().start(self.connection)? {
            // Few enough to put them into order one by one.
            Start::Few(beginning) => {
                let condition = self.condition(Some(&beginning))?;
                self.collect(&[], beginning.from(), condition, None, None, 0, marks)
            }
            Start::Keys(keys) => {
                let condition = self.condition_of(&keys)?;
                self.collect(&[], Piece::new("runs"), condition, None, None, 0, marks)
            }
            Start::Anywhere => {
                let condition = self.condition(None)?;
                self.walk(0, condition, marks)
            }
        }
    }

    fn conditions(&self) -> plan::Conditions {
        let conjuncts = self.search.query.conjuncts();
        plan::Conditions::new(self.workspace, self.search.experiments.as_deref(), &conjuncts)
    }

    /// Goes through the runs in the order of the terms from `at` on; of the terms before it they
    /// have nothing. `marks` are those of the cursor from there on.
    fn walk(&mut self, at: usize, condition: Piece, marks: Option<&[Mark]>) -> Result<()> {
        let Some(lead) = self.lead(at)? else {
            let from = Piece::new("runs");
            return self.collect(&vec![Mark::Absent; at], from, condition, None, None, at, marks);
        };
        let absent = vec![Mark::Absent; at];
        let mark = marks.and_then(<[Mark]>::first);
        if mark.is_none_or(Mark::is_value) {
            let (from, first, term, mut valued) = lead.values();
            valued.push(" AND ").append(&condition);
            if let Some(mark) = mark {
                lead.seek(mark, &mut valued);
            }
            self.collect(&absent, from, valued, first, Some(term), at + 1, marks)?;
        }
        let rest = marks.and_then(|marks| marks.get(1..));
        if self.found.len() < self.wanted
            && mark.is_none_or(|mark| *mark != Mark::Absent)
            && let Some((from, mut numberless)) = lead.without_number()
        {
            numberless.push(" AND ").append(&condition);
            let rest = rest.filter(|_| mark == Some(&Mark::NotANumber));
            let mut prefix = absent;
            prefix.push(Mark::NotANumber);
            self.collect(&prefix, from, numberless, None, None, at + 1, rest)?;
        }
        if self.found.len() < self.wanted && !self.is_asked_for(at) {
            let mut without = lead.absent();
            without.push(" AND ").append(&condition);
            let rest = rest.filter(|_| mark == Some(&Mark::Absent));
            self.walk(at + 1, without, rest)?;
        }
        Ok(())
    }

    /// One statement: `lead`, if there is one, and the terms from `at` on. Every row that it finds
    /// has the marks of `prefix`.
    #[expect(clippy::too_many_arguments, reason = "the parts of one statement")]
    fn collect(
        &mut self,
        prefix: &[Mark],
        from: Piece,
        condition: Piece,
        first: Option<Piece>,
        lead: Option<Term>,
        at: usize,
        marks: Option<&[Mark]>,
    ) -> Result<()> {
        let terms: Vec<Term> =
            lead.into_iter().chain(self.terms.iter().skip(at).cloned()).collect();
        let key = self.search.query.cursor.as_ref().map_or(0, |cursor| cursor.key);
        let behind = marks.map(|marks| (marks, key));
        let part = Part { from, condition, first, terms: &terms, behind };
        let more = SOURCE.find(self.connection, &part, self.wanted - self.found.len())?;
        self.found.extend(more.into_iter().map(|found| Found {
            key: found.key,
            marks: prefix.iter().cloned().chain(found.marks).collect(),
        }));
        Ok(())
    }

    /// Scope and filter, of these runs only.
    fn condition_of(&self, keys: &[i64]) -> Result<Piece> {
        if keys.is_empty() {
            return Ok(Piece::new("1 = 0"));
        }
        // Written out: they are numbers, and too many for parameters.
        let keys: Vec<String> = keys.iter().map(i64::to_string).collect();
        let mut piece = Piece::new(format!("runs.key IN ({}) AND ", keys.join(", ")));
        piece.append(&self.condition(None)?);
        Ok(piece)
    }

    /// Scope and filter, without what the beginning has decided.
    fn condition(&self, beginning: Option<&plan::Beginning>) -> Result<Piece> {
        let mut conditions = Vec::new();
        conditions.extend(beginning.map(plan::Beginning::condition));
        // A `+` keeps an index out of use that would lead past more rows than the other.
        match self.search.experiments.as_deref() {
            None => conditions.push(Piece::with("runs.workspace = ?", self.workspace)),
            Some([experiment]) => {
                conditions.push(Piece::with("runs.experiment = ?", *experiment));
                conditions.push(Piece::with("+runs.workspace = ?", self.workspace));
            }
            Some(experiments) => {
                conditions.push(Piece::with("runs.workspace = ?", self.workspace));
                let mut among = Piece::new("+runs.experiment IN (");
                match experiments.is_empty() {
                    true => among.push("NULL)"),
                    false => among.list(experiments).push(")"),
                };
                conditions.push(among);
            }
        }
        match self.search.view {
            View::Active => conditions.push(Piece::new("runs.deleted_at_ms IS NULL")),
            View::Deleted => conditions.push(Piece::new("runs.deleted_at_ms IS NOT NULL")),
            View::All => {}
        }
        let making = Conditions {
            connection: self.connection,
            entity: Entity::Run,
            now_ms: self.search.query.now_ms,
        };
        let covered = beginning.and_then(|beginning| beginning.covers);
        for (at, conjunct) in self.search.query.conjuncts().into_iter().enumerate() {
            if covered != Some(at) {
                conditions.push(making.holds(conjunct)?);
            }
        }
        Ok(all_of(conditions))
    }

    /// True when only runs that have what is ordered by can match the filter.
    fn is_asked_for(&self, at: usize) -> bool {
        let ordered = self.search.query.order.get(at).map(|by| &by.field);
        self.search.query.conjuncts().into_iter().any(|conjunct| match conjunct {
            Filter::Compare(comparison) => {
                ordered == Some(&comparison.field) && comparison.test != Test::IsNull
            }
            _ => false,
        })
    }

    /// How an index leads through the runs in the order of that term, if one does.
    fn lead(&self, at: usize) -> Result<Option<Lead>> {
        let Some(by) = self.search.query.order.get(at) else { return Ok(None) };
        let descending = by.descending;
        let now_ms = self.search.query.now_ms;
        let has_index = match &by.field {
            Field::Metric { of, .. } => *of == Aggregate::Latest,
            Field::Tag(_) | Field::Parameter(_) => true,
            Field::Attribute(attribute) => *attribute == Attribute::Started,
            Field::Property(_) | Field::Dataset(_) => false,
        };
        if !has_index {
            return Ok(None);
        }
        Ok(Some(match place(self.connection, Entity::Run, &by.field, now_ms)? {
            Place::Rows(rows) => Lead::Rows { rows, descending },
            Place::Column(_) => Lead::Column(Term { always: true, ..self.terms[at].clone() }),
        }))
    }
}

/// An index that has runs in the order of a term.
enum Lead {
    /// Of the rows that hold the values.
    Rows { rows: Rows, descending: bool },
    /// Of the runs themselves.
    Column(Term),
}

impl Lead {
    /// From where, in which order of the index, by which term, and under which condition the runs
    /// come that have a value.
    fn values(&self) -> (Piece, Option<Piece>, Term, Piece) {
        match self {
            Self::Rows { rows, descending } => {
                let term = Term {
                    always: true,
                    present: None,
                    ..Term::of_rows(rows, *descending, "driver")
                };
                let mut condition = rows.on.named("driver");
                let direction = if *descending { " DESC" } else { " ASC" };
                let first =
                    (!rows.is_metric).then(|| Piece::new(format!("{INDEXED_VALUE}{direction}")));
                if rows.is_metric {
                    condition.push(" AND driver.last_number IS NOT NULL");
                }
                (self.from(), first, term, condition)
            }
            Self::Column(term) => {
                let mut condition = term.value.clone();
                condition.push(" IS NOT NULL");
                (self.from(), None, term.clone(), condition)
            }
        }
    }

    fn from(&self) -> Piece {
        match self {
            // A cross join is carried out in the order in which it is written.
            Self::Rows { rows, .. } => {
                Piece::new(format!("{} AS driver CROSS JOIN runs", rows.table))
            }
            Self::Column(_) => Piece::new("runs"),
        }
    }

    /// Takes the index straight to where the page begins.
    fn seek(&self, mark: &Mark, condition: &mut Piece) {
        let (value, descending) = match self {
            Self::Rows { rows, descending } if rows.is_metric => {
                (Piece::new("driver.last_number"), *descending)
            }
            Self::Rows { descending, .. } => (Piece::new(INDEXED_VALUE), *descending),
            Self::Column(term) => (term.value.clone(), term.descending),
        };
        condition.push(" AND ").append(&value);
        let sign = if descending { " <= ?" } else { " >= ?" };
        match mark {
            Mark::Text(text) => {
                let beginning: String = text.chars().take(INDEXED).collect();
                condition.value(sign, beginning);
            }
            mark => mark.bind(condition, sign),
        }
    }

    /// Runs that have the metric, but no number in it.
    fn without_number(&self) -> Option<(Piece, Piece)> {
        match self {
            Self::Rows { rows, .. } if rows.is_metric => {
                let mut condition = rows.on.named("driver");
                condition.push(" AND driver.last_number IS NULL");
                Some((self.from(), condition))
            }
            _ => None,
        }
    }

    fn absent(&self) -> Piece {
        match self {
            Self::Rows { rows, .. } => {
                let mut condition =
                    Piece::new(format!("NOT EXISTS (SELECT 1 FROM {} AS entry WHERE ", rows.table));
                condition.append(&rows.on.named("entry")).push(")");
                condition
            }
            Self::Column(term) => {
                let mut condition = term.value.clone();
                condition.push(" IS NULL");
                condition
            }
        }
    }
}

/// As the indexes of tags and parameters have it.
const INDEXED_VALUE: &str = "substr(driver.value, 1, 100)";

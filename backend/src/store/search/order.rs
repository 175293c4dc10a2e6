//! What a search orders by: values in either direction, then NaN, then what is absent.

use lazuli_domain::search::{Entity, OrderBy};

use super::cursor::{Cursor, Mark};
use super::piece::Piece;
use super::place::{Kind, Place, Rows, ordered_text, place};
use crate::error::{Error, Result};
use crate::store::Connection;
use crate::store::sql::Row;

/// One thing that is ordered by.
#[derive(Clone)]
pub(super) struct Term {
    /// The table that the value comes from, when it is not the row itself.
    pub join: Option<Piece>,
    /// NULL when it is absent or no number.
    pub value: Piece,
    /// Of a metric: NULL when it is absent.
    pub present: Option<Piece>,
    pub kind: Kind,
    pub descending: bool,
    /// Only rows that have a value are looked at; an index serves only an order that says nothing
    /// of NULLs.
    pub always: bool,
}

impl Term {
    /// `alias` names the table that the term needs, if it does.
    pub fn new(
        connection: &Connection,
        entity: Entity,
        by: &OrderBy,
        now_ms: i64,
        alias: &str,
    ) -> Result<Term> {
        let term = match place(connection, entity, &by.field, now_ms)? {
            Place::Column(column) => {
                let (value, kind) = column.order.unwrap_or((column.value, column.kind));
                Term::of_value(value, kind, by.descending)
            }
            Place::Rows(rows) if rows.several => {
                let mut value = Piece::new("(SELECT min(");
                value
                    .append(&Piece::new(rows.value).named("entry"))
                    .push(&format!(") FROM {} AS entry WHERE ", rows.table))
                    .append(&rows.on.named("entry"))
                    .push(")");
                Term::of_value(value, rows.kind, by.descending)
            }
            Place::Rows(rows) => {
                let mut join = Piece::new(format!(" LEFT JOIN {} AS {alias} ON ", rows.table));
                join.append(&rows.on.named(alias));
                Term { join: Some(join), ..Term::of_rows(&rows, by.descending, alias) }
            }
        };
        Ok(term)
    }

    fn of_value(value: Piece, kind: Kind, descending: bool) -> Term {
        Term { join: None, value, present: None, kind, descending, always: false }
    }

    /// The value stands in rows that are there already under `alias`.
    pub fn of_rows(rows: &Rows, descending: bool, alias: &str) -> Term {
        let value = Piece::new(rows.value).named(alias);
        let value = match rows.kind {
            Kind::Text => Piece::new(ordered_text(value.text())),
            _ => value,
        };
        let present = rows.is_metric.then(|| Piece::new(format!("{alias}.key")));
        Term { present, ..Term::of_value(value, rows.kind, descending) }
    }

    pub fn order(&self, piece: &mut Piece) {
        let direction = if self.descending { " DESC" } else { " ASC" };
        piece.append(&self.value).push(direction);
        if self.always {
            return;
        }
        piece.push(" NULLS LAST");
        if let Some(present) = &self.present {
            piece.push(", (").append(present).push(" IS NULL)");
        }
    }

    /// The columns that [`Term::mark`] reads.
    pub fn select(&self, piece: &mut Piece) {
        piece.push(", ").append(&self.value);
        if let Some(present) = &self.present {
            piece.push(", ").append(present);
        }
    }

    pub fn columns(&self) -> usize {
        1 + usize::from(self.present.is_some())
    }

    pub fn mark(&self, row: &Row<'_>, at: usize) -> Result<Mark> {
        let value = match self.kind {
            Kind::Text => row.get::<Option<String>>(at)?.map(Mark::Text),
            Kind::Integer => row.get::<Option<i64>>(at)?.map(Mark::Integer),
            Kind::Real => row.get::<Option<f64>>(at)?.map(|value| Mark::Real(value.to_bits())),
        };
        Ok(match (value, &self.present) {
            (Some(value), _) => value,
            (None, Some(_)) if row.get::<Option<i64>>(at + 1)?.is_some() => Mark::NotANumber,
            (None, _) => Mark::Absent,
        })
    }

    /// A forged cursor may hold anything.
    fn fits(&self, mark: &Mark) -> bool {
        match mark {
            Mark::Text(_) => self.kind == Kind::Text,
            Mark::Integer(_) => self.kind == Kind::Integer,
            Mark::Real(bits) => self.kind == Kind::Real && !f64::from_bits(*bits).is_nan(),
            Mark::NotANumber => self.present.is_some(),
            Mark::Absent => true,
        }
    }

    fn beyond(&self, mark: &Mark) -> Piece {
        let mut piece = Piece::default();
        match (mark, &self.present) {
            (Mark::Absent, _) => {
                piece.push("1 = 0");
            }
            (Mark::NotANumber, Some(present)) => {
                piece.append(present).push(" IS NULL");
            }
            (Mark::NotANumber, None) => {
                piece.push("1 = 0");
            }
            (value, _) => {
                let sign = if self.descending { " < ?" } else { " > ?" };
                piece.push("(").append(&self.value);
                value.bind(&mut piece, sign);
                if !self.always {
                    piece.push(" OR ").append(&self.value).push(" IS NULL");
                }
                piece.push(")");
            }
        }
        piece
    }

    fn equal(&self, mark: &Mark) -> Piece {
        let mut piece = Piece::default();
        match (mark, &self.present) {
            (Mark::Absent, Some(present)) => {
                piece.append(present).push(" IS NULL");
            }
            (Mark::Absent, None) => {
                piece.append(&self.value).push(" IS NULL");
            }
            (Mark::NotANumber, present) => {
                piece.append(&self.value).push(" IS NULL");
                if let Some(present) = present {
                    piece.push(" AND ").append(present).push(" IS NOT NULL");
                }
            }
            (value, _) => {
                piece.append(&self.value);
                value.bind(&mut piece, " = ?");
            }
        }
        piece
    }
}

impl Mark {
    pub fn bind(&self, piece: &mut Piece, text: &str) {
        match self {
            Self::Integer(value) => piece.value(text, *value),
            Self::Real(bits) => piece.value(text, f64::from_bits(*bits)),
            Self::Text(value) => piece.value(text, value),
            Self::NotANumber | Self::Absent => piece.value(text, Option::<i64>::None),
        };
    }

    pub fn is_value(&self) -> bool {
        !matches!(self, Self::NotANumber | Self::Absent)
    }
}

/// Rows behind the one with these marks and this key.
pub(super) fn behind(terms: &[Term], marks: &[Mark], by_key: &Piece) -> Piece {
    let mut piece = Piece::default();
    for (term, mark) in terms.iter().zip(marks) {
        piece.push("(").append(&term.beyond(mark)).push(" OR (");
        piece.append(&term.equal(mark)).push(" AND ");
    }
    piece.append(by_key);
    for _ in terms.iter().zip(marks) {
        piece.push("))");
    }
    piece
}

/// Refuses a cursor whose marks are not of these terms.
pub(super) fn check_marks(terms: &[Term], cursor: &Cursor) -> Result<()> {
    let fits = terms.len() == cursor.marks.len()
        && terms.iter().zip(&cursor.marks).all(|(term, mark)| term.fits(mark));
    match fits {
        true => Ok(()),
        false => Err(Error::Refused(Cursor::other_search())),
    }
}

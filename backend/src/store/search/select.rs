//! One statement of a search, and what it found.

use super::Query;
use super::cursor::{Cursor, Mark};
use super::order::{Term, behind};
use super::piece::Piece;
use crate::error::Result;
use crate::store::Connection;

/// The table that is searched. Its keys decide what nothing else decides.
#[derive(Clone, Copy)]
pub(super) struct Source {
    pub key: &'static str,
    pub newest_first: bool,
}

/// One statement.
pub(super) struct Part<'a> {
    pub from: Piece,
    pub condition: Piece,
    /// Decides before the terms do; they agree with it.
    pub first: Option<Piece>,
    pub terms: &'a [Term],
    /// Only rows behind the one with these marks and this key.
    pub behind: Option<(&'a [Mark], i64)>,
}

/// A row that was found, and its values of what is ordered by.
pub(super) struct Found {
    pub key: i64,
    pub marks: Vec<Mark>,
}

impl Source {
    /// In order, at most `limit`.
    pub fn find(
        &self,
        connection: &Connection,
        part: &Part<'_>,
        limit: usize,
    ) -> Result<Vec<Found>> {
        let mut piece = Piece::new("SELECT ");
        piece.push(self.key);
        for term in part.terms {
            term.select(&mut piece);
        }
        piece.push(" FROM ").append(&part.from);
        for join in part.terms.iter().filter_map(|term| term.join.as_ref()) {
            piece.append(join);
        }
        piece.push(" WHERE ").append(&part.condition);
        if let Some((marks, key)) = part.behind {
            let sign = if self.newest_first { " < ?" } else { " > ?" };
            let by_key = Piece::with(format!("{}{sign}", self.key), key);
            piece.push(" AND ").append(&behind(part.terms, marks, &by_key));
        }
        piece.push(" ORDER BY ");
        if let Some(first) = &part.first {
            piece.append(first).push(", ");
        }
        for term in part.terms {
            term.order(&mut piece);
            piece.push(", ");
        }
        piece.push(self.key).push(if self.newest_first { " DESC" } else { "" });
        piece.value(" LIMIT ?", limit as i64);
        let statement = piece.into_statement();
        connection.rows(statement.sql(), &statement.params(), |row| {
            let mut at = 1;
            let mut marks = Vec::with_capacity(part.terms.len());
            for term in part.terms {
                marks.push(term.mark(row, at)?);
                at += term.columns();
            }
            Ok(Found { key: row.get(0)?, marks })
        })
    }
}

/// How many rows there are.
pub(super) fn count(connection: &Connection, from: &Piece, condition: &Piece) -> Result<u64> {
    let mut piece = Piece::new("SELECT count(*) FROM ");
    piece.append(from).push(" WHERE ").append(condition);
    let statement = piece.into_statement();
    let count: i64 = connection.value(statement.sql(), &statement.params())?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// The keys of a page of which one row more than `limit` was asked for, and where the next begins.
pub(super) fn page(
    mut found: Vec<Found>,
    limit: usize,
    query: &Query,
    search: String,
) -> (Vec<i64>, Option<String>) {
    let has_more = found.len() > limit;
    found.truncate(limit);
    let keys = found.iter().map(|found| found.key).collect();
    let last = found.pop().filter(|_| has_more);
    let next = last.map(|Found { key, marks }| {
        Cursor { search, now_ms: query.now_ms, marks, key }.to_string()
    });
    (keys, next)
}

//! A filter as a condition on one row of what is searched.

use lazuli_domain::search::{Comparison, Entity, Filter, Literal, Test};

use super::piece::{Piece, joined};
use super::place::{Kind, Place, place};
use crate::error::Result;
use crate::store::Connection;

/// What a row is compared with other than itself.
pub(super) struct Conditions<'a> {
    pub connection: &'a Connection,
    pub entity: Entity,
    pub now_ms: i64,
}

impl Conditions<'_> {
    /// True, false or unknown; unknown does not hold.
    pub fn holds(&self, filter: &Filter) -> Result<Piece> {
        Ok(match filter {
            Filter::And(parts) => self.all(parts, " AND ")?,
            Filter::Or(parts) => self.all(parts, " OR ")?,
            Filter::Not(inner) => {
                let mut piece = Piece::new("(");
                piece.append(&self.holds(inner)?).push(" IS NOT TRUE)");
                piece
            }
            Filter::Compare(comparison) => self.compare(comparison)?,
        })
    }

    fn all(&self, parts: &[Filter], word: &str) -> Result<Piece> {
        let parts: Vec<Piece> = parts.iter().map(|part| self.holds(part)).collect::<Result<_>>()?;
        let mut piece = Piece::new("(");
        piece.append(&joined(parts, word)).push(")");
        Ok(piece)
    }

    fn compare(&self, Comparison { field, test }: &Comparison) -> Result<Piece> {
        let rows = match place(self.connection, self.entity, field, self.now_ms)? {
            Place::Column(column) => return Ok(tested(&column.value, column.kind, test)),
            Place::Rows(rows) => rows,
        };
        let opening = match test {
            Test::IsNull => "NOT EXISTS (SELECT 1 FROM ",
            _ => "EXISTS (SELECT 1 FROM ",
        };
        let mut piece = Piece::new(opening);
        piece.push(&rows.table).push(" AS entry WHERE ").append(&rows.on.named("entry"));
        if !matches!(test, Test::IsNull | Test::IsNotNull) {
            let value = Piece::new(rows.value).named("entry");
            let holds = tested(&value, rows.kind, test);
            piece.push(" AND ");
            match test {
                // What is there and is no number is unlike every number.
                Test::Ne(_) | Test::NotIn(_) if rows.is_metric => {
                    piece.push("(").append(&value).push(" IS NULL OR ").append(&holds).push(")");
                }
                _ => {
                    piece.append(&holds);
                }
            }
        }
        // PostgreSQL makes a join of every bare EXISTS, and plans hundreds of joins for hours.
        piece.push(match self.connection {
            Connection::Sqlite(_) => ")",
            Connection::Postgres(_) => ") IS TRUE",
        });
        Ok(piece)
    }
}

/// The test of a value that may be NULL.
pub(super) fn tested(value: &Piece, kind: Kind, test: &Test) -> Piece {
    let mut piece = Piece::default();
    match test {
        Test::Eq(literal) => compared(&mut piece, value, " = ", kind, literal),
        Test::Ne(literal) => compared(&mut piece, value, " <> ", kind, literal),
        Test::Lt(literal) => compared(&mut piece, value, " < ", kind, literal),
        Test::Le(literal) => compared(&mut piece, value, " <= ", kind, literal),
        Test::Gt(literal) => compared(&mut piece, value, " > ", kind, literal),
        Test::Ge(literal) => compared(&mut piece, value, " >= ", kind, literal),
        Test::Like(pattern) => {
            piece.append(value).value(" LIKE ? ESCAPE '\\'", as_it_is(pattern));
        }
        // Both databases fold A to Z here, and nothing else.
        Test::ILike(pattern) => {
            let pattern = as_it_is(&pattern.to_ascii_lowercase());
            piece.push("lower(").append(value).value(") LIKE ? ESCAPE '\\'", pattern);
        }
        Test::In(literals) => listed(&mut piece, value, " IN (", kind, literals),
        Test::NotIn(literals) => listed(&mut piece, value, " NOT IN (", kind, literals),
        Test::Between(low, high) => {
            piece.append(value).push(" BETWEEN ");
            literal_of(&mut piece, kind, low);
            piece.push(" AND ");
            literal_of(&mut piece, kind, high);
        }
        Test::IsNull => {
            piece.append(value).push(" IS NULL");
        }
        Test::IsNotNull => {
            piece.append(value).push(" IS NOT NULL");
        }
    }
    piece
}

/// The language has no escapes: a backslash is a backslash.
fn as_it_is(pattern: &str) -> String {
    pattern.replace('\\', "\\\\")
}

fn compared(piece: &mut Piece, value: &Piece, sign: &str, kind: Kind, literal: &Literal) {
    piece.append(value).push(sign);
    literal_of(piece, kind, literal);
}

fn listed(piece: &mut Piece, value: &Piece, opening: &str, kind: Kind, literals: &[Literal]) {
    piece.append(value).push(opening);
    for (at, literal) in literals.iter().enumerate() {
        if at > 0 {
            piece.push(", ");
        }
        literal_of(piece, kind, literal);
    }
    piece.push(")");
}

fn literal_of(piece: &mut Piece, kind: Kind, literal: &Literal) {
    match literal {
        Literal::Text(text) => piece.value("?", text),
        Literal::Time(ms) => piece.value("?", *ms),
        // A whole number is compared with a fraction as such, not with what is left of it.
        Literal::Number(number) if kind == Kind::Integer => {
            piece.value("CAST(? AS DOUBLE PRECISION)", *number)
        }
        Literal::Number(number) => piece.value("?", *number),
    };
}

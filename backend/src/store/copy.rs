//! Rows as lines of JSON, the same for both databases: what one wrote the other reads.
//!
//! A line is an array with the columns in their order. Whole numbers are JSON integers, doubles have
//! a point or an exponent; an infinity is `{"real": "inf"}`, which JSON cannot say otherwise (NaN is
//! NULL already), and bytes are `{"bytes": base64}`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lazuli_domain::ApiError;
use serde_json::{Value, json};

use super::schema::Table;
use super::sql::{Bind, Owned, Row};
use super::{Connection, Write};
use crate::error::Result;

/// Read at once: a server's rows are held in memory.
const PAGE: i64 = 10_000;
/// Written by one statement.
const ROWS_AT_ONCE: usize = 100;

/// Calls `take` with each row of the table, or those whose column has that value, in the order of
/// the primary key.
pub fn each_row(
    connection: &Connection,
    table: &Table,
    only: Option<(&str, i64)>,
    mut take: impl FnMut(Vec<Owned>) -> Result<()>,
) -> Result<()> {
    let columns = table.columns.join(", ");
    let key = table.primary_key.join(", ");
    let positions: Vec<usize> = table
        .primary_key
        .iter()
        .filter_map(|name| table.columns.iter().position(|column| column == name))
        .collect();
    let mut last: Option<Vec<Owned>> = None;
    loop {
        let mut sql = format!("SELECT {columns} FROM {}", table.name);
        let mut params: Vec<Owned> = Vec::new();
        let mut conditions = Vec::new();
        if let Some((column, value)) = only {
            params.push(Owned::Integer(value));
            conditions.push(format!("{column} = ?{}", params.len()));
        }
        if let Some(last) = &last {
            let places: Vec<String> =
                (0..last.len()).map(|at| format!("?{}", params.len() + at + 1)).collect();
            conditions.push(format!("({key}) > ({})", places.join(", ")));
            params.extend(last.iter().cloned());
        }
        if !conditions.is_empty() {
            sql.push_str(&format!(" WHERE {}", conditions.join(" AND ")));
        }
        if !positions.is_empty() {
            params.push(Owned::Integer(PAGE));
            sql.push_str(&format!(" ORDER BY {key} LIMIT ?{}", params.len()));
        }
        let bound: Vec<&dyn Bind> = params.iter().map(|param| param as &dyn Bind).collect();
        let mut count = 0;
        let mut newest = None;
        connection.each(&sql, &bound, |row: &Row<'_>| {
            let values =
                (0..table.columns.len()).map(|at| row.owned(at)).collect::<Result<Vec<Owned>>>()?;
            count += 1;
            newest = Some(positions.iter().map(|at| values[*at].clone()).collect());
            take(values)?;
            Ok(true)
        })?;
        if positions.is_empty() || count < PAGE {
            return Ok(());
        }
        last = newest;
    }
}

/// Collects rows for one table and writes many with one statement.
pub struct Inserter<'a> {
    connection: &'a Connection,
    table: String,
    columns: Vec<String>,
    rows: Vec<Owned>,
}

impl<'a> Inserter<'a> {
    pub fn new(write: &'a Write<'_>, table: &str, columns: &[String]) -> Inserter<'a> {
        Inserter {
            connection: write,
            table: table.to_owned(),
            columns: columns.to_vec(),
            rows: Vec::new(),
        }
    }

    pub fn add(&mut self, row: Vec<Owned>) -> Result<()> {
        if row.len() != self.columns.len() {
            return Err(damaged(&format!("a row of `{}` has another length", self.table)).into());
        }
        self.rows.extend(row);
        if self.rows.len() == ROWS_AT_ONCE * self.columns.len() {
            self.write(ROWS_AT_ONCE)?;
        }
        Ok(())
    }

    pub fn finish(mut self) -> Result<()> {
        // One by one: a statement for every number of rows would be prepared once and kept.
        while !self.rows.is_empty() {
            self.write(1)?;
        }
        Ok(())
    }

    fn write(&mut self, rows: usize) -> Result<()> {
        let width = self.columns.len();
        let places: Vec<String> = (0..rows)
            .map(|row| {
                let places: Vec<String> =
                    (1..=width).map(|column| format!("?{}", row * width + column)).collect();
                format!("({})", places.join(", "))
            })
            .collect();
        let sql = format!(
            "INSERT INTO {} ({}) VALUES {}",
            self.table,
            self.columns.join(", "),
            places.join(", ")
        );
        let later = self.rows.split_off(rows * width);
        let now = std::mem::replace(&mut self.rows, later);
        let bound: Vec<&dyn Bind> = now.iter().map(|value| value as &dyn Bind).collect();
        self.connection.execute(&sql, &bound)?;
        Ok(())
    }
}

pub fn to_json(row: &[Owned]) -> Value {
    row.iter()
        .map(|value| match value {
            Owned::Null => Value::Null,
            Owned::Integer(value) => json!(value),
            Owned::Real(value) if value.is_finite() => json!(value),
            Owned::Real(value) => json!({ "real": value.to_string() }),
            Owned::Text(text) => json!(text),
            Owned::Bytes(bytes) => json!({ "bytes": STANDARD.encode(bytes) }),
        })
        .collect()
}

pub fn from_json(line: &[u8]) -> Result<Vec<Owned>> {
    let values: Vec<Value> =
        serde_json::from_slice(line).map_err(|error| damaged(&format!("a row: {error}")))?;
    values
        .into_iter()
        .map(|value| {
            let real = |value: &Value| value.get("real")?.as_str()?.parse().ok();
            let bytes = |value: &Value| STANDARD.decode(value.get("bytes")?.as_str()?).ok();
            Ok(match value {
                Value::Null => Owned::Null,
                Value::String(text) => Owned::Text(text),
                Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                    (Some(whole), _) => Owned::Integer(whole),
                    (None, Some(real)) => Owned::Real(real),
                    (None, None) => return Err(damaged("a number").into()),
                },
                other => match (real(&other), bytes(&other)) {
                    (Some(real), _) => Owned::Real(real),
                    (None, Some(bytes)) => Owned::Bytes(bytes),
                    (None, None) => return Err(damaged("a value").into()),
                },
            })
        })
        .collect()
}

/// The archive's checksums were right, so it was written so.
fn damaged(what: &str) -> ApiError {
    ApiError::invalid(format!("the archive holds what this version cannot read: {what}"))
        .hint("use the version of Lazuli that wrote it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_comes_back_exactly() {
        let row = vec![
            Owned::Null,
            Owned::Integer(i64::MIN),
            Owned::Integer(1),
            Owned::Real(1.0),
            Owned::Real(-0.0),
            Owned::Real(0.1 + 0.2),
            Owned::Real(5e-324),
            Owned::Real(f64::MAX),
            Owned::Real(f64::INFINITY),
            Owned::Real(f64::NEG_INFINITY),
            Owned::Text("{\"real\": \"inf\"}\n".into()),
            Owned::Bytes(vec![0, 255, 7]),
        ];
        let line = to_json(&row).to_string();
        assert!(!line.contains('\n'));
        let back = from_json(line.as_bytes()).unwrap();
        assert_eq!(format!("{back:?}"), format!("{row:?}"));
    }
}

use std::fmt::Write as _;

use lazuli_domain::readable::escape_html as escape;
use lazuli_domain::{ApiError, Number, TableColumn, TablePreview};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::display::print_content;
use crate::{Error, Result};

/// Rows and columns, small enough to be held in memory and looked at.
///
/// A cell shows it as a table. Rows of any number are read from [`crate::Dataset::arrow_stream`].
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    preview: TablePreview,
}

/// Of a text in a table that is shown.
const LONGEST_CELL: usize = 60;
/// Of a table that is shown; `rows` has them all.
const MOST_ROWS_SHOWN: usize = 50;

impl Table {
    pub(crate) fn of(preview: TablePreview) -> Table {
        Table { preview }
    }

    /// Reads a table that a magic has written for its cell.
    #[doc(hidden)]
    pub fn open(path: &str) -> Result<Table> {
        let bytes = std::fs::read(path)
            .map_err(|error| Error::io(format!("cannot read `{path}`"), error))?;
        let preview = serde_json::from_slice(&bytes).map_err(|error| {
            Error::caused_by(ApiError::invalid(format!("`{path}` is no table: {error}")), error)
        })?;
        Ok(Table { preview })
    }

    pub fn columns(&self) -> &[TableColumn] {
        &self.preview.columns
    }

    /// One list per row, one JSON value per column; null where it is missing.
    pub fn rows(&self) -> &[Vec<Value>] {
        &self.preview.rows
    }

    pub fn len(&self) -> usize {
        self.preview.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.preview.rows.is_empty()
    }

    /// Whether there are more rows than these.
    pub fn has_more(&self) -> bool {
        self.preview.has_more
    }

    /// The values of a column: `table.column::<f64>("age")?`, or `Option<f64>` where some are
    /// missing.
    pub fn column<T: DeserializeOwned>(&self, name: &str) -> Result<Vec<T>> {
        let at = self.position(name)?;
        let read = |(number, row): (usize, &Vec<Value>)| {
            let value = row.get(at).cloned().unwrap_or(Value::Null);
            serde_json::from_value(value).map_err(|error| {
                let message = format!(
                    "row {} of the column `{name}` is not of that type: {error}",
                    number + 1
                );
                Error::caused_by(
                    ApiError::invalid(message).hint("take `Option<..>` where values are missing"),
                    error,
                )
            })
        };
        self.preview.rows.iter().enumerate().map(read).collect()
    }

    fn position(&self, name: &str) -> Result<usize> {
        let found = self.preview.columns.iter().position(|column| column.name == name);
        found.ok_or_else(|| {
            let names: Vec<&str> =
                self.preview.columns.iter().map(|column| column.name.as_str()).collect();
            ApiError::not_found("column", name).hint(format!("it has {}", names.join(", "))).into()
        })
    }

    /// Shows the table in a notebook.
    pub fn evcxr_display(&self) {
        print_content(&[("text/html", &self.html()), ("text/plain", &self.to_string())]);
    }

    fn shown(&self) -> impl Iterator<Item = Vec<String>> {
        let rows = self.preview.rows.iter().take(MOST_ROWS_SHOWN);
        rows.map(|row| row.iter().map(cell).collect())
    }

    fn is_number(&self, column: usize) -> bool {
        self.preview.columns.get(column).is_some_and(|column| {
            matches!(column.data_type.as_str(), "integer" | "float")
                || column.data_type.starts_with("Decimal")
        })
    }

    fn html(&self) -> String {
        let align = |column| if self.is_number(column) { "right" } else { "left" };
        let mut html = String::from("<table><thead><tr>");
        for (at, column) in self.preview.columns.iter().enumerate() {
            let _ = write!(
                html,
                "<th style=\"text-align:{}\">{}<br><span style=\"opacity:.6;font-weight:normal\">{}\
                 </span></th>",
                align(at),
                escape(&column.name),
                escape(&column.data_type)
            );
        }
        html.push_str("</tr></thead><tbody>");
        for row in self.shown() {
            html.push_str("<tr>");
            for (at, cell) in row.iter().enumerate() {
                let _ =
                    write!(html, "<td style=\"text-align:{}\">{}</td>", align(at), escape(cell));
            }
            html.push_str("</tr>");
        }
        let _ = write!(html, "</tbody></table><div style=\"opacity:.6\">{}</div>", self.summary());
        html
    }

    fn summary(&self) -> String {
        let (rows, columns) = (self.len(), self.preview.columns.len());
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        let more = match (self.has_more(), rows > MOST_ROWS_SHOWN) {
            (true, _) => format!("the first {rows} row{}", plural(rows)),
            (false, true) => format!("{rows} rows, {MOST_ROWS_SHOWN} shown"),
            (false, false) => format!("{rows} row{}", plural(rows)),
        };
        format!("{more} × {columns} column{}", plural(columns))
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let headings = self.preview.columns.iter().map(|column| column.name.clone()).collect();
        let lines: Vec<Vec<String>> = std::iter::once(headings).chain(self.shown()).collect();
        let columns = self.preview.columns.len();
        let widths: Vec<usize> = (0..columns)
            .map(|at| lines.iter().map(|row| row[at].chars().count()).max().unwrap_or(0))
            .collect();
        for line in &lines {
            let mut text = String::new();
            for (at, cell) in line.iter().enumerate() {
                let blanks = " ".repeat(widths[at] - cell.chars().count());
                match self.is_number(at) {
                    true => text.extend([blanks.as_str(), cell]),
                    false => text.extend([cell.as_str(), &blanks]),
                }
                text.push_str("  ");
            }
            writeln!(f, "{}", text.trim_end())?;
        }
        f.write_str(&self.summary())
    }
}

fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect(),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (None, Some(float)) => lazuli_domain::readable::number(Number::Float(float)),
            _ => number.to_string(),
        },
        other => other.to_string(),
    };
    lazuli_domain::readable::shorten(&text, LONGEST_CELL)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn table() -> Table {
        let column = |name: &str, data_type: &str| TableColumn {
            name: name.into(),
            data_type: data_type.into(),
        };
        Table::of(TablePreview {
            columns: vec![
                column("name", "string"),
                column("age", "integer"),
                column("bmi", "float"),
            ],
            rows: vec![
                vec![json!("<Ada>"), json!(36), json!(21.5)],
                vec![json!("Größe"), json!(null), json!(0.1 + 0.2)],
            ],
            has_more: true,
        })
    }

    #[test]
    fn a_table_reads_well() {
        let expected = "name   age   bmi\n<Ada>   36  21.5\nGröße        0.3\n\
                        the first 2 rows × 3 columns";
        assert_eq!(table().to_string(), expected);
        assert!(table().html().contains("<td style=\"text-align:left\">&lt;Ada&gt;</td>"));
    }

    #[test]
    fn columns_have_the_type_that_is_asked_for() {
        assert_eq!(table().column::<f64>("bmi").unwrap(), [21.5, 0.1 + 0.2]);
        assert_eq!(table().column::<Option<u32>>("age").unwrap(), [Some(36), None]);
        let error = table().column::<u32>("age").unwrap_err();
        assert!(error.message().starts_with("row 2 of the column `age` is not of that type"));
        let error = table().column::<f64>("BMI").unwrap_err();
        assert_eq!(error.to_string(), "column `BMI` not found\nhint: it has name, age, bmi");
    }
}

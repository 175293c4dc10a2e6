//! How the values of a table are written for people.

use lazuli_domain::readable::{number, shorten};
use lazuli_domain::{Number, TableColumn};
use serde_json::Value;

const LONGEST: usize = 80;

pub fn value(column: &TableColumn, value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if is_time(column) => text.replacen('T', " ", 1),
        Value::String(text) => shorten(&one_line(text), LONGEST),
        Value::Number(figure) => match (figure.as_i64(), figure.as_u64(), figure.as_f64()) {
            (None, None, Some(float)) => number(Number::Float(float)),
            _ => figure.to_string(),
        },
        other => shorten(&other.to_string(), LONGEST),
    }
}

pub fn is_number(column: &TableColumn) -> bool {
    let name = column.data_type.as_str();
    // A Parquet file's and a database's own types come in Arrow's words.
    let begins = ["Int", "UInt", "Float", "Decimal"].iter().any(|kind| name.starts_with(kind));
    matches!(name, "integer" | "float") || begins
}

pub fn is_time(column: &TableColumn) -> bool {
    let name = column.data_type.as_str();
    name == "datetime" || name.starts_with("Timestamp") || name.starts_with("Date")
}

/// `12 %`, `0.3 %`, `< 0.1 %`.
pub fn share(part: u64, whole: u64) -> String {
    let percent = part as f64 * 100.0 / whole.max(1) as f64;
    match percent {
        0.0 => "0 %".to_owned(),
        small if small < 0.1 => "< 0.1 %".to_owned(),
        small if small < 10.0 => format!("{small:.1} %"),
        large => format!("{large:.0} %"),
    }
}

/// `12,345,678`
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

pub fn counted(value: u64, noun: &str) -> String {
    let plural = if value == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(value))
}

fn one_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_counts_read_well() {
        assert_eq!(share(0, 10), "0 %");
        assert_eq!(share(1, 100_000), "< 0.1 %");
        assert_eq!(share(1, 300), "0.3 %");
        assert_eq!(share(2, 3), "67 %");
        assert_eq!(share(0, 0), "0 %");
        assert_eq!(count(7), "7");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(counted(1, "row"), "1 row");
    }
}

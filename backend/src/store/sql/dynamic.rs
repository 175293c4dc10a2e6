//! Statements whose conditions are known only when they are asked for.

use super::{Bind, Bound};

/// A statement that grows, and the parameters it has so far.
pub struct Dynamic {
    sql: String,
    params: Vec<Owned>,
}

/// A parameter that outlives what it was made of.
#[derive(Clone, Debug)]
pub enum Owned {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    Bytes(Vec<u8>),
}

impl Dynamic {
    pub fn new(sql: impl Into<String>) -> Dynamic {
        Dynamic { sql: sql.into(), params: Vec::new() }
    }

    /// Appends `text`, in which each `?` stands for the next of `values`.
    pub fn add<T: Bind>(&mut self, text: &str, values: impl IntoIterator<Item = T>) {
        let mut values = values.into_iter();
        for (at, piece) in text.split('?').enumerate() {
            if at > 0 {
                let value = values.next().map_or(Owned::Null, |value| Owned::of(value.bound()));
                self.params.push(value);
                self.sql.push_str(&format!("?{}", self.params.len()));
            }
            self.sql.push_str(piece);
        }
        debug_assert!(values.next().is_none(), "more values than places in `{text}`");
    }

    /// Appends `text IN (…)`; nothing is in an empty list.
    pub fn add_in<T: Bind>(&mut self, text: &str, values: &[T]) {
        if values.is_empty() {
            self.sql.push_str(text);
            self.sql.push_str(" IS NULL AND 1 = 0");
            return;
        }
        let places = vec!["?"; values.len()].join(", ");
        self.add(&format!("{text} IN ({places})"), values);
    }

    /// Appends what has no parameters.
    pub fn add_text(&mut self, text: &str) {
        self.sql.push_str(text);
    }

    pub fn sql(&self) -> &str {
        &self.sql
    }

    pub fn params(&self) -> Vec<&dyn Bind> {
        self.params.iter().map(|param| param as &dyn Bind).collect()
    }
}

impl Owned {
    pub fn of(value: Bound<'_>) -> Owned {
        match value {
            Bound::Null => Owned::Null,
            Bound::Integer(value) => Owned::Integer(value),
            Bound::Real(value) => Owned::Real(value),
            Bound::Text(value) => Owned::Text(value.to_owned()),
            Bound::Bytes(value) => Owned::Bytes(value.to_owned()),
        }
    }
}

impl Bind for Owned {
    fn bound(&self) -> Bound<'_> {
        match self {
            Self::Null => Bound::Null,
            Self::Integer(value) => Bound::Integer(*value),
            Self::Real(value) => Bound::Real(*value),
            Self::Text(value) => Bound::Text(value),
            Self::Bytes(value) => Bound::Bytes(value),
        }
    }
}

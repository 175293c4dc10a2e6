use std::fmt::{Display, Formatter, Result};

use serde::{Deserialize, Serialize};

use super::schema::Attribute;

/// What a filter asks for. Its `Display` is one spelling of the filter, which parses back to the
/// same tree; a page token can be bound to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// Two or more; never an `And` directly inside an `And`.
    And(Vec<Filter>),
    /// Two or more; never an `Or` directly inside an `Or`.
    Or(Vec<Filter>),
    /// Holds exactly when what is inside does not.
    Not(Box<Filter>),
    Compare(Comparison),
}

/// One field and what is asked of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    pub field: Field,
    pub test: Test,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    Attribute(Attribute),
    Metric {
        name: String,
        of: Aggregate,
    },
    Parameter(String),
    Tag(String),
    Property(String),
    /// Of any dataset that the run has read.
    Dataset(DatasetField),
}

/// Which of a metric's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    Latest,
    Min,
    Max,
    /// How many points it has.
    Count,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatasetField {
    Name,
    Digest,
    /// What it was used for: `train`, `eval` …
    Context,
}

/// Literals are of the field's type: text for texts, [`Literal::Time`] for times, else numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    Eq(Literal),
    Ne(Literal),
    Lt(Literal),
    Le(Literal),
    Gt(Literal),
    Ge(Literal),
    Like(String),
    ILike(String),
    /// Never empty.
    In(Vec<Literal>),
    /// Never empty.
    NotIn(Vec<Literal>),
    /// Both ends belong to it.
    Between(Literal, Literal),
    IsNull,
    IsNotNull,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Literal {
    Text(String),
    /// Finite. A duration is a number of milliseconds.
    Number(f64),
    /// Milliseconds since the Unix epoch.
    Time(i64),
}

/// Absent values come last in either direction, NaN just before them, as in MLflow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrderBy {
    pub field: Field,
    pub descending: bool,
}

impl Display for Filter {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::And(parts) => joined(f, parts, " and "),
            Self::Or(parts) => joined(f, parts, " or "),
            Self::Not(inner) => {
                f.write_str("not ")?;
                part(f, inner, matches!(**inner, Self::And(_) | Self::Or(_)))
            }
            Self::Compare(comparison) => comparison.fmt(f),
        }
    }
}

fn joined(f: &mut Formatter<'_>, parts: &[Filter], word: &str) -> Result {
    for (index, inner) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(word)?;
        }
        // `and` binds closer than `or`; parentheses that are not needed would use up depth.
        part(f, inner, matches!(inner, Filter::Or(_)))?;
    }
    Ok(())
}

fn part(f: &mut Formatter<'_>, filter: &Filter, in_parentheses: bool) -> Result {
    match in_parentheses {
        true => write!(f, "({filter})"),
        false => filter.fmt(f),
    }
}

impl Display for Comparison {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        self.field.fmt(f)?;
        match &self.test {
            Test::Eq(value) => write!(f, " = {value}"),
            Test::Ne(value) => write!(f, " != {value}"),
            Test::Lt(value) => write!(f, " < {value}"),
            Test::Le(value) => write!(f, " <= {value}"),
            Test::Gt(value) => write!(f, " > {value}"),
            Test::Ge(value) => write!(f, " >= {value}"),
            Test::Like(pattern) => write!(f, " like {}", quoted(pattern, '\'')),
            Test::ILike(pattern) => write!(f, " ilike {}", quoted(pattern, '\'')),
            Test::In(values) => list(f, " in (", values),
            Test::NotIn(values) => list(f, " not in (", values),
            Test::Between(low, high) => write!(f, " between {low} and {high}"),
            Test::IsNull => f.write_str(" is null"),
            Test::IsNotNull => f.write_str(" is not null"),
        }
    }
}

fn list(f: &mut Formatter<'_>, opening: &str, values: &[Literal]) -> Result {
    f.write_str(opening)?;
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        value.fmt(f)?;
    }
    f.write_str(")")
}

impl Display for Field {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Attribute(attribute) => f.write_str(attribute.as_str()),
            Self::Metric { name, of } => {
                let name = quoted(name, '`');
                match of {
                    Aggregate::Latest => write!(f, "metrics.{name}"),
                    Aggregate::Min => write!(f, "min(metrics.{name})"),
                    Aggregate::Max => write!(f, "max(metrics.{name})"),
                    Aggregate::Count => write!(f, "count(metrics.{name})"),
                }
            }
            Self::Parameter(name) => write!(f, "params.{}", quoted(name, '`')),
            Self::Tag(name) => write!(f, "tags.{}", quoted(name, '`')),
            Self::Property(name) => write!(f, "properties.{}", quoted(name, '`')),
            Self::Dataset(field) => write!(f, "datasets.{}", field.as_str()),
        }
    }
}

impl DatasetField {
    pub(super) const ALL: [DatasetField; 3] = [Self::Name, Self::Digest, Self::Context];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Digest => "digest",
            Self::Context => "context",
        }
    }
}

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Text(text) => f.write_str(&quoted(text, '\'')),
            // Without an exponent 1e300 would be three hundred digits.
            Self::Number(number) if *number != 0.0 && !(1e-5..1e16).contains(&number.abs()) => {
                write!(f, "{number:e}")
            }
            Self::Number(number) => write!(f, "{number}"),
            Self::Time(ms) => write!(f, "{ms}"),
        }
    }
}

impl Display for OrderBy {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{}{}", self.field, if self.descending { " desc" } else { "" })
    }
}

pub(super) fn quoted(text: &str, quote: char) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push(quote);
    for character in text.chars() {
        if character == quote {
            quoted.push(quote);
        }
        quoted.push(character);
    }
    quoted.push(quote);
    quoted
}

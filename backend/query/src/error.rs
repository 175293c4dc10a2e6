//! What went wrong, as people read it: where, and what to do, and nothing that is secret.

use std::error::Error;

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use datafusion::parquet::errors::ParquetError;
use lazuli_domain::{ApiError, ErrorKind};

use crate::nearest::nearest;

pub type Result<T, E = ApiError> = std::result::Result<T, E>;

/// Carries a sentence through DataFusion.
pub fn carried(error: ApiError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

pub fn internal(what: impl std::fmt::Display) -> ApiError {
    ApiError::new(ErrorKind::Internal, format!("the query broke down: {what}"))
}

/// The error of a name that is none of the columns.
pub fn unknown_column<'a>(name: &str, columns: impl IntoIterator<Item = &'a str>) -> ApiError {
    let columns: Vec<&str> = columns.into_iter().collect();
    let error = ApiError::new(ErrorKind::NotFound, format!("there is no column `{name}`"));
    match nearest(name, columns.iter().copied()) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint(format!("the columns are {}", listed(columns.iter().copied()))),
    }
}

/// `a`, `b` and so on; not more than people read.
pub fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match names.len() {
        0..=12 => names.join(", "),
        count => format!("{} and {} more", names[..10].join(", "), count - 10),
    }
}

/// What DataFusion says, in the words of this house.
pub fn told(error: &DataFusionError) -> ApiError {
    if let Some(ours) = find(error) {
        return ours;
    }
    match error.find_root() {
        DataFusionError::SchemaError(schema, _) => match &**schema {
            SchemaError::FieldNotFound { field, valid_fields } => {
                unknown_column(&field.name, valid_fields.iter().map(|column| column.name.as_str()))
            }
            SchemaError::AmbiguousReference { field } => ApiError::invalid(format!(
                "the column `{}` is in more than one of the tables",
                field.name
            ))
            .hint(format!("say whose: `table.{}`", field.name)),
            other => ApiError::invalid(first_line(&other.to_string())),
        },
        DataFusionError::SQL(parser, _) => ApiError::invalid(format!(
            "the SQL cannot be understood: {}",
            first_line(&parser.to_string())
        )),
        // `DDL not supported: …`, `DML not supported: …`, `Statement not supported: …`
        DataFusionError::Plan(text) if text.contains(" not supported: ") => {
            let (_, what) = text.split_once(" not supported: ").unwrap_or_default();
            ApiError::invalid(format!("only SELECT is answered: {} changes data", first_line(what)))
                .hint("datasets are made with `%dataset register`, and never changed")
        }
        DataFusionError::Plan(text) => {
            ApiError::invalid(first_line(&text.replace("datafusion.public.", "")))
        }
        DataFusionError::ResourcesExhausted(_) => ApiError::new(
            ErrorKind::Unavailable,
            "the query needs more memory than a query may take",
        )
        .hint(
            "read fewer columns or filter first; LAZULI_QUERY_MEMORY_MB where `lazuli serve` runs \
             gives queries more",
        ),
        DataFusionError::ObjectStore(store) => {
            ApiError::unavailable(format!("a store failed: {}", of_store(store)))
        }
        DataFusionError::NotImplemented(text) => {
            ApiError::invalid(format!("this is not possible: {}", first_line(text)))
        }
        DataFusionError::Internal(text) => internal(first_line(text)),
        other => ApiError::invalid(format!("the query failed: {}", chain(other))),
    }
}

/// A sentence of ours among the causes.
fn find(error: &DataFusionError) -> Option<ApiError> {
    if let DataFusionError::Collection(errors) = error {
        return errors.iter().find_map(find);
    }
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(ours) = error.downcast_ref::<ApiError>() {
            return Some(ours.clone());
        }
        if let Some(DataFusionError::Shared(shared)) = error.downcast_ref::<DataFusionError>() {
            return find(shared);
        }
        if let Some(DataFusionError::External(inner)) = error.downcast_ref::<DataFusionError>()
            && let Some(ours) = inner.downcast_ref::<ApiError>()
        {
            return Some(ours.clone());
        }
        if let Some(ParquetError::External(inner)) = error.downcast_ref::<ParquetError>()
            && let Some(ours) = inner.downcast_ref::<ApiError>()
        {
            return Some(ours.clone());
        }
        cause = error.source();
    }
    None
}

/// What a store says with its causes, without anything of an address behind its `?`: a signature may
/// stand there.
pub fn of_store(error: &object_store::Error) -> String {
    chain(error)
}

/// The error and its causes in one line, without what is secret.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let said = next.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = next.source();
    }
    clean(&text)
}

pub fn clean(text: &str) -> String {
    let mut clean = String::new();
    for word in text.split_whitespace() {
        if !clean.is_empty() {
            clean.push(' ');
        }
        match word.split_once('?') {
            Some((before, _)) if before.contains("://") => clean.push_str(before),
            _ if word.contains("sig=") || word.contains("Signature=") => clean.push('…'),
            _ => clean.push_str(word),
        }
    }
    match clean.char_indices().nth(500) {
        Some((end, _)) => format!("{}…", &clean[..end]),
        None => clean,
    }
}

fn first_line(text: &str) -> String {
    clean(text.lines().next().unwrap_or_default().trim_end_matches('.'))
}

/// Why an attempt to answer ended.
#[derive(Debug)]
pub enum Failure {
    /// A value had another type than was found by looking at some: look at all and begin again.
    Unfit(ApiError),
    Told(ApiError),
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Failure {
        Failure::Told(error)
    }
}

impl From<DataFusionError> for Failure {
    fn from(error: DataFusionError) -> Failure {
        match crate::text::unfit(&error) {
            Some(unfit) => Failure::Unfit(unfit.0.clone()),
            None => Failure::Told(told(&error)),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        Failure::Told(internal(error))
    }
}

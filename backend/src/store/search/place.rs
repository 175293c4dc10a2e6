//! Where the fields of an entity stand.

use lazuli_domain::ApiError;
use lazuli_domain::search::{Aggregate, Attribute, DatasetField, Entity, Field};

use super::piece::Piece;
use crate::error::{Error, Result};
use crate::store::Connection;

/// Texts of tags, parameters and properties are ordered by so many characters: a cursor carries them.
const ORDERED_CHARACTERS: usize = 1000;

/// Where a field stands. Texts in which `{}` stands name the alias of a table.
pub(super) enum Place {
    /// A value of the row itself; NULL when it is absent.
    Column(Column),
    /// Rows of another table, none when it is absent.
    Rows(Rows),
}

pub(super) struct Column {
    pub value: Piece,
    pub kind: Kind,
    /// What is ordered by, where it is not the value itself.
    pub order: Option<(Piece, Kind)>,
}

pub(super) struct Rows {
    pub table: String,
    /// Which of its rows belong to the one that is searched.
    pub on: Piece,
    pub value: &'static str,
    pub kind: Kind,
    /// A NULL in it is there, and is no number.
    pub is_metric: bool,
    /// More than one row may match.
    pub several: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Integer,
    Real,
}

pub(super) fn place(
    connection: &Connection,
    entity: Entity,
    field: &Field,
    now_ms: i64,
) -> Result<Place> {
    Ok(match (entity, field) {
        (Entity::Run, Field::Attribute(attribute)) => of_run(*attribute, now_ms)?,
        (Entity::Experiment, Field::Attribute(attribute)) => of_experiment(*attribute)?,
        (Entity::RegisteredModel, Field::Attribute(attribute)) => of_registered_model(*attribute)?,
        (Entity::ModelVersion, Field::Attribute(attribute)) => of_model_version(*attribute)?,
        (Entity::Run, Field::Metric { name, of }) => metric(name, *of),
        (Entity::Run, Field::Tag(key)) => entry("run_tags", key),
        (Entity::Run, Field::Property(key)) => entry("run_properties", key),
        (Entity::Run, Field::Parameter(key)) => entry("run_parameters", key),
        (Entity::Experiment, Field::Tag(key)) => member(connection, "experiments.tags", key),
        (Entity::RegisteredModel, Field::Tag(key)) => {
            member(connection, "registered_models.tags", key)
        }
        (Entity::ModelVersion, Field::Tag(key)) => member(connection, "models.tags", key),
        (Entity::ModelVersion, Field::Property(key)) => {
            member(connection, "models.properties", key)
        }
        (Entity::LoggedModel, Field::Attribute(attribute)) => of_logged_model(*attribute)?,
        (Entity::LoggedModel, Field::Tag(key)) => member(connection, "logged_models.tags", key),
        (Entity::LoggedModel, Field::Parameter(key)) => {
            member(connection, "logged_models.parameters", key)
        }
        (Entity::LoggedModel, Field::Metric { name, of: Aggregate::Latest }) => {
            let on = Piece::with("{}.model = logged_models.key AND {}.name = ?", name);
            match rows("logged_model_metrics".to_owned(), on, "{}.number", Kind::Real) {
                Place::Rows(rows) => Place::Rows(Rows { several: true, ..rows }),
                column => column,
            }
        }
        (Entity::LoggedModel, Field::Metric { of, .. }) => {
            return Err(ApiError::invalid(format!("logged models keep no {of:?} of a metric"))
                .hint("write metrics.NAME alone")
                .into());
        }
        (Entity::Run, Field::Dataset(field)) => dataset(*field),
        (entity, field) => return Err(unknown(entity, field)),
    })
}

fn of_run(attribute: Attribute, now_ms: i64) -> Result<Place> {
    Ok(match attribute {
        Attribute::Id => text("runs.run_id"),
        Attribute::Name => text("runs.name"),
        Attribute::Experiment => other("experiments", "{}.key = runs.experiment", "{}.name"),
        Attribute::User => text("runs.user_name"),
        Attribute::Status => text("runs.status"),
        Attribute::Created => integer("runs.created_at_ms"),
        Attribute::Started => integer("runs.started_at_ms"),
        Attribute::Ended => integer("runs.ended_at_ms"),
        Attribute::Duration => column(
            Piece::with("(coalesce(runs.ended_at_ms, ?) - runs.started_at_ms)", now_ms),
            Kind::Integer,
        ),
        Attribute::Compute => text("runs.compute"),
        Attribute::Kind => text("runs.kind"),
        Attribute::Parent => other("runs", "{}.key = runs.parent", "{}.run_id"),
        Attribute::ArtifactUri => text(
            "('mlflow-artifacts:/' || CAST(runs.experiment AS TEXT) || '/' || runs.run_id || '/artifacts')",
        ),
        _ => return Err(unknown(Entity::Run, &Field::Attribute(attribute))),
    })
}

fn of_experiment(attribute: Attribute) -> Result<Place> {
    Ok(match attribute {
        Attribute::Id => Place::Column(Column {
            value: Piece::new("CAST(experiments.key AS TEXT)"),
            kind: Kind::Text,
            order: Some((Piece::new("experiments.key"), Kind::Integer)),
        }),
        Attribute::Name => text("experiments.name"),
        Attribute::Created => integer("experiments.created_at_ms"),
        Attribute::Updated => integer("experiments.updated_at_ms"),
        _ => return Err(unknown(Entity::Experiment, &Field::Attribute(attribute))),
    })
}

fn of_registered_model(attribute: Attribute) -> Result<Place> {
    Ok(match attribute {
        Attribute::Name => text("registered_models.name"),
        Attribute::Created => integer("registered_models.created_at_ms"),
        Attribute::Updated => integer("registered_models.updated_at_ms"),
        Attribute::Alias => several(
            "model_aliases",
            Piece::new("{}.registered = registered_models.key"),
            "{}.alias",
        ),
        _ => return Err(unknown(Entity::RegisteredModel, &Field::Attribute(attribute))),
    })
}

fn of_model_version(attribute: Attribute) -> Result<Place> {
    Ok(match attribute {
        Attribute::Name => text("registered_models.name"),
        Attribute::Version => integer("models.version"),
        Attribute::Run => text("models.run_id"),
        Attribute::Source => text("models.source"),
        Attribute::Created => integer("models.created_at_ms"),
        Attribute::Updated => integer("models.updated_at_ms"),
        Attribute::Experiment => other(
            "experiments",
            "{}.key = (SELECT runs.experiment FROM runs WHERE runs.key = models.run)",
            "{}.name",
        ),
        Attribute::Framework => text("models.framework"),
        Attribute::Alias => several(
            "model_aliases",
            Piece::new("{}.registered = models.registered AND {}.version = models.version"),
            "{}.alias",
        ),
        _ => return Err(unknown(Entity::ModelVersion, &Field::Attribute(attribute))),
    })
}

fn of_logged_model(attribute: Attribute) -> Result<Place> {
    Ok(match attribute {
        Attribute::Id => text("logged_models.model_id"),
        Attribute::Name => text("logged_models.name"),
        Attribute::Type => text("logged_models.model_type"),
        Attribute::Status => text("logged_models.status"),
        Attribute::Run => text("logged_models.source_run_id"),
        Attribute::Created => integer("logged_models.created_at_ms"),
        Attribute::Updated => integer("logged_models.updated_at_ms"),
        _ => return Err(unknown(Entity::LoggedModel, &Field::Attribute(attribute))),
    })
}

fn text(value: &str) -> Place {
    column(Piece::new(value), Kind::Text)
}

fn integer(value: &str) -> Place {
    column(Piece::new(value), Kind::Integer)
}

fn column(value: Piece, kind: Kind) -> Place {
    Place::Column(Column { value, kind, order: None })
}

/// A text of the one row that another table has.
fn other(table: &str, on: &str, value: &'static str) -> Place {
    rows(table.to_owned(), Piece::new(on), value, Kind::Text)
}

fn several(table: &str, on: Piece, value: &'static str) -> Place {
    match rows(table.to_owned(), on, value, Kind::Text) {
        Place::Rows(rows) => Place::Rows(Rows { several: true, ..rows }),
        column => column,
    }
}

fn rows(table: String, on: Piece, value: &'static str, kind: Kind) -> Place {
    Place::Rows(Rows { table, on, value, kind, is_metric: false, several: false })
}

fn metric(name: &str, of: Aggregate) -> Place {
    let (value, kind) = match of {
        Aggregate::Latest => ("{}.last_number", Kind::Real),
        Aggregate::Min => ("{}.minimum", Kind::Real),
        Aggregate::Max => ("{}.maximum", Kind::Real),
        Aggregate::Count => ("{}.count", Kind::Integer),
    };
    let on = Piece::with("{}.run = runs.key AND {}.name = ? AND {}.count > 0", name);
    match rows("metrics".to_owned(), on, value, kind) {
        Place::Rows(rows) => Place::Rows(Rows { is_metric: kind == Kind::Real, ..rows }),
        column => column,
    }
}

fn entry(table: &str, key: &str) -> Place {
    let on = Piece::with("{}.run = runs.key AND {}.key = ?", key);
    rows(table.to_owned(), on, "{}.value", Kind::Text)
}

/// A member of the JSON object in a column.
fn member(connection: &Connection, column: &str, key: &str) -> Place {
    let on = Piece::with("{}.key = ?", key);
    rows(connection.members_of(column), on, "{}.value", Kind::Text)
}

fn dataset(field: DatasetField) -> Place {
    let read = "(SELECT run_datasets.run, datasets.name, datasets.digest, run_datasets.context
        FROM run_datasets JOIN datasets ON datasets.key = run_datasets.dataset)";
    let value = match field {
        DatasetField::Name => "{}.name",
        DatasetField::Digest => "{}.digest",
        DatasetField::Context => "{}.context",
    };
    several(read, Piece::new("{}.run = runs.key"), value)
}

fn unknown(entity: Entity, field: &Field) -> Error {
    // The parser knows which fields an entity has.
    Error::Defect(format!("a search of {entity:?} asks for {field:?}"))
}

/// What a text is ordered by.
pub(super) fn ordered_text(value: &str) -> String {
    format!("substr({value}, 1, {ORDERED_CHARACTERS})")
}

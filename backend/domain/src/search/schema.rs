use serde::{Deserialize, Serialize};

/// What is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entity {
    Run,
    Experiment,
    RegisteredModel,
    ModelVersion,
    /// MLflow 3's model of a run, before anybody registers it.
    LoggedModel,
}

/// A field with a name of its own. Not every entity has each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attribute {
    Id,
    Name,
    /// The experiment's name.
    Experiment,
    User,
    /// Of a run: the names of [`RunStatus`](crate::RunStatus). Of a logged model: its own words.
    Status,
    Created,
    Started,
    Ended,
    Updated,
    /// Milliseconds, from start to end or until now.
    Duration,
    Compute,
    Kind,
    /// The parent run's id.
    Parent,
    ArtifactUri,
    /// Of a model: 1, 2, 3 …
    Version,
    /// The run a model came from.
    Run,
    Source,
    /// MLflow's `model_type`.
    Type,
    Alias,
    Framework,
}

impl Attribute {
    /// The name every entity that has the attribute knows it by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Name => "name",
            Self::Experiment => "experiment",
            Self::User => "user",
            Self::Status => "status",
            Self::Created => "created",
            Self::Started => "started",
            Self::Ended => "ended",
            Self::Updated => "updated",
            Self::Duration => "duration",
            Self::Compute => "compute",
            Self::Kind => "kind",
            Self::Parent => "parent",
            Self::ArtifactUri => "artifact_uri",
            Self::Version => "version",
            Self::Run => "run_id",
            Self::Source => "source",
            Self::Type => "model_type",
            Self::Alias => "alias",
            Self::Framework => "framework",
        }
    }
}

/// What a field holds, and so what it compares with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FieldType {
    Text,
    /// A run's status: text of a fixed set, in MLflow's words or ours.
    Status,
    Number,
    /// A number that MLflow also takes in quotes.
    Version,
    Time,
    Duration,
}

impl FieldType {
    pub(super) fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Status)
    }

    pub(super) fn operators(self) -> &'static [&'static str] {
        match self.is_text() {
            true => &["=", "!=", "like", "ilike", "in", "not in", "is null", "is not null"],
            false => &[
                "=",
                "!=",
                "<",
                "<=",
                ">",
                ">=",
                "between",
                "in",
                "not in",
                "is null",
                "is not null",
            ],
        }
    }

    /// "`x` …": what the field is, for messages.
    pub(super) fn is_a(self) -> &'static str {
        match self {
            Self::Text | Self::Status => "is text",
            Self::Number | Self::Version => "is a number",
            Self::Time => "is a time",
            Self::Duration => "is a duration",
        }
    }
}

pub(super) struct AttributeRow {
    pub(super) attribute: Attribute,
    pub(super) kind: FieldType,
    /// The first is what completion offers; [`Attribute::as_str`] is among them.
    pub(super) names: &'static [&'static str],
}

const fn row(
    attribute: Attribute,
    kind: FieldType,
    names: &'static [&'static str],
) -> AttributeRow {
    AttributeRow { attribute, kind, names }
}

use FieldType::{Duration, Status, Text, Time, Version};

const RUN: &[AttributeRow] = &[
    row(Attribute::Status, Status, &["status"]),
    row(Attribute::Name, Text, &["name", "run_name", "run name", "Run name", "Run Name"]),
    row(Attribute::Id, Text, &["run_id", "id"]),
    row(Attribute::Experiment, Text, &["experiment"]),
    row(Attribute::User, Text, &["user", "user_id"]),
    row(Attribute::Created, Time, &["created"]),
    row(Attribute::Started, Time, &["started", "start_time", "Created"]),
    row(Attribute::Ended, Time, &["ended", "end_time"]),
    row(Attribute::Duration, Duration, &["duration"]),
    row(Attribute::Compute, Text, &["compute"]),
    row(Attribute::Kind, Text, &["kind"]),
    row(Attribute::Parent, Text, &["parent"]),
    row(Attribute::ArtifactUri, Text, &["artifact_uri"]),
];

const EXPERIMENT: &[AttributeRow] = &[
    row(Attribute::Name, Text, &["name"]),
    row(Attribute::Id, Text, &["experiment_id", "id"]),
    row(Attribute::Created, Time, &["created", "creation_time"]),
    row(Attribute::Updated, Time, &["updated", "last_update_time"]),
];

const REGISTERED_MODEL: &[AttributeRow] = &[
    row(Attribute::Name, Text, &["name"]),
    row(Attribute::Created, Time, &["created", "creation_timestamp"]),
    row(Attribute::Updated, Time, &["updated", "last_updated_timestamp", "timestamp"]),
    row(Attribute::Alias, Text, &["alias"]),
];

const MODEL_VERSION: &[AttributeRow] = &[
    row(Attribute::Name, Text, &["name"]),
    row(Attribute::Version, Version, &["version", "version_number"]),
    row(Attribute::Run, Text, &["run_id"]),
    row(Attribute::Source, Text, &["source", "source_path"]),
    row(Attribute::Created, Time, &["created", "creation_timestamp"]),
    row(Attribute::Updated, Time, &["updated", "last_updated_timestamp"]),
    row(Attribute::Experiment, Text, &["experiment"]),
    row(Attribute::Framework, Text, &["framework"]),
    row(Attribute::Alias, Text, &["alias"]),
];

const LOGGED_MODEL: &[AttributeRow] = &[
    row(Attribute::Name, Text, &["name"]),
    row(Attribute::Id, Text, &["model_id", "id"]),
    row(Attribute::Type, Text, &["model_type"]),
    row(Attribute::Status, Text, &["status"]),
    row(Attribute::Run, Text, &["source_run_id", "run_id"]),
    row(Attribute::Created, Time, &["created", "creation_timestamp", "creation_time"]),
    row(Attribute::Updated, Time, &["updated", "last_updated_timestamp", "last_updated_time"]),
];

/// What stands before the dot of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Attribute,
    Metric,
    Parameter,
    Tag,
    Property,
    Dataset,
}

impl Family {
    const ALL: [Family; 6] =
        [Self::Attribute, Self::Metric, Self::Parameter, Self::Tag, Self::Property, Self::Dataset];

    /// The first is what completion offers.
    pub(super) fn names(self) -> &'static [&'static str] {
        match self {
            Self::Attribute => &["attributes", "attribute", "attr", "run"],
            Self::Metric => &["metrics", "metric"],
            Self::Parameter => &["params", "param", "parameters", "parameter"],
            Self::Tag => &["tags", "tag"],
            Self::Property => &["properties", "property"],
            Self::Dataset => &["datasets", "dataset"],
        }
    }

    pub(super) fn find(name: &str) -> Option<Family> {
        Self::ALL.into_iter().find(|family| family.names().contains(&name))
    }
}

impl Entity {
    pub const ALL: [Entity; 5] =
        [Self::Run, Self::Experiment, Self::RegisteredModel, Self::ModelVersion, Self::LoggedModel];

    /// In the plural, as messages say it.
    pub(super) fn plural(self) -> &'static str {
        match self {
            Self::Run => "runs",
            Self::Experiment => "experiments",
            Self::RegisteredModel => "registered models",
            Self::ModelVersion => "model versions",
            Self::LoggedModel => "logged models",
        }
    }

    pub(super) fn families(self) -> &'static [Family] {
        match self {
            Self::Run => &Family::ALL,
            Self::Experiment | Self::RegisteredModel => &[Family::Attribute, Family::Tag],
            Self::ModelVersion => &[Family::Attribute, Family::Tag, Family::Property],
            Self::LoggedModel => {
                &[Family::Attribute, Family::Metric, Family::Parameter, Family::Tag]
            }
        }
    }

    pub(super) fn has(self, family: Family) -> bool {
        self.families().contains(&family)
    }

    pub(super) fn attributes(self) -> &'static [AttributeRow] {
        match self {
            Self::Run => RUN,
            Self::Experiment => EXPERIMENT,
            Self::RegisteredModel => REGISTERED_MODEL,
            Self::ModelVersion => MODEL_VERSION,
            Self::LoggedModel => LOGGED_MODEL,
        }
    }

    /// `prefixed`: the name came as `attributes.<name>`. Only MLflow's clients write so, and to
    /// them a run's `created` is another name of `start_time`; without a prefix it is when the
    /// run was recorded.
    pub(super) fn attribute(self, name: &str, prefixed: bool) -> Option<&'static AttributeRow> {
        let name = match (self, prefixed, name) {
            (Self::Run, true, "created") => "started",
            _ => name,
        };
        self.attributes().iter().find(|row| row.names.contains(&name))
    }
}

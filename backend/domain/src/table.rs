use serde::{Deserialize, Serialize};

use crate::{Credential, DatasetDefinition, DatasetFile, DatastorePlace, TableDefinition};

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TableColumn {
    pub name: String,
    /// How it is read: `boolean`, `integer`, `float`, `string`, `datetime`, or what a Parquet file
    /// or a database has beyond these, in Arrow's words.
    #[serde(rename = "type")]
    pub data_type: String,
}

/// Body of `POST /api/workspaces/{workspace}/queries`.
///
/// The answer depends on `ask`: an Arrow IPC stream (`application/vnd.apache.arrow.stream`) for
/// `rows`, JSON for everything else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TableQuery {
    pub table: TableInput,
    pub ask: TableAsk,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum TableInput {
    /// A dataset that need not be registered.
    Definition { definition: DatasetDefinition },
    /// A registered one by its id: its files are those of its registration.
    Dataset {
        dataset_id: String,
        /// What is done to it beyond its definition.
        #[serde(default)]
        steps: Vec<crate::TableStep>,
        /// In place of the definition's, where given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timestamp: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        partition_timestamp: Option<String>,
    },
    /// SELECT over registered datasets: `FROM name`, `FROM name@2`.
    Sql { sql: String },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum TableAsk {
    /// All rows, in the order of the files and of the rows in them.
    Rows,
    /// `{"columns": [TableColumn]}`
    Columns,
    /// `{"count": 10000}`
    Count,
    /// [`TablePreview`]
    Preview { rows: u64 },
    /// [`TableProfile`]
    Profile,
    /// Written as files below a folder of a datastore; answers `{"files": [StoredFile]}`.
    Write { datastore: String, path: String, format: WriteFormat },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum WriteFormat {
    Csv { separator: String },
    Parquet,
}

/// The first rows as people read them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TablePreview {
    pub columns: Vec<TableColumn>,
    /// One list per row, one JSON value per column: null where it is missing, times as ISO 8601,
    /// `"NaN"` and `"Infinity"` as everywhere.
    pub rows: Vec<Vec<serde_json::Value>>,
    /// Whether the table has more rows than these.
    pub has_more: bool,
}

/// Body of `POST /api/workspaces/{workspace}/sql`: a SELECT over registered datasets, to be looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SqlRequest {
    pub sql: String,
    /// At most so many are answered.
    pub rows: u64,
    /// At most so many stand in the picture and in the text.
    pub shown: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plot: Option<Plot>,
}

/// How rows are drawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Plot {
    pub kind: PlotKind,
    /// The column that goes to the right; the first one unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    /// The columns that go up; every other one of numbers unless told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub y: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum PlotKind {
    Line,
    Bar,
    Scatter,
}

/// What a SELECT answered, and how a notebook shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SqlAnswer {
    pub preview: TablePreview,
    pub html: String,
    pub text: String,
}

/// Each column in figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TableProfile {
    pub row_count: u64,
    pub columns: Vec<ColumnProfile>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ColumnProfile {
    pub name: String,
    #[serde(rename = "type")]
    pub data_type: String,
    /// Values that are there.
    pub count: u64,
    pub missing_count: u64,
    /// Exact up to 100,000, HyperLogLog's estimate beyond.
    pub distinct_count: u64,
    pub is_distinct_exact: bool,
    /// As in [`TablePreview::rows`].
    pub min: serde_json::Value,
    pub max: serde_json::Value,
    /// Of numbers only, as the next ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standard_deviation: Option<f64>,
    /// At 0.1 %, 1 %, 5 %, 25 %, 50 %, 75 %, 95 %, 99 %, 99.9 %: t-digest's estimate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quantiles: Vec<f64>,
    /// Of numbers and times: counts of equally wide bins from `min` to `max`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub histogram: Vec<u64>,
    /// Of text and booleans: the most frequent values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub most_frequent: Vec<ValueCount>,
}

impl ColumnProfile {
    /// The positions of [`ColumnProfile::quantiles`].
    pub const QUANTILES: [f64; 9] = [0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999];
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ValueCount {
    pub value: String,
    pub count: u64,
}

/// What the daemon gives to `lazuli-query`, one line of JSON on its standard input, and nowhere
/// else, because credentials are in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QueryJob {
    /// The tables that `sql` reads under these names; one, called `table`, where there is no `sql`.
    pub tables: std::collections::BTreeMap<String, ResolvedTable>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sql: Option<String>,
    pub ask: TableAsk,
    /// Every datastore that is named above, and the one that `write` goes to.
    pub datastores: std::collections::BTreeMap<String, OpenDatastore>,
}

/// A table with its files found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResolvedTable {
    pub definition: TableDefinition,
    /// In the order in which they are read.
    pub files: Vec<DatasetFile>,
    /// Known since registration: nothing has to be inferred.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<TableColumn>>,
}

/// A datastore with what opens it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenDatastore {
    pub place: DatastorePlace,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<Credential>,
}

use serde::{Deserialize, Serialize};

use crate::{StringMap, TableColumn};

/// One version of a registered dataset. What it reads is fixed when it is registered: files that a
/// glob would find later belong to a later version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Dataset {
    pub workspace: String,
    /// Of this version, for ever (a UUID).
    pub id: String,
    pub name: String,
    /// 1, 2, 3 … per name.
    pub version: u64,
    pub kind: DatasetKind,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub tags: StringMap,
    pub definition: DatasetDefinition,
    /// How many files it reads; 0 for a query.
    pub file_count: u64,
    /// Sum of their sizes; a web address that does not say its size counts as nothing.
    pub size: u64,
    /// Of a tabular dataset, when they were asked for at registration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<TableColumn>>,
    /// The run that registered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    pub created_at_ms: i64,
    pub updated_at_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at_ms: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum DatasetKind {
    Tabular,
    File,
}

/// What a dataset is made of, registered or not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum DatasetDefinition {
    Tabular(TableDefinition),
    File(FileDefinition),
}

impl DatasetDefinition {
    pub fn kind(&self) -> DatasetKind {
        match self {
            DatasetDefinition::Tabular(_) => DatasetKind::Tabular,
            DatasetDefinition::File(_) => DatasetKind::File,
        }
    }

    /// Where its files are; nothing of a query.
    pub fn paths(&self) -> &[DataPath] {
        match self {
            DatasetDefinition::File(files) => &files.paths,
            DatasetDefinition::Tabular(table) => match &table.source {
                TableSource::Delimited { paths, .. }
                | TableSource::JsonLines { paths, .. }
                | TableSource::Parquet { paths, .. } => paths,
                TableSource::Sql { .. } => &[],
            },
        }
    }
}

/// Files, and what was done to the list of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct FileDefinition {
    pub paths: Vec<DataPath>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition_format: Option<String>,
    /// In this order.
    #[serde(default)]
    pub steps: Vec<FileStep>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum FileStep {
    Skip {
        count: u64,
    },
    Take {
        count: u64,
    },
    Sample {
        probability: f64,
        seed: u64,
    },
    /// One of the two parts of a random split.
    Split {
        percentage: f64,
        seed: u64,
        part: SplitPart,
    },
}

/// Which part of a random split: `first` holds about `percentage` of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum SplitPart {
    First,
    Second,
}

/// Where files are: one, or all that a glob finds (`*`, `?` within a name, `**` over folders), in
/// the order of their paths. A folder means every file below it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum DataPath {
    Datastore {
        datastore: String,
        path: String,
    },
    /// `http://` or `https://`, one file.
    Url {
        url: String,
    },
    /// An absolute path of the daemon's machine.
    Local {
        local: String,
    },
}

/// A table: where it comes from and what was done to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TableDefinition {
    pub source: TableSource,
    /// In this order.
    #[serde(default)]
    pub steps: Vec<TableStep>,
    /// The column that `time_*` steps compare.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
    /// The column of `partition_format`'s date, coarser than `timestamp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition_timestamp: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "format", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum TableSource {
    Delimited {
        paths: Vec<DataPath>,
        #[serde(default)]
        options: TableFileOptions,
        /// One character.
        #[serde(default = "comma")]
        separator: String,
        #[serde(default)]
        header: HeaderMode,
        /// Else every column without a given type is text.
        #[serde(default = "yes")]
        infer_column_types: bool,
        /// Line ends inside quotes belong to the value.
        #[serde(default)]
        support_multi_line: bool,
        /// Else an empty field is a missing value.
        #[serde(default)]
        empty_as_string: bool,
        /// SDK v1's names: `utf8`, `utf8bom`, `iso88591`, `latin1`, `ascii`, `utf16`, `utf32`,
        /// `windows1252`.
        #[serde(default = "utf8")]
        encoding: String,
    },
    JsonLines {
        paths: Vec<DataPath>,
        #[serde(default)]
        options: TableFileOptions,
        #[serde(default)]
        invalid_lines: InvalidLines,
        #[serde(default = "utf8")]
        encoding: String,
    },
    Parquet {
        paths: Vec<DataPath>,
        #[serde(default)]
        options: TableFileOptions,
    },
    /// What a database answers to a query.
    Sql {
        datastore: String,
        query: String,
        /// Seconds.
        #[serde(default = "query_timeout")]
        query_timeout: u64,
        #[serde(default)]
        set_column_types: std::collections::BTreeMap<String, ColumnType>,
    },
}

fn comma() -> String {
    ",".to_owned()
}

fn utf8() -> String {
    "utf8".to_owned()
}

fn yes() -> bool {
    true
}

fn query_timeout() -> u64 {
    30
}

/// What all formats of files have in common.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TableFileOptions {
    /// A first column `Path` says which file a row is from.
    #[serde(default)]
    pub include_path: bool,
    /// `/{country}/{day:yyyy/MM/dd}/data.csv`: columns made of a file's path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition_format: Option<String>,
    #[serde(default)]
    pub set_column_types: std::collections::BTreeMap<String, ColumnType>,
}

/// Which files begin with a line of column names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum HeaderMode {
    /// All of them, and the same one.
    #[default]
    AllFilesHaveSameHeaders,
    /// All of them; a column that a file lacks is missing in its rows.
    CombineAllFilesHeaders,
    OnlyFirstFileHasHeaders,
    /// None: the columns are `Column1`, `Column2` …
    NoHeaders,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum InvalidLines {
    #[default]
    Error,
    Drop,
}

/// A type that a column is read as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ColumnType {
    Boolean,
    /// 64 bits.
    Integer,
    /// 64 bits.
    Float {
        #[serde(default = "point")]
        decimal_mark: String,
    },
    String,
    /// In UTC, to the microsecond. Formats are Python's (`%Y-%m-%d`); none: ISO 8601 and its kin.
    Datetime {
        #[serde(default)]
        formats: Vec<String>,
    },
    /// A path in a datastore, kept as text.
    Stream,
}

fn point() -> String {
    ".".to_owned()
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum TableStep {
    Skip {
        count: u64,
    },
    Take {
        count: u64,
    },
    Sample {
        probability: f64,
        seed: u64,
    },
    Split {
        percentage: f64,
        seed: u64,
        part: SplitPart,
    },
    KeepColumns {
        columns: Vec<String>,
    },
    DropColumns {
        columns: Vec<String>,
    },
    /// Rows for which the expression (SQL's, over the columns) is true.
    Filter {
        expression: String,
    },
    /// Rows of that time, by the timestamp column; either end may be open.
    TimeRange {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        start_ms: Option<i64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        end_ms: Option<i64>,
        #[serde(default = "yes")]
        include_boundary: bool,
    },
    /// Rows of the last so many milliseconds, counted back from when they are read.
    TimeRecent {
        delta_ms: i64,
        #[serde(default = "yes")]
        include_boundary: bool,
    },
}

/// Body of `POST /api/workspaces/{workspace}/datasets`; the answer is a [`Dataset`].
///
/// A name that is taken is a conflict, except when `create_new_version` asks for its next version or its
/// newest version is defined alike, which then is the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewDataset {
    pub name: String,
    pub definition: DatasetDefinition,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub tags: StringMap,
    /// Whether a name that is taken gets its next version, be it defined alike or not.
    #[serde(default)]
    pub create_new_version: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
}

/// Body of `PATCH …/datasets/{name}/{version}`: what is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DatasetPatch {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default)]
    pub set_tags: StringMap,
    #[serde(default)]
    pub remove_tags: Vec<String>,
}

/// Body of `POST /api/workspaces/{workspace}/dataset-files`; the answer is a list of [`DatasetFile`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UnregisteredDataset {
    pub definition: DatasetDefinition,
}

/// A file that a dataset reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DatasetFile {
    /// Where it is; never a glob.
    pub at: DataPath,
    /// Its path below what was named: below the folder, or below the part of a glob before the
    /// first wildcard; the name alone where one file was named. This is where `download` puts it.
    pub relative_path: String,
    pub size: u64,
    pub modified_at_ms: i64,
}

/// That a run read a version, or made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DatasetUse {
    pub run_id: String,
    pub experiment: String,
    pub dataset: String,
    pub dataset_id: String,
    pub version: u64,
    /// What the script calls it (`as_named_input`); empty for what it made.
    #[serde(default)]
    pub input_name: String,
    pub direction: DataDirection,
}

/// Body of `POST /api/runs/{run_id}/datasets`; the answer is all that the run uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewDatasetUse {
    pub dataset_id: String,
    #[serde(default)]
    pub input_name: String,
    pub direction: DataDirection,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum DataDirection {
    Input,
    Output,
}

//! How datasets are defined: where the files are, and how they are read.

use lazuli_domain::{
    ApiError, ColumnType, DataPath, DatasetDefinition, FileDefinition, HeaderMode, TableDefinition,
    TableFileOptions, TableSource,
};

use crate::{Dataset, Datastore, Error, Result, Workspace};

/// Seconds, as SDK v1 has it.
const QUERY_TIMEOUT: u64 = 30;

/// Where files of a dataset are: `(&store, "data/*.csv")`, a local path or a web address. `*` and `?`
/// stand for parts of a name, `**` for folders; a folder means every file below it.
pub trait IntoDataPath {
    #[doc(hidden)]
    fn data_path(&self) -> Result<DataPath>;
    /// Where it is known, if it is known in one workspace alone.
    #[doc(hidden)]
    fn workspace(&self) -> Option<Workspace> {
        None
    }
}

impl IntoDataPath for &str {
    fn data_path(&self) -> Result<DataPath> {
        if self.starts_with("http://") || self.starts_with("https://") {
            return Ok(DataPath::Url { url: (*self).to_owned() });
        }
        let absolute = std::path::absolute(self)
            .map_err(|error| Error::io(format!("cannot find `{self}`"), error))?;
        match absolute.into_os_string().into_string() {
            Ok(local) => Ok(DataPath::Local { local }),
            Err(path) => {
                let message = format!("the path `{}` is not UTF-8", path.display());
                Err(ApiError::invalid(message).hint("give it another name").into())
            }
        }
    }
}

impl IntoDataPath for String {
    fn data_path(&self) -> Result<DataPath> {
        self.as_str().data_path()
    }
}

impl<P: AsRef<str>> IntoDataPath for (&Datastore, P) {
    fn data_path(&self) -> Result<DataPath> {
        Ok(self.0.path(self.1.as_ref()))
    }

    fn workspace(&self) -> Option<Workspace> {
        Some(self.0.workspace())
    }
}

impl IntoDataPath for DataPath {
    fn data_path(&self) -> Result<DataPath> {
        Ok(self.clone())
    }
}

/// A table to be: how its files are read is said first, where they are last.
///
/// ```no_run
/// # use lazuli::prelude::*;
/// let semicolons = Dataset::tabular().separator(';').encoding("latin1").delimited(&["a.csv"])?;
/// let lines = Dataset::tabular().json_lines(&["https://example.com/events.jsonl"])?;
/// let days = Dataset::tabular()
///     .partition_format("/{country}/{day:yyyy/MM/dd}/data.parquet")
///     .parquet(&["/data/**/*.parquet"])?;
/// # Ok::<(), lazuli::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TabularDataset {
    options: TableFileOptions,
    separator: char,
    header: HeaderMode,
    encoding: String,
    infer_column_types: bool,
    support_multi_line: bool,
}

impl Default for TabularDataset {
    fn default() -> Self {
        Self {
            options: TableFileOptions::default(),
            separator: ',',
            header: HeaderMode::default(),
            encoding: "utf8".to_owned(),
            infer_column_types: true,
            support_multi_line: false,
        }
    }
}

impl TabularDataset {
    /// Of delimited files; a comma unless told.
    pub fn separator(mut self, separator: char) -> Self {
        self.separator = separator;
        self
    }

    /// Which delimited files begin with the names of the columns; all of them unless told.
    pub fn header(mut self, header: HeaderMode) -> Self {
        self.header = header;
        self
    }

    /// SDK v1's names: `utf8`, `latin1`, `utf16`, `windows1252` …
    pub fn encoding(mut self, encoding: &str) -> Self {
        encoding.clone_into(&mut self.encoding);
        self
    }

    /// Every column is text unless its type is given.
    pub fn without_inference(mut self) -> Self {
        self.infer_column_types = false;
        self
    }

    /// Line ends inside quotes belong to the value.
    pub fn multi_line(mut self) -> Self {
        self.support_multi_line = true;
        self
    }

    /// A column is read as that type.
    pub fn column_type(mut self, column: &str, column_type: ColumnType) -> Self {
        self.options.set_column_types.insert(column.to_owned(), column_type);
        self
    }

    /// A first column `Path` says which file a row is from.
    pub fn include_path(mut self) -> Self {
        self.options.include_path = true;
        self
    }

    /// Columns made of a file's path: `/{country}/{day:yyyy/MM/dd}/data.csv`.
    pub fn partition_format(mut self, format: &str) -> Self {
        self.options.partition_format = Some(format.to_owned());
        self
    }

    /// Comma-separated files and their kin.
    pub fn delimited(self, paths: &[impl IntoDataPath]) -> Result<Dataset> {
        let source = TableSource::Delimited {
            paths: data_paths(paths)?,
            options: self.options,
            separator: self.separator.to_string(),
            header: self.header,
            infer_column_types: self.infer_column_types,
            support_multi_line: self.support_multi_line,
            empty_as_string: false,
            encoding: self.encoding,
        };
        table(source, workspace_of(paths)?)
    }

    /// Files with a JSON object on each line.
    pub fn json_lines(self, paths: &[impl IntoDataPath]) -> Result<Dataset> {
        let source = TableSource::JsonLines {
            paths: data_paths(paths)?,
            options: self.options,
            invalid_lines: lazuli_domain::InvalidLines::default(),
            encoding: self.encoding,
        };
        table(source, workspace_of(paths)?)
    }

    /// What a database answers to a query: `.sql(&store, "SELECT * FROM patients")?`.
    pub fn sql(self, store: &Datastore, query: &str) -> Result<Dataset> {
        let source = TableSource::Sql {
            datastore: store.name.clone(),
            query: query.to_owned(),
            query_timeout: QUERY_TIMEOUT,
            set_column_types: self.options.set_column_types,
        };
        table(source, store.workspace())
    }

    pub fn parquet(self, paths: &[impl IntoDataPath]) -> Result<Dataset> {
        let source = TableSource::Parquet { paths: data_paths(paths)?, options: self.options };
        table(source, workspace_of(paths)?)
    }
}

/// Files to be; where they are is said last.
///
/// ```no_run
/// # use lazuli::prelude::*;
/// let pictures = Dataset::file().files(&["/data/pictures/**/*.png"])?;
/// println!("{}", pictures.files()?);
/// # Ok::<(), lazuli::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FileDataset {
    partition_format: Option<String>,
}

impl FileDataset {
    /// What parts of a file's path mean.
    pub fn partition_format(mut self, format: &str) -> Self {
        self.partition_format = Some(format.to_owned());
        self
    }

    pub fn files(self, paths: &[impl IntoDataPath]) -> Result<Dataset> {
        let definition = FileDefinition {
            paths: data_paths(paths)?,
            partition_format: self.partition_format,
            steps: Vec::new(),
        };
        Ok(Dataset::defined(workspace_of(paths)?, DatasetDefinition::File(definition)))
    }
}

fn table(source: TableSource, workspace: Workspace) -> Result<Dataset> {
    let definition = DatasetDefinition::Tabular(TableDefinition {
        source,
        steps: Vec::new(),
        timestamp: None,
        partition_timestamp: None,
    });
    Ok(Dataset::defined(workspace, definition))
}

fn data_paths(paths: &[impl IntoDataPath]) -> Result<Vec<DataPath>> {
    if paths.is_empty() {
        return Err(ApiError::invalid("the dataset names no files")
            .hint("give at least one path, such as `data/*.csv`")
            .into());
    }
    paths.iter().map(IntoDataPath::data_path).collect()
}

/// Of the first datastore, else the one that is meant here.
fn workspace_of(paths: &[impl IntoDataPath]) -> Result<Workspace> {
    match paths.iter().find_map(IntoDataPath::workspace) {
        Some(workspace) => Ok(workspace),
        None => Workspace::from_config(),
    }
}

use lazuli_domain::{
    ApiError, DatasetDefinition, DatasetFile, DatasetKind, DatasetUse, DisplayBundle, NewDataset,
    StringMap, TableColumn, TableInput, TableProfile, TableStep,
};

use crate::client::{ArrowStream, Client};
use crate::display::print_content;
use crate::{FileDataset, List, Listed, Result, Table, TabularDataset, Workspace};

/// Data by name and version, or a definition that need not be registered.
///
/// ```no_run
/// use lazuli::prelude::*;
///
/// let ws = Workspace::from_config()?;
/// let csv = Dataset::tabular().delimited(&["/data/diabetes.csv"])?.register(&ws, "diabetes")?;
/// println!("{}", csv.take(10)?);
/// let older = ws.dataset("diabetes")?.version(1);
/// println!("{} rows", older.filter("Age > 50").count()?);
/// # Ok::<(), lazuli::Error>(())
/// ```
///
/// Steps (`filter`, `keep_columns` …) ask nobody: they make another dataset, which is read when its
/// rows are wanted. As the last expression of a cell it shows first rows, types, what is missing and
/// how each column is spread.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    workspace: Workspace,
    source: Source,
    /// Beyond what is registered or defined.
    steps: Vec<TableStep>,
}

#[derive(Clone, Debug, PartialEq)]
enum Source {
    /// That version, or the newest.
    Registered {
        name: String,
        version: Option<u64>,
    },
    Definition(DatasetDefinition),
}

impl Dataset {
    /// A table of files or of a database's rows.
    pub fn tabular() -> TabularDataset {
        TabularDataset::default()
    }

    /// Files.
    pub fn file() -> FileDataset {
        FileDataset::default()
    }

    pub(crate) fn registered(workspace: &Workspace, name: &str, version: Option<u64>) -> Dataset {
        let source = Source::Registered { name: name.to_owned(), version };
        Dataset { workspace: workspace.clone(), source, steps: Vec::new() }
    }

    pub(crate) fn defined(workspace: Workspace, definition: DatasetDefinition) -> Dataset {
        Dataset { workspace, source: Source::Definition(definition), steps: Vec::new() }
    }

    /// Another version of the same name, with the same steps.
    pub fn version(&self, version: u64) -> Dataset {
        let mut other = self.clone();
        if let Source::Registered { version: chosen, .. } = &mut other.source {
            *chosen = Some(version);
        }
        other
    }

    /// What is known of a registered version: `info.version`, `info.tags`, `info.id` …
    pub fn info(&self) -> Result<lazuli_domain::Dataset> {
        match &self.source {
            Source::Registered { name, version } => {
                self.client()?.dataset(self.workspace.name(), name, *version)
            }
            Source::Definition(_) => Err(ApiError::invalid("the dataset is not registered")
                .hint("register it with `.register(&ws, \"name\")?`")
                .into()),
        }
    }

    /// All versions of its name, the newest first.
    pub fn versions(&self) -> Result<List<lazuli_domain::Dataset>> {
        let name = self.info()?.name;
        Ok(List::new(self.client()?.dataset_versions(self.workspace.name(), &name)?))
    }

    /// Registers it under a name. A name that is taken needs `create_new_version`, unless its newest
    /// version is defined alike: then that version is the answer.
    ///
    /// ```no_run
    /// # use lazuli::prelude::*;
    /// # let ws = Workspace::from_config()?;
    /// # let dataset = Dataset::tabular().delimited(&["/data/diabetes.csv"])?;
    /// let registered = dataset.register(&ws, "diabetes")?;
    /// let registered = dataset.register(
    ///     &ws,
    ///     DatasetRegistration::new("diabetes").description("all patients").create_new_version(),
    /// )?;
    /// # Ok::<(), lazuli::Error>(())
    /// ```
    pub fn register(
        &self,
        workspace: &Workspace,
        registration: impl Into<DatasetRegistration>,
    ) -> Result<Dataset> {
        let DatasetRegistration { name, description, tags, create_new_version } =
            registration.into();
        let definition = self.definition()?;
        let new =
            NewDataset { name, definition, description, tags, create_new_version, run_id: None };
        let made = workspace.client()?.register_dataset(workspace.name(), &new)?;
        Ok(Self::registered(workspace, &made.name, Some(made.version)))
    }

    /// Unregisters all versions of its name; the files stay where they are.
    pub fn unregister(&self) -> Result<()> {
        self.client()?.delete_dataset(self.workspace.name(), &self.info()?.name)
    }

    /// What it is made of, steps included.
    pub fn definition(&self) -> Result<DatasetDefinition> {
        let definition = match &self.source {
            Source::Definition(definition) => definition.clone(),
            Source::Registered { .. } => self.info()?.definition,
        };
        match definition {
            DatasetDefinition::Tabular(mut table) => {
                table.steps.extend(self.steps.iter().cloned());
                Ok(DatasetDefinition::Tabular(table))
            }
            files if self.steps.is_empty() => Ok(files),
            _ => Err(no_table()),
        }
    }

    /// The files it reads, in their order.
    pub fn files(&self) -> Result<List<DatasetFile>> {
        let (client, workspace) = (self.client()?, self.workspace.name());
        Ok(List::new(match &self.source {
            Source::Definition(definition) => client.resolve_dataset(workspace, definition)?,
            Source::Registered { .. } => {
                let info = self.info()?;
                client.dataset_files(workspace, &info.name, info.version)?
            }
        }))
    }

    /// Which runs read this version, or made it.
    pub fn uses(&self) -> Result<List<DatasetUse>> {
        let info = self.info()?;
        let uses = self.client()?.dataset_uses(self.workspace.name(), &info.name, info.version)?;
        Ok(List::new(uses))
    }

    /// The first rows.
    pub fn take(&self, rows: u64) -> Result<Table> {
        let preview = self.client()?.preview_table(self.workspace.name(), self.input()?, rows)?;
        Ok(Table::of(preview))
    }

    /// How many rows it has.
    pub fn count(&self) -> Result<u64> {
        self.client()?.count_rows(self.workspace.name(), self.input()?)
    }

    /// Its columns and their types.
    pub fn schema(&self) -> Result<List<TableColumn>> {
        let columns = self.client()?.table_columns(self.workspace.name(), self.input()?)?;
        Ok(List::new(columns))
    }

    /// Each column in figures: count, missing, min, max, mean, quantiles, distinct values.
    pub fn profile(&self) -> Result<TableProfile> {
        self.client()?.profile_table(self.workspace.name(), self.input()?)
    }

    /// All rows as an Arrow IPC stream, which the `arrow` crate reads as record batches.
    pub fn arrow_stream(&self) -> Result<ArrowStream> {
        self.client()?.table_rows(self.workspace.name(), self.input()?)
    }

    /// Without the first rows.
    pub fn skip(&self, count: u64) -> Dataset {
        self.with(TableStep::Skip { count })
    }

    /// Rows for which the expression is true: `age > 50 AND sex = 'f'`.
    pub fn filter(&self, expression: &str) -> Dataset {
        self.with(TableStep::Filter { expression: expression.to_owned() })
    }

    pub fn keep_columns(&self, columns: &[&str]) -> Dataset {
        self.with(TableStep::KeepColumns { columns: owned(columns) })
    }

    pub fn drop_columns(&self, columns: &[&str]) -> Dataset {
        self.with(TableStep::DropColumns { columns: owned(columns) })
    }

    /// About that share of the rows; the same ones for the same seed.
    pub fn sample(&self, probability: f64, seed: u64) -> Dataset {
        self.with(TableStep::Sample { probability, seed })
    }

    /// About that share of the rows, and the rest.
    pub fn random_split(&self, percentage: f64, seed: u64) -> (Dataset, Dataset) {
        use lazuli_domain::SplitPart::{First, Second};
        let part = |part| self.with(TableStep::Split { percentage, seed, part });
        (part(First), part(Second))
    }

    fn with(&self, step: TableStep) -> Dataset {
        let mut other = self.clone();
        other.steps.push(step);
        other
    }

    fn input(&self) -> Result<TableInput> {
        match &self.source {
            Source::Definition(_) => Ok(TableInput::Definition { definition: self.definition()? }),
            Source::Registered { .. } => {
                let info = self.info()?;
                if info.kind == DatasetKind::File {
                    return Err(no_table());
                }
                Ok(TableInput::Dataset {
                    dataset_id: info.id,
                    steps: self.steps.clone(),
                    timestamp: None,
                    partition_timestamp: None,
                })
            }
        }
    }

    fn client(&self) -> Result<Client> {
        self.workspace.client()
    }

    /// Shows the dataset in a notebook: first rows, types, what is missing, small histograms.
    pub fn evcxr_display(&self) {
        match self.bundle() {
            Ok(Some(bundle)) => {
                let form = |mime: &str| bundle.data.get(mime).and_then(|form| form.as_str());
                let html = form("text/html").unwrap_or_default();
                let text = form("text/plain").unwrap_or_default();
                print_content(&[("text/html", html), ("text/plain", text)]);
            }
            // What is not registered has no picture of its own: its rows speak for it.
            Ok(None) => match self.take(10) {
                Ok(table) => table.evcxr_display(),
                Err(error) => say(&error),
            },
            Err(error) => say(&error),
        }
    }

    fn bundle(&self) -> Result<Option<DisplayBundle>> {
        match &self.source {
            Source::Registered { .. } if self.steps.is_empty() => {
                let info = self.info()?;
                let (workspace, name) = (self.workspace.name(), &info.name);
                Ok(Some(self.client()?.display_dataset(workspace, name, info.version)?))
            }
            _ => Ok(None),
        }
    }
}

fn say(error: &crate::Error) {
    print_content(&[("text/plain", &format!("cannot be shown: {error}"))]);
}

fn owned(columns: &[&str]) -> Vec<String> {
    columns.iter().map(|&column| column.to_owned()).collect()
}

fn no_table() -> crate::Error {
    ApiError::invalid("a dataset of files has no rows")
        .hint("read its `files()`, or define a table of them with `Dataset::tabular()`")
        .into()
}

/// As what a dataset is registered. A name serves where nothing else is to be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatasetRegistration {
    name: String,
    description: String,
    tags: StringMap,
    create_new_version: bool,
}

impl DatasetRegistration {
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            description: String::new(),
            tags: StringMap::new(),
            create_new_version: false,
        }
    }

    pub fn description(mut self, description: &str) -> Self {
        description.clone_into(&mut self.description);
        self
    }

    pub fn tag(mut self, key: &str, value: &str) -> Self {
        self.tags.insert(key.to_owned(), value.to_owned());
        self
    }

    /// The name may be taken: this becomes its next version.
    pub fn create_new_version(mut self) -> Self {
        self.create_new_version = true;
        self
    }
}

impl From<&str> for DatasetRegistration {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl Listed for lazuli_domain::Dataset {
    fn headings() -> &'static [&'static str] {
        &["Dataset", "Version", "Kind", "Files", "Size", "Registered", "Tags"]
    }

    fn noun() -> &'static str {
        "dataset"
    }

    fn cells(&self) -> Vec<String> {
        let kind = match self.kind {
            DatasetKind::Tabular => "tabular",
            DatasetKind::File => "file",
        };
        vec![
            self.name.clone(),
            self.version.to_string(),
            kind.to_owned(),
            self.file_count.to_string(),
            lazuli_domain::readable::byte_size(self.size),
            lazuli_domain::readable::date_time(self.created_at_ms),
            crate::model::pairs(&self.tags),
        ]
    }
}

impl Listed for TableColumn {
    fn headings() -> &'static [&'static str] {
        &["Column", "Type"]
    }

    fn noun() -> &'static str {
        "column"
    }

    fn cells(&self) -> Vec<String> {
        vec![self.name.clone(), self.data_type.clone()]
    }
}

impl Listed for DatasetFile {
    fn headings() -> &'static [&'static str] {
        &["File", "Size"]
    }

    fn noun() -> &'static str {
        "file"
    }

    fn cells(&self) -> Vec<String> {
        vec![self.relative_path.clone(), lazuli_domain::readable::byte_size(self.size)]
    }
}

impl Listed for DatasetUse {
    fn headings() -> &'static [&'static str] {
        &["Run", "Experiment", "Dataset", "Version", "Direction", "Input"]
    }

    fn noun() -> &'static str {
        "use"
    }

    fn cells(&self) -> Vec<String> {
        let direction = match self.direction {
            lazuli_domain::DataDirection::Input => "read",
            lazuli_domain::DataDirection::Output => "made",
        };
        vec![
            self.run_id.clone(),
            self.experiment.clone(),
            self.dataset.clone(),
            self.version.to_string(),
            direction.to_owned(),
            self.input_name.clone(),
        ]
    }
}

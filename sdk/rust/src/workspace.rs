use std::path::{Path, PathBuf};

use lazuli_domain::{ApiError, DEFAULT_WORKSPACE, ErrorKind, NewSecret, NewWorkspace, TableInput};

use crate::client::{ArrowStream, Client, RunQuery, StoreName};
use crate::display::Table;
use crate::{
    ComputeTarget, Config, Dataset, Datastore, Environment, Error, Experiment, Home, Keyvault,
    List, Listed, Model, ModelRegistration, Result, Run,
};

/// Rows of a query that are held in memory.
const MOST_SQL_ROWS: u64 = 10_000;

/// What holds experiments, models and datasets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    pub(crate) home: Home,
    name: String,
}

impl Workspace {
    /// The workspace that is meant here: the one of `LAZULI_WORKSPACE` (a job stays in the workspace
    /// it was submitted to), else the notebook's active one, else the one that `config.json` or
    /// `.azureml/config.json` names in the current folder or a parent, else `default`. It begins to
    /// exist by this.
    pub fn from_config() -> Result<Workspace> {
        let config = Config::from_environment()?;
        let name = workspace_name(&config)?;
        Self::create_in(config.home()?, &name)
    }

    /// A workspace that exists.
    pub fn get(name: &str) -> Result<Workspace> {
        let home = Home::from_environment()?;
        let found = Client::connect_to(&home)?.workspace(name)?;
        Ok(Workspace { home, name: found.name })
    }

    /// A workspace of that name; one that exists is returned as it is.
    pub fn create(name: &str) -> Result<Workspace> {
        Self::create_in(Home::from_environment()?, name)
    }

    /// All workspaces of the home.
    pub fn list() -> Result<List<Workspace>> {
        let home = Home::from_environment()?;
        let found = Client::connect_to(&home)?.workspaces()?;
        let of =
            |found: lazuli_domain::Workspace| Workspace { home: home.clone(), name: found.name };
        Ok(List::new(found.into_iter().map(of).collect()))
    }

    fn create_in(home: Home, name: &str) -> Result<Workspace> {
        lazuli_domain::check_name("workspace", name)?;
        let new = NewWorkspace { name: name.to_owned(), ..NewWorkspace::default() };
        let made = Client::connect_to(&home)?.create_workspace(&new)?;
        Ok(Workspace { home, name: made.name })
    }

    /// Without asking the daemon, for a run whose workspace is known.
    pub(crate) fn known(home: Home, name: String) -> Workspace {
        Workspace { home, name }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The client that this workspace's calls go through.
    pub fn client(&self) -> Result<Client> {
        Client::connect_to(&self.home)
    }

    /// The experiment of that name; it begins to exist by this.
    pub fn experiment(&self, name: &str) -> Result<Experiment> {
        Experiment::open(self, name)
    }

    pub fn experiments(&self) -> Result<List<Experiment>> {
        let found = self.client()?.experiments(&self.name)?;
        Ok(List::new(found.into_iter().map(|found| Experiment::of(self, found)).collect()))
    }

    /// The newest hundred runs.
    pub fn runs(&self) -> Result<List<Run>> {
        self.find_runs(&RunQuery::default())
    }

    /// One page of the runs that fit.
    pub fn find_runs(&self, query: &RunQuery) -> Result<List<Run>> {
        let page = self.client()?.runs(&self.name, query)?;
        Ok(List::new(page.items.into_iter().map(|run| Run::of(&self.home, run)).collect()))
    }

    /// The run with that id, or with the id that begins so.
    pub fn run(&self, run_id: &str) -> Result<Run> {
        Ok(Run::of(&self.home, self.client()?.run(run_id)?))
    }

    /// All versions of all models, the newest of each name first.
    pub fn models(&self) -> Result<List<Model>> {
        let found = self.client()?.models(&self.name, None)?;
        Ok(List::new(found.into_iter().map(|model| Model::of(&self.home, model)).collect()))
    }

    /// A version of a model: `ws.model("churn", 2)?`, or the latest by `ws.model("churn", None)?`.
    pub fn model(&self, name: &str, version: impl Into<Option<u64>>) -> Result<Model> {
        Ok(Model::of(&self.home, self.client()?.model(&self.name, name, version.into())?))
    }

    /// Registers a local file or folder as the next version of a model.
    pub fn register_model(&self, model: impl Into<ModelRegistration>) -> Result<Model> {
        model.into().register_local(self)
    }

    /// The datastore of that name.
    pub fn datastore(&self, name: &str) -> Result<Datastore> {
        let store = StoreName { workspace: &self.name, datastore: name };
        Ok(Datastore::of(self, self.client()?.datastore(store)?))
    }

    /// The datastore that serves where none is named.
    pub fn default_datastore(&self) -> Result<Datastore> {
        let all = self.client()?.datastores(&self.name)?;
        let found = all.into_iter().find(|datastore| datastore.is_default).ok_or_else(|| {
            ApiError::not_found("default datastore of workspace", &self.name)
                .hint("`lazuli datastore list` shows what there is")
        })?;
        Ok(Datastore::of(self, found))
    }

    pub fn datastores(&self) -> Result<List<Datastore>> {
        let found = self.client()?.datastores(&self.name)?;
        Ok(List::new(found.into_iter().map(|found| Datastore::of(self, found)).collect()))
    }

    /// A registered dataset: the newest version, or another one by `.version(2)`.
    pub fn dataset(&self, name: &str) -> Result<Dataset> {
        let found = self.client()?.dataset(&self.name, name, None)?;
        Ok(Dataset::registered(self, &found.name, None))
    }

    /// The newest version of every registered dataset.
    pub fn datasets(&self) -> Result<List<lazuli_domain::Dataset>> {
        Ok(List::new(self.client()?.datasets(&self.name, "")?))
    }

    /// The rows that a SELECT over registered datasets answers, the first ten thousand of them:
    /// `ws.sql("SELECT age, count(*) FROM diabetes GROUP BY age")?`, or `FROM diabetes@2` for a version.
    pub fn sql(&self, query: &str) -> Result<crate::Table> {
        let input = TableInput::Sql { sql: query.to_owned() };
        let preview = self.client()?.preview_table(&self.name, input, MOST_SQL_ROWS)?;
        Ok(crate::Table::of(preview))
    }

    /// All rows that a SELECT answers, as an Arrow IPC stream.
    pub fn sql_arrow_stream(&self, query: &str) -> Result<ArrowStream> {
        let input = TableInput::Sql { sql: query.to_owned() };
        self.client()?.table_rows(&self.name, input)
    }

    /// A registered environment, or one that comes with Lazuli; the newest version.
    pub fn environment(&self, name: &str) -> Result<Environment> {
        Environment::get(self, name)
    }

    /// The newest version of every registered environment.
    pub fn environments(&self) -> Result<List<Environment>> {
        Environment::list(self)
    }

    pub fn compute_target(&self, name: &str) -> Result<ComputeTarget> {
        ComputeTarget::get(self, name)
    }

    pub fn compute_targets(&self) -> Result<List<ComputeTarget>> {
        ComputeTarget::list(self)
    }

    /// The workspace's secrets.
    pub fn keyvault(&self) -> Keyvault {
        Keyvault::of(self)
    }

    /// The value of a secret.
    pub fn secret(&self, name: &str) -> Result<String> {
        Ok(self.client()?.secret(&self.name, name)?.value)
    }

    pub fn set_secret(&self, name: &str, value: &str) -> Result<()> {
        lazuli_domain::check_name("secret", name)?;
        self.client()?.set_secret(&self.name, name, &NewSecret { value: value.to_owned() })
    }

    fn table(&self) -> Result<Table> {
        let found = self.client()?.workspace(&self.name)?;
        let row = |name: &str, value: String| vec![name.to_owned(), value];
        Ok(Table {
            title: format!("Workspace {}", found.name),
            headings: &[],
            rows: vec![
                row("Experiments", found.experiments.to_string()),
                row("Runs", found.runs.to_string()),
                row("Models", found.models.to_string()),
                row("Created", lazuli_domain::readable::date_time(found.created_at_ms)),
                row("Home", self.home.path().display().to_string()),
            ],
            empty: "",
        })
    }

    /// Shows the workspace in a notebook.
    pub fn evcxr_display(&self) {
        crate::display::show_or_say(self.table());
    }
}

impl Listed for Workspace {
    fn headings() -> &'static [&'static str] {
        &["Workspace"]
    }

    fn noun() -> &'static str {
        "workspace"
    }

    fn cells(&self) -> Vec<String> {
        vec![self.name.clone()]
    }
}

/// The name of the workspace that serves when none is named.
pub fn workspace_name(config: &Config) -> Result<String> {
    if let Some(name) = config.workspace.as_ref().or(config.session.workspace.as_ref()) {
        return Ok(name.clone());
    }
    let folder = std::env::current_dir()
        .map_err(|error| Error::io("the current folder cannot be found", error))?;
    Ok(named_by_file(&folder)?.unwrap_or_else(|| DEFAULT_WORKSPACE.to_owned()))
}

/// SDK v1's `config.json`. One without `workspace_name` belongs to some other program and is passed
/// over.
fn named_by_file(start: &Path) -> Result<Option<String>> {
    for folder in start.ancestors() {
        for file in [folder.join("config.json"), folder.join(".azureml/config.json")] {
            if let Some(name) = read_config_file(file)? {
                return Ok(Some(name));
            }
        }
    }
    Ok(None)
}

fn read_config_file(file: PathBuf) -> Result<Option<String>> {
    let text = match std::fs::read(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => return Ok(None),
        Err(error) => return Err(Error::io(format!("cannot read `{}`", file.display()), error)),
    };
    let json: serde_json::Value = serde_json::from_slice(&text).map_err(|error| {
        let message = format!("`{}` is not JSON: {error}", file.display());
        let hint = "write `{\"workspace_name\": \"..\"}` into it, or set `LAZULI_WORKSPACE`";
        Error::caused_by(ApiError::new(ErrorKind::Invalid, message).hint(hint), error)
    })?;
    Ok(json["workspace_name"].as_str().map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_config_file_names_the_workspace() {
        let top = std::env::temp_dir().join(format!("lazuli-config-{}", std::process::id()));
        let inner = top.join("a/b");
        std::fs::create_dir_all(inner.join(".azureml")).unwrap();
        std::fs::create_dir_all(top.join(".azureml")).unwrap();
        let azure = r#"{"subscription_id": "x", "resource_group": "y", "workspace_name": "azure"}"#;
        std::fs::write(top.join(".azureml/config.json"), azure).unwrap();
        std::fs::write(top.join("a/config.json"), r#"{"port": 80}"#).unwrap();
        assert_eq!(named_by_file(&inner).unwrap().as_deref(), Some("azure"));
        std::fs::write(inner.join("config.json"), "{").unwrap();
        let error = named_by_file(&inner).unwrap_err();
        assert!(
            error.message().starts_with(&format!("`{}/config.json` is not JSON", inner.display()))
        );
        std::fs::write(inner.join("config.json"), r#"{"workspace_name": "near"}"#).unwrap();
        assert_eq!(named_by_file(&inner).unwrap().as_deref(), Some("near"));
        std::fs::remove_dir_all(&top).unwrap();
    }
}

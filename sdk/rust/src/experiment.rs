use lazuli_domain::{NewExperiment, NewJob, NewRun, RunKind};

use crate::client::{Client, RunQuery};
use crate::display::Table;
use crate::{Config, Home, List, Listed, Result, Run, ScriptRun, Workspace};

/// A named series of runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Experiment {
    pub(crate) home: Home,
    workspace: String,
    name: String,
    runs: u64,
    last_run_at_ms: Option<i64>,
}

impl Experiment {
    pub(crate) fn open(workspace: &Workspace, name: &str) -> Result<Experiment> {
        lazuli_domain::check_name("experiment", name)?;
        let new = NewExperiment { name: name.to_owned(), tags: Default::default() };
        let found = workspace.client()?.create_experiment(workspace.name(), &new)?;
        Ok(Self::of(workspace, found))
    }

    pub(crate) fn of(workspace: &Workspace, found: lazuli_domain::Experiment) -> Experiment {
        Experiment {
            home: workspace.home.clone(),
            workspace: found.workspace,
            name: found.name,
            runs: found.runs,
            last_run_at_ms: found.last_run_at_ms,
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn workspace(&self) -> Workspace {
        Workspace::known(self.home.clone(), self.workspace.clone())
    }

    /// Starts an interactive run. It ends with `run.complete()`; when the program (in a notebook:
    /// the kernel) ends without that, the run has failed.
    pub fn start_logging(&self) -> Result<Run> {
        start_run(&self.home, &self.workspace, &self.name, None, None)
    }

    /// The same with a name for people.
    pub fn start_logging_named(&self, name: &str) -> Result<Run> {
        start_run(&self.home, &self.workspace, &self.name, Some(name), None)
    }

    /// Submits a script: takes a snapshot of its folder and queues a run.
    pub fn submit(&self, config: &impl ScriptRun) -> Result<Run> {
        let config = config.script_run();
        config.check()?;
        let client = self.client()?;
        let environment = Config::from_environment()?;
        let job = config.job(&self.home, &environment)?;
        let new = NewJob {
            experiment: self.name.clone(),
            name: config.name,
            parent_run_id: None,
            user: environment.user,
            tags: config.tags,
            properties: Default::default(),
            job,
        };
        Ok(Run::of(&self.home, client.submit_job(&self.workspace, &new)?))
    }

    /// The newest hundred runs.
    pub fn runs(&self) -> Result<List<Run>> {
        self.workspace()
            .find_runs(&RunQuery { experiment: Some(self.name.clone()), ..RunQuery::default() })
    }

    fn client(&self) -> Result<Client> {
        Client::connect_to(&self.home)
    }

    fn table(&self) -> Result<Table> {
        let found = self.client()?.experiment(&self.workspace, &self.name)?;
        let row = |name: &str, value: String| vec![name.to_owned(), value];
        Ok(Table {
            title: format!("Experiment {}", found.name),
            headings: &[],
            rows: vec![
                row("Workspace", found.workspace),
                row("Runs", found.runs.to_string()),
                row(
                    "Last run",
                    found
                        .last_run_at_ms
                        .map(lazuli_domain::readable::date_time)
                        .unwrap_or_default(),
                ),
                row("Created", lazuli_domain::readable::date_time(found.created_at_ms)),
            ],
            empty: "",
        })
    }

    /// Shows the experiment in a notebook.
    pub fn evcxr_display(&self) {
        crate::display::show_or_say(self.table());
    }
}

impl Listed for Experiment {
    fn headings() -> &'static [&'static str] {
        &["Experiment", "Runs", "Last run"]
    }

    fn noun() -> &'static str {
        "experiment"
    }

    fn cells(&self) -> Vec<String> {
        let last = self.last_run_at_ms.map(lazuli_domain::readable::date_time).unwrap_or_default();
        vec![self.name.clone(), self.runs.to_string(), last]
    }
}

/// Starts an interactive run that lives as long as the process that owns it.
pub(crate) fn start_run(
    home: &Home,
    workspace: &str,
    experiment: &str,
    name: Option<&str>,
    parent: Option<&str>,
) -> Result<Run> {
    start_run_with(home, workspace, experiment, |run| {
        run.name = name.map(str::to_owned);
        run.parent_run_id = parent.map(str::to_owned);
    })
}

pub(crate) fn start_run_with(
    home: &Home,
    workspace: &str,
    experiment: &str,
    complete: impl FnOnce(&mut NewRun),
) -> Result<Run> {
    let config = Config::from_environment()?;
    let mut new = NewRun {
        experiment: experiment.to_owned(),
        name: None,
        kind: RunKind::Interactive,
        parent_run_id: None,
        tags: Default::default(),
        properties: Default::default(),
        snapshot_id: None,
        owner: Some(config.owner()?),
        user: config.user,
    };
    complete(&mut new);
    lazuli_domain::check_name("experiment", experiment)?;
    if let Some(name) = &new.name {
        lazuli_domain::check_name("run", name)?;
    }
    Ok(Run::of(home, Client::connect_to(home)?.create_run(workspace, &new)?))
}

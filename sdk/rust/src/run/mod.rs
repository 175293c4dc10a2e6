mod context;
mod files;
mod logging;
mod wait;

use std::fs;
use std::path::PathBuf;

use lazuli_domain::{NewJob, RunError, RunPatch, RunStatus, StringMap};

use crate::client::Client;
use crate::display::Table;
use crate::metrics::short_value;
use crate::model::pairs;
use crate::{
    Config, Error, Experiment, Home, List, Listed, Metrics, Model, ModelRegistration, Result,
    ScriptRun, Workspace,
};

/// One run of an experiment.
///
/// What is logged is appended to a file and is safe when the call returns, daemon or not. Everything
/// else asks the daemon.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    pub(crate) home: Home,
    run_id: String,
    workspace: String,
    experiment: String,
    /// What the daemon said when the handle was made; nothing for a job's own run.
    found: Option<Box<lazuli_domain::Run>>,
}

impl Run {
    pub(crate) fn of(home: &Home, found: lazuli_domain::Run) -> Run {
        Run {
            home: home.clone(),
            run_id: found.run_id.clone(),
            workspace: found.workspace.clone(),
            experiment: found.experiment.clone(),
            found: Some(Box::new(found)),
        }
    }

    pub fn id(&self) -> &str {
        &self.run_id
    }

    pub fn workspace(&self) -> Workspace {
        Workspace::known(self.home.clone(), self.workspace.clone())
    }

    pub fn experiment(&self) -> Result<Experiment> {
        self.workspace().experiment(&self.experiment)
    }

    pub(crate) fn client(&self) -> Result<Client> {
        Client::connect_to(&self.home)
    }

    /// Everything the daemon knows of the run now, what was just logged included.
    pub fn details(&self) -> Result<lazuli_domain::Run> {
        self.client()?.run(&self.run_id)
    }

    pub fn status(&self) -> Result<RunStatus> {
        Ok(self.details()?.status)
    }

    pub fn tags(&self) -> Result<StringMap> {
        Ok(self.details()?.tags)
    }

    pub fn properties(&self) -> Result<StringMap> {
        Ok(self.details()?.properties)
    }

    pub fn parameters(&self) -> Result<StringMap> {
        Ok(self.details()?.parameters)
    }

    /// All metrics with every point.
    pub fn metrics(&self) -> Result<Metrics> {
        Ok(Metrics::new(self.client()?.metrics(&self.run_id)?))
    }

    /// Changes what people call the run.
    pub fn rename(&self, name: &str) -> Result<()> {
        lazuli_domain::check_name("run", name)?;
        self.update(&RunPatch { name: Some(name.to_owned()), ..RunPatch::default() })
    }

    pub fn remove_tag(&self, key: &str) -> Result<()> {
        self.update(&RunPatch { remove_tags: vec![key.to_owned()], ..RunPatch::default() })
    }

    fn update(&self, patch: &RunPatch) -> Result<()> {
        self.client()?.update_run(&self.run_id, patch).map(drop)
    }

    /// Starts a run below this one.
    pub fn child_run(&self) -> Result<Run> {
        self.start_child(None)
    }

    /// The same with a name for people.
    pub fn child_run_named(&self, name: &str) -> Result<Run> {
        self.start_child(Some(name))
    }

    fn start_child(&self, name: Option<&str>) -> Result<Run> {
        let parent = Some(self.run_id.as_str());
        crate::experiment::start_run(&self.home, &self.workspace, &self.experiment, name, parent)
    }

    /// Submits a script as a run below this one.
    pub fn submit_child(&self, config: &impl ScriptRun) -> Result<Run> {
        let config = config.script_run();
        config.check()?;
        let client = self.client()?;
        let environment = Config::from_environment()?;
        let job = config.job(&self.home, &environment)?;
        let new = NewJob {
            experiment: self.experiment.clone(),
            name: config.name,
            parent_run_id: Some(self.run_id.clone()),
            user: environment.user,
            tags: config.tags,
            properties: Default::default(),
            job,
        };
        Ok(Run::of(&self.home, client.submit_job(&self.workspace, &new)?))
    }

    /// The runs below this one.
    pub fn children(&self) -> Result<List<Run>> {
        let found = self.client()?.children(&self.run_id)?;
        Ok(List::new(found.into_iter().map(|run| Run::of(&self.home, run)).collect()))
    }

    /// Registers a file of the run, or all files below a folder of it, as the next version of a
    /// model. What the run does not hold yet is taken from the local path of that name.
    ///
    /// ```no_run
    /// # use lazuli::prelude::*;
    /// # let run = Run::get_context()?;
    /// let model = run.register_model(("churn", "outputs/model.onnx"))?;
    /// println!("version {}", model.version);
    /// # Ok::<(), lazuli::Error>(())
    /// ```
    pub fn register_model(&self, model: impl Into<ModelRegistration>) -> Result<Model> {
        model.into().register_from(self)
    }

    /// Ends the run; everything that was logged is kept when this returns.
    ///
    /// In a submitted script the run goes on: it ends with the script, whose files are collected
    /// then.
    pub fn complete(&self) -> Result<()> {
        if self.own_job_folder()?.is_some() {
            return self.flush();
        }
        let ended = self.client()?.complete_run(&self.run_id)?;
        match kept_all(&ended) {
            Ok(()) => {}
            // The run has ended as asked: this is a warning.
            Err(error) => eprintln!("warning: {error}"),
        }
        Ok(())
    }

    /// Ends the run as failed, for this reason.
    pub fn fail(&self, reason: impl std::fmt::Display) -> Result<()> {
        let error = RunError { message: reason.to_string(), ..RunError::default() };
        match self.own_job_folder()? {
            Some(folder) => ask_agent(&folder, &error),
            None => self.client()?.fail_run(&self.run_id, &error).map(drop),
        }
    }

    /// Ends the run as canceled; a script's processes are killed.
    pub fn cancel(&self) -> Result<()> {
        self.client()?.cancel_run(&self.run_id).map(drop)
    }

    /// Returns when the daemon has committed everything that was logged so far; an error tells of
    /// records it could not keep.
    pub fn flush(&self) -> Result<()> {
        kept_all(&self.client()?.flush_run(&self.run_id)?)
    }

    /// The working folder, when this program is the run's own script.
    fn own_job_folder(&self) -> Result<Option<PathBuf>> {
        let config = Config::from_environment()?;
        let folder = self.home.path().join("runs").join(&self.run_id);
        let own = config.run_id.as_ref() == Some(&self.run_id) && folder.is_dir();
        Ok(own.then_some(folder))
    }

    fn table(&self) -> Result<Table> {
        let found = self.details()?;
        let row = |name: &str, value: String| vec![name.to_owned(), value];
        let mut rows = vec![
            row("Run", found.run_id.clone()),
            row("Status", found.status.to_string()),
            row("Experiment", found.experiment.clone()),
            row("Started", started(&found)),
            row("Duration", elapsed(&found)),
        ];
        let error = found.error.as_ref().map(|error| error.message.clone()).unwrap_or_default();
        let optional = [
            ("Error", error),
            ("Parameters", pairs(&found.parameters)),
            ("Tags", pairs(&found.tags)),
            ("Properties", pairs(&found.properties)),
            ("Metrics", metrics(&found, usize::MAX)),
        ];
        rows.extend(
            optional.into_iter().filter(|(_, value)| !value.is_empty()).map(|(n, v)| row(n, v)),
        );
        Ok(Table { title: found.name, headings: &[], rows, empty: "" })
    }

    /// Shows the run in a notebook, as it is now. [`crate::RunDetails`] follows it.
    pub fn evcxr_display(&self) {
        crate::display::show_or_say(self.table());
    }
}

impl Listed for Run {
    fn headings() -> &'static [&'static str] {
        &["Run", "Name", "Experiment", "Status", "Started", "Duration", "Metrics"]
    }

    fn noun() -> &'static str {
        "run"
    }

    fn cells(&self) -> Vec<String> {
        let Some(found) = &self.found else {
            return vec![self.run_id.clone(), String::new(), self.experiment.clone()];
        };
        let name = if found.name == found.run_id { String::new() } else { found.name.clone() };
        vec![
            found.run_id.clone(),
            name,
            found.experiment.clone(),
            found.status.to_string(),
            started(found),
            elapsed(found),
            metrics(found, 3),
        ]
    }
}

fn started(found: &lazuli_domain::Run) -> String {
    found.started_at_ms.map(lazuli_domain::readable::date_time).unwrap_or_default()
}

fn elapsed(found: &lazuli_domain::Run) -> String {
    let end = found.ended_at_ms.unwrap_or_else(crate::time::now_ms);
    found
        .started_at_ms
        .map(|start| lazuli_domain::readable::duration(end - start))
        .unwrap_or_default()
}

fn metrics(found: &lazuli_domain::Run, most: usize) -> String {
    let shown: Vec<String> = found
        .metrics
        .iter()
        .take(most)
        .map(|metric| format!("{}={}", metric.name, short_value(&metric.last.value)))
        .collect();
    let more = if found.metrics.len() > most { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}

/// Fails when the daemon could not keep something that was logged.
fn kept_all(found: &lazuli_domain::Run) -> Result<()> {
    let count = found.rejected_records;
    if count == 0 {
        return Ok(());
    }
    let records = if count == 1 { "1 record".to_owned() } else { format!("{count} records") };
    let reason = found.rejected_reason.as_deref().unwrap_or("the reason was not noted");
    Err(lazuli_domain::ApiError::conflict(format!(
        "{records} of run `{}` could not be kept: {reason}",
        found.run_id
    ))
    .hint("log values of one kind under one name; everything else was kept")
    .into())
}

/// Tells the agent how the run is to end when the script has ended.
fn ask_agent(folder: &std::path::Path, error: &RunError) -> Result<()> {
    let end = serde_json::json!({ "failed": error }).to_string();
    let partial = folder.join(format!("end.json.{}", std::process::id()));
    fs::write(&partial, end)
        .and_then(|()| fs::rename(&partial, folder.join("end.json")))
        .map_err(|error| Error::io(format!("cannot write to `{}`", folder.display()), error))
}

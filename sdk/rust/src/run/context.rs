use lazuli_domain::RunStatus;

use super::Run;
use crate::client::{Client, RunQuery};
use crate::workspace::workspace_name;
use crate::{Config, Home, Result};

/// Property by which a program finds the run it started for itself before.
const CONTEXT: &str = "lazuli.context";

impl Run {
    /// The run this program belongs to: in a job the job's run, in a notebook its active run. A
    /// program on its own gets an interactive run, in the experiment named after it, and the same
    /// one again when it asks again.
    pub fn get_context() -> Result<Run> {
        let config = Config::from_environment()?;
        let home = config.home()?;
        if let (Some(run_id), Some(workspace), Some(experiment)) =
            (&config.run_id, &config.workspace, &config.experiment)
        {
            // Nobody is asked: a job logs on while the daemon is away.
            return Ok(Run {
                home,
                run_id: run_id.clone(),
                workspace: workspace.clone(),
                experiment: experiment.clone(),
                found: None,
            });
        }
        if let Some(run_id) = config.run_id.as_ref().or(config.session.run_id.as_ref()) {
            return Ok(Run::of(&home, Client::connect_to(&home)?.run(run_id)?));
        }
        own_run(&config, home)
    }
}

/// The run that was started for this process before, else a new one. Which one it is stands in the
/// daemon and not in memory, which a notebook may roll back.
fn own_run(config: &Config, home: Home) -> Result<Run> {
    let owner = config.owner()?;
    let mark = format!("{}.{}.{}", owner.pid, owner.start_time, owner.boot_id);
    let workspace = workspace_name(config)?;
    let experiment = experiment_name(config);
    let client = Client::connect_to(&home)?;
    client.create_workspace(&lazuli_domain::NewWorkspace {
        name: workspace.clone(),
        ..Default::default()
    })?;
    if let Some(found) = find_marked(&client, &workspace, &experiment, &mark)? {
        return Ok(Run::of(&home, found));
    }
    crate::experiment::start_run_with(&home, &workspace, &experiment, |run| {
        run.properties.insert(CONTEXT.to_owned(), mark);
    })
}

fn find_marked(
    client: &Client,
    workspace: &str,
    experiment: &str,
    mark: &str,
) -> Result<Option<lazuli_domain::Run>> {
    if !client.experiments(workspace)?.iter().any(|found| found.name == experiment) {
        return Ok(None);
    }
    let mut query = RunQuery {
        experiment: Some(experiment.to_owned()),
        status: Some(RunStatus::Running),
        limit: Some(1000),
        ..RunQuery::default()
    };
    loop {
        let page = client.runs(workspace, &query)?;
        let is_marked = |run: &lazuli_domain::Run| {
            run.properties.get(CONTEXT).is_some_and(|found| found == mark)
        };
        match (page.items.into_iter().find(is_marked), page.next_cursor) {
            (None, Some(cursor)) => query.cursor = Some(cursor),
            (found, _) => return Ok(found),
        }
    }
}

fn experiment_name(config: &Config) -> String {
    if let Some(name) = config.experiment.as_ref().or(config.session.experiment.as_ref()) {
        return name.clone();
    }
    // A cell's program is the kernel, whose name says nothing.
    if config.owner.is_some() {
        return "notebook".to_owned();
    }
    std::env::current_exe()
        .ok()
        .and_then(|program| Some(program.file_stem()?.to_str()?.to_owned()))
        .unwrap_or_else(|| "program".to_owned())
}

use lazuli::Result;
use lazuli_commands::table::ExperimentCommand;
use lazuli_domain::{ApiError, NewExperiment, StringMap};

use crate::show::{age, count, date_time, now_ms, pairs};
use crate::{Caller, Context, Outcome, Session, Table, Talk, archives};

pub(crate) fn perform(
    command: &ExperimentCommand,
    context: &Context,
    session: &mut Session,
    talk: &mut dyn Talk,
) -> Result<Outcome> {
    match command {
        ExperimentCommand::List { deleted } => list(context, session, *deleted),
        ExperimentCommand::Show { name } => {
            let Some(name) = name.as_deref().or(session.experiment.as_deref()) else {
                return Err(ApiError::invalid("no experiment is in use")
                    .hint(format!("name one; {} lists them", context.say("experiment list")))
                    .into());
            };
            show(context, session, name)
        }
        ExperimentCommand::Create { name, tags } => {
            let known = context.client.experiments(&session.workspace)?;
            let exists = known.iter().any(|known| known.name == *name);
            let new = NewExperiment { name: name.clone(), tags: crate::run::tags(tags) };
            let created = context.client.create_experiment(&session.workspace, &new)?;
            let text = match exists {
                true => format!("experiment `{name}` exists already"),
                false => format!("created experiment `{name}`"),
            };
            Outcome::new(text, &created)
        }
        ExperimentCommand::Delete { name } => delete(context, session, name),
        ExperimentCommand::Restore { name } => restore(context, session, name),
        ExperimentCommand::Export { name, file, force } => {
            archives::export(context, session, talk, name, file, *force)
        }
        ExperimentCommand::Import { file, name } => {
            archives::import(context, session, talk, file, name.as_deref())
        }
        ExperimentCommand::Use { name } => switch(context, session, name),
    }
}

fn list(context: &Context, session: &Session, deleted: bool) -> Result<Outcome> {
    let (experiments, kind) = match deleted {
        true => (context.client.deleted_experiments(&session.workspace)?, "deleted experiments"),
        false => (context.client.experiments(&session.workspace)?, "experiments"),
    };
    let nothing = format!("workspace `{}` has no {kind}", session.workspace);
    let mut table = Table::new(["", "Name", "Runs", "Last run"]).when_empty(nothing);
    for experiment in &experiments {
        let used = session.experiment.as_deref() == Some(&experiment.name);
        table.row(vec![
            if used { "*".into() } else { String::new() },
            experiment.name.clone(),
            experiment.runs.to_string(),
            experiment.last_run_at_ms.map(|time| age(time, now_ms())).unwrap_or_default(),
        ]);
    }
    Outcome::table(&table, &experiments)
}

fn show(context: &Context, session: &Session, name: &str) -> Result<Outcome> {
    let experiment = context.client.experiment(&session.workspace, name)?;
    let mut lines = vec![
        format!("Experiment {}", experiment.name),
        format!("Workspace  {}", experiment.workspace),
        format!("Created    {}", date_time(experiment.created_at_ms)),
        format!("Runs       {}", experiment.runs),
    ];
    if let Some(time) = experiment.last_run_at_ms {
        lines.push(format!("Last run   {}", age(time, now_ms())));
    }
    if let Some(time) = experiment.deleted_at_ms {
        lines.push(format!("Deleted    {}", age(time, now_ms())));
    }
    if !experiment.tags.is_empty() {
        lines.push(format!("Tags       {}", pairs(&experiment.tags)));
    }
    Outcome::new(lines.join("\n"), &experiment)
}

fn delete(context: &Context, session: &mut Session, name: &str) -> Result<Outcome> {
    let deleted = context.client.delete_experiment(&session.workspace, name)?;
    if session.experiment.as_deref() == Some(name) {
        session.experiment = None;
    }
    let restore = context.say(&format!("experiment restore {name}"));
    Outcome::new(format!("deleted experiment `{name}`; {restore} brings it back"), &deleted)
}

fn restore(context: &Context, session: &Session, name: &str) -> Result<Outcome> {
    let restored = context.client.restore_experiment(&session.workspace, name)?;
    let runs = count(restored.runs, "run");
    Outcome::new(format!("restored experiment `{name}` with {runs}"), &restored)
}

fn switch(context: &Context, session: &mut Session, name: &str) -> Result<Outcome> {
    if context.caller == Caller::Shell {
        return Err(ApiError::invalid("a shell keeps no experiment between two commands")
            .hint(format!("give `--experiment {name}` with a command, or set `LAZULI_EXPERIMENT`"))
            .into());
    }
    let new = NewExperiment { name: name.to_owned(), tags: StringMap::new() };
    let experiment = context.client.create_experiment(&session.workspace, &new)?;
    session.experiment = Some(experiment.name.clone());
    let mut text = format!("using experiment `{name}`");
    if let Some(run_id) = &session.run_id {
        text.push_str(&format!("; run `{run_id}` stays the active one until it is completed"));
    }
    Outcome::new(text, &experiment)
}

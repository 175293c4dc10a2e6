use lazuli::Result;
use lazuli_commands::{Command, Options};

use crate::{
    Context, Outcome, Session, Talk, compute, dataset, datastore, environment, experiment,
    housekeeping, model, run, secret, sql, workspace,
};

/// Performs a command. When it fails, nothing has changed, the session included.
pub fn perform(
    command: &Command,
    options: &Options,
    context: &Context,
    session: &mut Session,
    talk: &mut dyn Talk,
) -> Result<Outcome> {
    let mut changed = session.clone();
    if let Some(workspace) = &options.workspace {
        changed.workspace = workspace.clone();
    }
    let outcome = dispatch(command, options, context, &mut changed, talk)?;
    if options.workspace.is_some() && !matches!(command, Command::Workspace(_)) {
        changed.workspace = session.workspace.clone();
    }
    *session = changed;
    Ok(outcome)
}

fn dispatch(
    command: &Command,
    options: &Options,
    context: &Context,
    session: &mut Session,
    talk: &mut dyn Talk,
) -> Result<Outcome> {
    match command {
        Command::Workspace(command) => workspace::perform(command, context, session),
        Command::Experiment(command) => experiment::perform(command, context, session, talk),
        Command::Run(command) => run::perform(command, context, session, talk),
        Command::Model(command) => model::perform(command, context, session, talk),
        Command::Datastore(command) => datastore::perform(command, context, session, talk),
        Command::Dataset(command) => dataset::perform(command, context, session),
        Command::Sql(asked) => {
            let query = asked.query.join(" ");
            sql::sql(context, session, talk, &query, &asked.options, options.json)
        }
        Command::Compute(command) => compute::perform(command, context, session, talk),
        Command::Environment(command) => environment::perform(command, context, session, talk),
        Command::Secret(command) => secret::perform(command, context, session, talk),
        Command::Gc(command) => housekeeping::gc(command, context, talk),
        Command::Backup(command) => housekeeping::backup(command, context, talk),
        Command::Restore(command) => housekeeping::restore(command, context, talk),
    }
}

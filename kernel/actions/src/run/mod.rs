mod compare;
mod delete;
mod details;
mod download;
mod end;
mod export;
mod follow;
mod list;
mod log;
mod logs;
mod metrics;
mod show;
mod start;
mod tag;
mod upload;
mod verify;

use lazuli::Result;
use lazuli::client::RunQuery;
use lazuli_commands::KeyValue;
use lazuli_commands::table::RunCommand;
use lazuli_domain::{ApiError, Run, StringMap};

use crate::{Context, Outcome, Session, Talk, submit};

pub(crate) use follow::{follow_log, how_it_ended};

/// Where a script's output goes.
pub(crate) const STANDARD_LOG: &str = "user_logs/std_log.txt";

pub(crate) fn perform(
    command: &RunCommand,
    context: &Context,
    session: &mut Session,
    talk: &mut dyn Talk,
) -> Result<Outcome> {
    match command {
        RunCommand::Start { name, experiment, parent, tags } => {
            let start = start::Start {
                name: name.clone(),
                experiment: experiment.clone(),
                parent: parent.clone(),
                tags: self::tags(tags),
            };
            start::start(context, session, start)
        }
        RunCommand::List {
            experiment,
            status,
            parent,
            filter,
            order_by,
            count,
            deleted,
            limit,
        } => {
            let query = RunQuery {
                experiment: experiment.clone(),
                status: *status,
                parent: parent.clone(),
                filter: filter.clone(),
                order_by: order_by.clone(),
                deleted: *deleted,
                limit: Some(*limit),
                cursor: None,
            };
            match count {
                true => list::count(context, session, query),
                false => list::list(context, session, query),
            }
        }
        RunCommand::Show { run } => {
            show::show(context, &look_at(context, session, run.as_deref())?)
        }
        RunCommand::Verify { run } => {
            verify::verify(context, &look_at(context, session, run.as_deref())?)
        }
        RunCommand::Complete { run } => end::complete(context, session, run.as_deref()),
        RunCommand::Fail { run, message } => {
            end::fail(context, session, run.as_deref(), message.as_deref())
        }
        RunCommand::Cancel { run } => end::cancel(context, session, run.as_deref()),
        RunCommand::Delete { runs } => delete::delete(context, session, runs),
        RunCommand::Restore { runs } => delete::restore(context, runs),
        RunCommand::Submit(command) => submit::submit(context, session, talk, command),
        RunCommand::Logs { run, follow, file, tail } => {
            let run = look_at(context, session, run.as_deref())?;
            let file = file.as_deref().unwrap_or(STANDARD_LOG);
            match follow {
                true => logs::follow(context, talk, &run, file),
                false => logs::print(context, &run, file, *tail),
            }
        }
        RunCommand::Compare { runs, experiment, limit, all } => {
            let runs = match experiment {
                Some(experiment) => compare::newest(context, session, experiment, *limit)?,
                None => compare::named(context, runs)?,
            };
            compare::compare(&runs, *all)
        }
        RunCommand::Tag { tags, remove, run } => {
            let run = look_at(context, session, run.as_deref())?;
            tag::tag(context, &run, self::tags(tags), remove.clone())
        }
        RunCommand::Metrics { run, name } => {
            let run = look_at(context, session, run.as_deref())?;
            match name {
                Some(name) => metrics::points(context, &run, name),
                None => metrics::summary(context, &run),
            }
        }
        RunCommand::Download { path, run, to, force } => {
            let run = look_at(context, session, run.as_deref())?;
            download::download(context, talk, &run, path, to, *force)
        }
        RunCommand::Export { run, html, force } => {
            let run = look_at(context, session, run.as_deref())?;
            export::export(context, &run, html.clone().flatten(), *force)
        }
        RunCommand::Details(details) => {
            let run = look_at(context, session, details.run.as_deref())?;
            details::details(context, session, &run)
        }
        RunCommand::Log(command) => log::log(context, session, talk, command),
        RunCommand::LogRow(command) => log::log_row(context, session, talk, command),
        RunCommand::LogImage(command) => log::log_image(context, session, talk, command),
        RunCommand::Upload(command) => upload::upload(context, session, talk, command),
    }
}

/// The run to look at: the named one, else the active or last one, else the workspace's newest.
fn look_at(context: &Context, session: &Session, named: Option<&str>) -> Result<Run> {
    if let Some(run) = named.or(session.run_id.as_deref()).or(session.last_run_id.as_deref()) {
        return context.client.run(run);
    }
    let newest = RunQuery { limit: Some(1), ..RunQuery::default() };
    let page = context.client.runs(&session.workspace, &newest)?;
    match page.items.into_iter().next() {
        // Asked for by itself, so that what was just logged is in it.
        Some(run) => context.client.run(&run.run_id),
        None => Err(ApiError::invalid(format!("workspace `{}` has no run", session.workspace))
            .hint(format!(
                "start one with {} or {}",
                context.say("run start"),
                context.say("submit SCRIPT")
            ))
            .into()),
    }
}

/// The run to change: the named or the active one; nothing is guessed.
fn active(context: &Context, session: &Session, named: Option<&str>) -> Result<Run> {
    match named.or(session.run_id.as_deref()) {
        Some(run) => context.client.run(run),
        None => Err(ApiError::invalid("no run is active")
            .hint(format!(
                "name one, {} lists them, or start one with {}",
                context.say("run list"),
                context.say("run start")
            ))
            .into()),
    }
}

pub(crate) fn tags(pairs: &[KeyValue]) -> StringMap {
    pairs.iter().map(|pair| (pair.key.clone(), pair.value.clone())).collect()
}

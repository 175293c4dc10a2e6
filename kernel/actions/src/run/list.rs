use lazuli::Result;
use lazuli::client::RunQuery;
use lazuli_domain::Run;
use serde_json::json;

use crate::show::{age, last_values, now_ms, run_duration};
use crate::{Context, Outcome, Session, Table};

/// The daemon gives at most so many at once.
const PAGE: u32 = 1000;

pub(super) fn list(context: &Context, session: &Session, mut query: RunQuery) -> Result<Outcome> {
    check_names(context, session, &mut query)?;
    let chosen = query.experiment.is_some()
        || query.status.is_some()
        || query.parent.is_some()
        || query.filter.is_some();
    let nothing = match chosen {
        true => format!("workspace `{}` has no such run", session.workspace),
        false => format!("workspace `{}` has no runs", session.workspace),
    };
    let mut left = query.limit.unwrap_or(PAGE);
    let mut runs: Vec<Run> = Vec::new();
    while left > 0 {
        query.limit = Some(left.min(PAGE));
        let page = context.client.runs(&session.workspace, &query)?;
        left = left.saturating_sub(page.items.len().max(1) as u32);
        runs.extend(page.items);
        query.cursor = page.next_cursor;
        if query.cursor.is_none() {
            break;
        }
    }
    let more = query.cursor.is_some();
    let mut outcome = Outcome::table(&table(&runs).when_empty(nothing), &runs)?;
    if more {
        outcome
            .text
            .push_str(&format!("\n… there are more than {}; `--limit` shows more", runs.len()));
    }
    Ok(outcome)
}

pub(super) fn count(context: &Context, session: &Session, mut query: RunQuery) -> Result<Outcome> {
    check_names(context, session, &mut query)?;
    let count = context.client.count_runs(&session.workspace, &query)?;
    Outcome::new(count.to_string(), &json!({ "count": count }))
}

/// What is not there has no runs either, and is told.
fn check_names(context: &Context, session: &Session, query: &mut RunQuery) -> Result<()> {
    if let Some(parent) = &query.parent {
        query.parent = Some(context.client.run(parent)?.run_id);
    }
    if let Some(experiment) = &query.experiment {
        context.client.experiment(&session.workspace, experiment)?;
    }
    Ok(())
}

fn table(runs: &[Run]) -> Table {
    let named = runs.iter().any(|run| run.name != run.run_id);
    let mut headings =
        vec!["Run", "Name", "Experiment", "Status", "Started", "Duration", "Metrics"];
    if !named {
        headings.remove(1);
    }
    let headings = headings.into_iter().map(str::to_owned).collect();
    let mut table = Table::with_headings(headings);
    let now = now_ms();
    for run in runs {
        let mut cells = vec![
            run.run_id.clone(),
            if run.name == run.run_id { String::new() } else { run.name.clone() },
            run.experiment.clone(),
            run.status.to_string(),
            run.started_at_ms.map(|time| age(time, now)).unwrap_or_default(),
            run_duration(run, now),
            last_values(&run.metrics),
        ];
        if !named {
            cells.remove(1);
        }
        table.row(cells);
    }
    table
}

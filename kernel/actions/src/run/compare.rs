use std::collections::BTreeSet;

use lazuli::Result;
use lazuli::client::RunQuery;
use lazuli_domain::{ApiError, MetricKind, MetricSummary, Run, StringMap};

use crate::show::{now_ms, number, run_duration, value};
use crate::{Context, Outcome, Session, Table};

pub(super) fn named(context: &Context, names: &[String]) -> Result<Vec<Run>> {
    if names.len() < 2 {
        return Err(ApiError::invalid("a comparison needs two runs or more")
            .hint(format!(
                "name them, or take the newest of an experiment: {}",
                context.say("run compare --experiment NAME")
            ))
            .into());
    }
    names.iter().map(|name| context.client.run(name)).collect()
}

pub(super) fn newest(
    context: &Context,
    session: &Session,
    experiment: &str,
    limit: u32,
) -> Result<Vec<Run>> {
    let workspace = &session.workspace;
    context.client.experiment(workspace, experiment)?;
    let query = RunQuery {
        experiment: Some(experiment.to_owned()),
        limit: Some(limit),
        ..RunQuery::default()
    };
    let runs = context.client.runs(workspace, &query)?.items;
    if runs.len() < 2 {
        let found = runs.len();
        return Err(ApiError::invalid(format!(
            "a comparison needs two runs or more, experiment `{experiment}` has {found}"
        ))
        .hint("choose another experiment, or name the runs")
        .into());
    }
    Ok(runs)
}

/// One row per thing, one column per run; a row whose cells are all the same is left out unless
/// `all` are wanted.
pub(super) fn compare(runs: &[Run], all: bool) -> Result<Outcome> {
    let mut rows = facts(runs);
    rows.extend(pairs(runs, "parameter", |run| &run.parameters));
    rows.extend(metrics(runs));
    rows.extend(pairs(runs, "tag", |run| &run.tags));
    rows.extend(pairs(runs, "property", |run| &run.properties));
    let shown =
        rows.iter().filter(|(_, cells)| all || cells.windows(2).any(|two| two[0] != two[1]));
    let mut headings = vec![String::new()];
    headings.extend(runs.iter().map(|run| run.run_id.clone()));
    let mut table = Table::with_headings(headings)
        .when_empty("the runs differ in nothing; `--all` shows what they have in common");
    for (name, cells) in shown {
        let mut row = vec![name.clone()];
        row.extend(cells.iter().cloned());
        table.row(row);
    }
    Outcome::table(&table, &runs)
}

type Row = (String, Vec<String>);

fn facts(runs: &[Run]) -> Vec<Row> {
    let now = now_ms();
    let row = |name: &str, cell: &dyn Fn(&Run) -> String| {
        (name.to_owned(), runs.iter().map(cell).collect())
    };
    vec![
        row("name", &|run| if run.name == run.run_id { String::new() } else { run.name.clone() }),
        row("experiment", &|run| run.experiment.clone()),
        row("status", &|run| run.status.to_string()),
        row("duration", &|run| run_duration(run, now)),
        row("compute", &|run| run.compute.clone()),
    ]
}

fn pairs(runs: &[Run], what: &str, map: impl Fn(&Run) -> &StringMap) -> Vec<Row> {
    let keys: BTreeSet<&String> = runs.iter().flat_map(|run| map(run).keys()).collect();
    keys.into_iter()
        .map(|key| {
            let cells = runs.iter().map(|run| map(run).get(key).cloned().unwrap_or_default());
            (format!("{what} {key}"), cells.collect())
        })
        .collect()
}

fn metrics(runs: &[Run]) -> Vec<Row> {
    let mut names: Vec<&str> = Vec::new();
    for metric in runs.iter().flat_map(|run| &run.metrics) {
        if !names.contains(&metric.name.as_str()) {
            names.push(&metric.name);
        }
    }
    let mut rows = Vec::new();
    for name in names {
        let of_runs: Vec<Option<&MetricSummary>> =
            runs.iter().map(|run| run.metrics.iter().find(|metric| metric.name == name)).collect();
        let cells = |cell: &dyn Fn(&MetricSummary) -> String| -> Vec<String> {
            of_runs.iter().map(|metric| metric.map(cell).unwrap_or_default()).collect()
        };
        rows.push((name.to_owned(), cells(&|metric| value(metric.kind, &metric.last))));
        let is_series = of_runs
            .iter()
            .flatten()
            .any(|metric| metric.count > 1 && metric.kind == MetricKind::Scalar);
        if is_series {
            let shown =
                |value: Option<lazuli_domain::Number>| value.map(number).unwrap_or_default();
            rows.push((format!("{name} (min)"), cells(&|metric| shown(metric.min))));
            rows.push((format!("{name} (max)"), cells(&|metric| shown(metric.max))));
        }
    }
    rows
}

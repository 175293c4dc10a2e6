use lazuli::Result;
use lazuli_domain::{Artifact, Run, RunKind};
use serde_json::json;

use super::metrics;
use crate::outcome::to_json;
use crate::show::{age, byte_size, count, date_time, now_ms, pairs, run_duration};
use crate::table::escape;
use crate::{Context, Outcome, Table};

pub(super) fn show(context: &Context, run: &Run) -> Result<Outcome> {
    let artifacts = context.client.artifacts(&run.run_id, "")?;
    let children = context.client.children(&run.run_id)?;
    let facts = facts(run, &children);
    let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let mut text: Vec<String> =
        facts.iter().map(|(name, value)| format!("{name:<width$}  {value}")).collect();
    let mut html = String::from("<table><tbody>");
    for (name, value) in &facts {
        html.push_str(&format!("<tr><th style=\"text-align:left\">{name}</th>"));
        html.push_str(&format!("<td style=\"text-align:left\">{}</td></tr>", escape(value)));
    }
    html.push_str("</tbody></table>");
    let files = files_table(&artifacts);
    for (shown, table) in
        [(!run.metrics.is_empty(), metrics::summary_table(run)), (!artifacts.is_empty(), files)]
    {
        if shown {
            text.push(format!("\n{}", table.text()));
            html.push_str(&table.html());
        }
    }
    let mut json = to_json(run)?;
    json["artifacts"] = to_json(&artifacts)?;
    json["children"] = json!(children.iter().map(|child| &child.run_id).collect::<Vec<_>>());
    Ok(Outcome { text: text.join("\n"), html: Some(html), json, ..Outcome::default() })
}

fn facts(run: &Run, children: &[Run]) -> Vec<(&'static str, String)> {
    let now = now_ms();
    let mut facts = vec![("Run", run.run_id.clone())];
    let mut fact = |name, value: String| {
        if !value.is_empty() {
            facts.push((name, value));
        }
    };
    fact("Name", if run.name == run.run_id { String::new() } else { run.name.clone() });
    fact("Status", run.status.to_string());
    fact("Waits", run.activity.clone().unwrap_or_default());
    fact("Experiment", run.experiment.clone());
    fact("Workspace", run.workspace.clone());
    fact(
        "Kind",
        match run.kind {
            RunKind::Interactive => "interactive".to_owned(),
            RunKind::Script => format!("script on `{}`", run.compute),
            RunKind::Cell => "cell".to_owned(),
        },
    );
    fact("User", run.user.clone());
    fact("Parent", run.parent_run_id.clone().unwrap_or_default());
    let started = run.started_at_ms.map(|time| format!("{} ({})", date_time(time), age(time, now)));
    fact("Started", started.unwrap_or_default());
    fact("Duration", run_duration(run, now));
    fact("Tags", pairs(&run.tags));
    fact("Properties", pairs(&run.properties));
    fact("Parameters", pairs(&run.parameters));
    if let Some(error) = &run.error {
        fact("Error", error.message.clone());
        fact("Exit code", error.exit_code.map(|code| code.to_string()).unwrap_or_default());
        fact("Signal", error.signal.map(|signal| signal.to_string()).unwrap_or_default());
    }
    fact("Deleted", run.deleted_at_ms.map(|time| age(time, now)).unwrap_or_default());
    if run.rejected_records > 0 {
        let reason = run.rejected_reason.clone().unwrap_or_default();
        fact("Rejected", format!("{}: {reason}", count(run.rejected_records, "record")));
    }
    let children = children.iter().map(|child| format!("{} ({})", child.run_id, child.status));
    fact("Children", children.collect::<Vec<_>>().join(", "));
    facts
}

fn files_table(artifacts: &[Artifact]) -> Table {
    let mut table = Table::new(["File", "Size"]);
    for artifact in artifacts {
        table.row(vec![artifact.path.clone(), byte_size(artifact.size)]);
    }
    table
}

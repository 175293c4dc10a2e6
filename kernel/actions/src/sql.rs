//! SELECT over registered datasets.

use lazuli::Result;
use lazuli_commands::table::SqlOptions;
use lazuli_domain::{ApiError, Plot, PlotKind, SqlAnswer, SqlRequest, TableColumn, TablePreview};
use serde_json::Value;

use crate::{Caller, Context, Outcome, Session, Talk};

const LISTED: u64 = 50;
/// Of a chart, a variable, JSON or CSV.
const KEPT: u64 = 10_000;

/// Asks and shows. What `--output` keeps is the outcome's JSON.
pub fn sql(
    context: &Context,
    session: &Session,
    talk: &mut dyn Talk,
    query: &str,
    options: &SqlOptions,
    as_json: bool,
) -> Result<Outcome> {
    if options.output.is_some() && context.caller == Caller::Shell {
        return Err(ApiError::invalid("`--output` names a variable, and a shell has none")
            .hint("say `--json` or `--csv`, and `> FILE`")
            .into());
    }
    if query.trim().is_empty() {
        return Err(ApiError::invalid("the query is empty")
            .hint("for instance `SELECT * FROM diabetes`")
            .into());
    }
    let is_kept = as_json || options.csv || options.plot.is_some() || options.output.is_some();
    let rows = options.limit.unwrap_or(if is_kept { KEPT } else { LISTED });
    // What is kept is for a variable or a file; what is shown is read.
    let shown = if is_kept { rows.min(LISTED) } else { rows };
    let asked = SqlRequest { sql: query.to_owned(), rows, shown, plot: plot(options) };
    let SqlAnswer { preview, html, text } = context.client.sql(&session.workspace, &asked)?;
    if preview.has_more && is_kept {
        talk.note(&format!(
            "there are more than {} rows; `--limit` takes more of them",
            preview.rows.len()
        ));
    }
    if options.csv {
        return Outcome::new(csv(&preview).trim_end(), &preview);
    }
    Ok(Outcome { html: Some(html), ..Outcome::new(text, &preview)? })
}

fn plot(options: &SqlOptions) -> Option<Plot> {
    let kind = match options.plot.as_deref()? {
        "bar" => PlotKind::Bar,
        "scatter" => PlotKind::Scatter,
        _ => PlotKind::Line,
    };
    Some(Plot { kind, x: options.x.clone(), y: options.y.clone() })
}

/// RFC 4180, with line ends as the shell has them. What is missing is empty; an empty text is `""`.
fn csv(preview: &TablePreview) -> String {
    let mut lines = vec![line(preview.columns.iter().map(|TableColumn { name, .. }| quoted(name)))];
    for row in &preview.rows {
        lines.push(line(row.iter().map(|value| match value {
            Value::Null => String::new(),
            Value::String(text) if text.is_empty() => "\"\"".to_owned(),
            Value::String(text) => quoted(text),
            other => quoted(&other.to_string()),
        })));
    }
    lines.join("\n")
}

fn line(cells: impl Iterator<Item = String>) -> String {
    cells.collect::<Vec<_>>().join(",")
}

fn quoted(text: &str) -> String {
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_separated_and_told_apart() {
        let column = |name: &str| TableColumn { name: name.into(), data_type: "string".into() };
        let preview = TablePreview {
            columns: vec![column("a"), column("b,c")],
            rows: vec![
                vec![json!("say \"hi\""), json!(1.5)],
                vec![json!(""), json!(null)],
                vec![json!("two\nlines"), json!(true)],
            ],
            has_more: false,
        };
        let expected = "a,\"b,c\"\n\"say \"\"hi\"\"\",1.5\n\"\",\n\"two\nlines\",true";
        assert_eq!(csv(&preview), expected);
    }
}

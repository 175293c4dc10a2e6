use serde_json::{Value, json};
use tower_lsp_server::ls_types::{CodeLens, CodeLensParams, Command, Range};

use crate::analysis::{magics, runs};
use crate::documents::{Document, Language};
use crate::main_loop::Snapshot;
use crate::names::RunNote;

/// "Submit to local ▾ | last run ✓ 0.87 | Compare" above a script that can be submitted, or a
/// `%%submit` cell.
pub fn code_lenses(snapshot: &Snapshot, params: &CodeLensParams) -> Option<Vec<CodeLens>> {
    let document = snapshot.documents.get(&params.text_document.uri)?;
    let script = submitted_as(document)?;
    let range = Range::default();
    let uri = params.text_document.uri.as_str();
    let lens = |title: String, command: &str, arguments: Vec<Value>| CodeLens {
        range,
        command: Some(Command { title, command: command.into(), arguments: Some(arguments) }),
        data: None,
    };
    let mut lenses = vec![
        lens(
            "Submit to local".into(),
            "lazuli.submit",
            vec![json!(uri), json!({ "words": ["--compute", "local"] })],
        ),
        lens("▾".into(), "lazuli.chooseCompute", vec![json!(uri)]),
    ];
    let runs: Vec<&RunNote> = snapshot
        .names
        .runs
        .iter()
        .filter(|run| run.script.as_deref().is_some_and(|name| is_same(name, &script)))
        .collect();
    if let Some(last) = runs.first() {
        lenses.push(lens(
            format!("last run {}", last.in_brief()),
            "lazuli.showRun",
            vec![json!(last.run_id)],
        ));
    }
    if runs.len() > 1 {
        let ids: Vec<&str> = runs.iter().take(5).map(|run| run.run_id.as_str()).collect();
        lenses.push(lens("Compare".into(), "lazuli.compareRuns", vec![json!(ids)]));
    }
    Some(lenses)
}

/// The name of the script that the document is when it is submitted; none for what is none.
fn submitted_as(document: &Document) -> Option<String> {
    if document.is_cell() {
        let words = magics::words(&document.text, document.language);
        let first = words.first().filter(|word| {
            word.text == "submit" && document.text[..word.span.end].trim_start().starts_with("%%")
        })?;
        let name = words.iter().skip(1).find(|word| {
            matches!(
                word.kind,
                lazuli_commands::editor::PartKind::Name(lazuli_commands::NameKind::File)
            ) && word.span.start > first.span.end
        });
        return Some(name.map_or("cell.py".into(), |word| word.text.clone()));
    }
    let is_entry = document.language == Language::Python && runs::habits(&document.text).is_entry;
    let path = document.path().filter(|_| is_entry)?;
    Some(path.file_name()?.to_string_lossy().into_owned())
}

fn is_same(submitted: &str, script: &str) -> bool {
    submitted.rsplit('/').next() == script.rsplit('/').next()
}

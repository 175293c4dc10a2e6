use lazuli_commands::NameKind;
use lazuli_domain::Environment;
use tower_lsp_server::ls_types::{Diagnostic, DiagnosticSeverity, NumberOrString};

use super::{defined_before, names_in, script_path, script_text};
use crate::analysis::places::Role;
use crate::analysis::{Finding, Severity, magics, runs, scripts};
use crate::documents::{Document, Language};
use crate::main_loop::Snapshot;

pub const SOURCE: &str = "lazuli";

pub fn diagnostics(snapshot: &Snapshot, document: &Document) -> Vec<Diagnostic> {
    findings(snapshot, document)
        .into_iter()
        .map(|finding| Diagnostic {
            range: document.lines.range(&document.text, &finding.span),
            severity: Some(match finding.severity {
                Severity::Error => DiagnosticSeverity::ERROR,
                Severity::Warning => DiagnosticSeverity::WARNING,
            }),
            code: Some(NumberOrString::String(SOURCE.into())),
            source: Some(SOURCE.into()),
            message: finding.message,
            ..Diagnostic::default()
        })
        .collect()
}

pub fn findings(snapshot: &Snapshot, document: &Document) -> Vec<Finding> {
    let mut findings = Vec::new();
    if document.is_cell() {
        let cells = match document.is_whole_notebook() {
            true => magics::cells(&document.text),
            false => std::iter::once(0..document.text.len()).collect(),
        };
        for cell in cells {
            findings.extend(magics::findings(&document.text, cell, document.language));
        }
    }
    findings.extend(missing_names(snapshot, document));
    if document.language == Language::Python {
        findings.extend(submissions(snapshot, document));
        if !document.is_cell() {
            findings.extend(habits(document));
        }
    }
    findings.sort_by_key(|finding| finding.span.start);
    findings
}

/// Names of what must be there and is not.
fn missing_names(snapshot: &Snapshot, document: &Document) -> Vec<Finding> {
    let names = &snapshot.names;
    if !names.is_known {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for place in names_in(document) {
        let name = &document.text[place.span.clone()];
        let is_checked = matches!(
            place.kind,
            NameKind::Dataset
                | NameKind::Model
                | NameKind::Datastore
                | NameKind::Compute
                | NameKind::Environment
        );
        if place.role != Role::Use
            || !is_checked
            || name.is_empty()
            // Curated names resolve by what they say, listed or not.
            || place.kind == NameKind::Environment && Environment::is_reserved(name)
            || names.get(place.kind, name).is_some()
        {
            continue;
        }
        let defined = defined_before(snapshot, document, place.span.start);
        // A notebook that makes the compute target when it is missing asks for it first.
        let is_made = place.kind == NameKind::Compute && makes_compute(snapshot, document);
        if is_made || defined.iter().any(|(kind, known)| *kind == place.kind && known == name) {
            continue;
        }
        let message =
            format!("no {} `{name}` in workspace `{}`", place.kind.as_str(), names.workspace);
        let known = names.all(place.kind).iter().map(|entry| entry.name.as_str());
        let known: Vec<&str> = known
            .chain(
                defined
                    .iter()
                    .filter(|(kind, _)| *kind == place.kind)
                    .map(|(_, name)| name.as_str()),
            )
            .collect();
        findings.push(magics::with_nearest(place.span.clone(), message, name, known));
    }
    findings
}

fn makes_compute(snapshot: &Snapshot, document: &Document) -> bool {
    let makes = |text: &str| {
        text.contains("provisioning_configuration") || text.contains("ComputeTarget.create")
    };
    makes(&document.text)
        || snapshot.documents.before(document).iter().any(|cell| makes(&cell.text))
}

/// Arguments against the script that is submitted.
fn submissions(snapshot: &Snapshot, document: &Document) -> Vec<Finding> {
    let skip = magics::foreign(&document.text, document.language);
    let mut findings = Vec::new();
    for submission in scripts::submissions(&document.text, &skip) {
        let Some(given) = &submission.script else { continue };
        let source = submission.source.as_ref().map(|source| source.text.as_str());
        let Some(path) = script_path(document, source, &given.text) else { continue };
        let Some(text) = script_text(snapshot, &path) else {
            // A folder that a variable names, or a file that an earlier cell writes, is not known.
            let is_literal =
                submission.source.is_some() || source_is_absent(&document.text, &submission.call);
            if is_literal
                && !path.exists()
                && !is_written(snapshot, document, &given.text)
                && path.parent().is_some_and(std::path::Path::is_dir)
            {
                let message =
                    format!("there is no script `{}` in `{}`", given.text, source.unwrap_or("."));
                findings.push(Finding::warning(given.span.clone(), message));
            }
            continue;
        };
        let script = scripts::read_script(&text);
        findings.extend(scripts::compare(&submission, &script, &given.text));
    }
    findings
}

fn source_is_absent(text: &str, call: &crate::analysis::Span) -> bool {
    let rest = &text[call.end..];
    !rest[..rest.find(')').unwrap_or(rest.len())].contains("source_directory")
}

/// `%%writefile` in a cell before.
fn is_written(snapshot: &Snapshot, document: &Document, script: &str) -> bool {
    let name = script.rsplit('/').next().unwrap_or(script);
    snapshot.documents.before(document).iter().any(|cell| {
        let line = cell.text.trim_start().lines().next().unwrap_or_default();
        line.starts_with("%%writefile") && line.contains(name)
    })
}

/// What a script that is submitted had better do otherwise.
fn habits(document: &Document) -> Vec<Finding> {
    let habits = runs::habits(&document.text);
    let mut findings = Vec::new();
    if let (true, false, false, Some(place)) =
        (habits.gets_run, habits.logs, habits.uses_mlflow, habits.place)
    {
        findings.push(Finding::warning(
            place,
            "this script logs nothing: `run.log(name, value)` keeps a metric with its run",
        ));
    }
    if habits.is_entry && habits.gets_run {
        for (span, path) in habits.writes {
            let mut finding = Finding::warning(
                span.clone(),
                format!("`{path}` is not kept with the run; what lies in `outputs/` is"),
            );
            let fixed = format!("outputs/{}", path.trim_start_matches("./"));
            finding.fix = Some(crate::analysis::Fix {
                title: format!("Write to `{fixed}`"),
                span,
                text: fixed,
            });
            findings.push(finding);
        }
    }
    findings
}

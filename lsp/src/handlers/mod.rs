//! One request each: convert in, ask the analysis, convert out.

pub mod code_action;
pub mod code_lens;
pub mod completion;
pub mod definition;
pub mod diagnostics;
pub mod hover;
pub mod inlay_hint;
pub mod semantic_tokens;
pub mod signature_help;
pub mod symbols;

use std::path::PathBuf;

use lazuli_commands::NameKind;

use crate::analysis::columns::Variables;
use crate::analysis::places::{Place, Role, places};
use crate::analysis::scripts::{self, Script};
use crate::analysis::{Span, magics};
use crate::documents::{Document, Language};
use crate::main_loop::Snapshot;

/// Every name that the document says, in code and in magics.
pub fn names_in(document: &Document) -> Vec<Place> {
    let skip = magics::foreign(&document.text, document.language);
    let mut found = match document.language {
        Language::Python | Language::Rust => places(&document.text, document.language, &skip),
        Language::Yaml => crate::analysis::job_file::places(&document.text),
        Language::Other => Vec::new(),
    };
    if document.is_cell() {
        found.extend(magics::places(&document.text, document.language));
    }
    found.sort_by_key(|place| place.span.start);
    found
}

/// The datasets that the document reads.
pub fn tables_in(document: &Document) -> Vec<String> {
    let places = names_in(document).into_iter();
    let read =
        places.filter(|place| place.kind == NameKind::Dataset && place.role != Role::Definition);
    read.map(|place| document.text[place.span].to_owned()).collect()
}

/// The name in which the cursor stands; it may be empty.
pub fn name_at(document: &Document, cursor: usize) -> Option<Place> {
    names_in(document)
        .into_iter()
        .find(|place| place.span.start <= cursor && cursor <= place.span.end)
}

/// Names that the notebook makes before this place.
pub fn defined_before(
    snapshot: &Snapshot,
    document: &Document,
    before: usize,
) -> Vec<(NameKind, String)> {
    let mut found = Vec::new();
    for cell in snapshot.documents.before(document) {
        found.extend(definitions(&cell, usize::MAX));
    }
    found.extend(definitions(document, before));
    found
}

fn definitions(document: &Document, before: usize) -> Vec<(NameKind, String)> {
    names_in(document)
        .into_iter()
        .filter(|place| place.role == Role::Definition && place.span.start < before)
        .map(|place| (place.kind, document.text[place.span].to_owned()))
        .collect()
}

/// What the variables hold that the cells before this one assign.
pub fn variables_before(snapshot: &Snapshot, document: &Document) -> Variables {
    let mut variables = Variables::default();
    for cell in snapshot.documents.before(document) {
        if cell.language == Language::Python {
            variables.read(&cell.text, &magics::foreign(&cell.text, cell.language));
        }
    }
    variables
}

/// The script that a submission names, as the editor has it or else as it lies on the disk.
pub fn script_text(snapshot: &Snapshot, path: &PathBuf) -> Option<String> {
    let open = snapshot
        .documents
        .iter()
        .find(|document| !document.is_cell() && document.path().as_ref() == Some(path));
    match open {
        Some(document) => Some(document.text.clone()),
        None => std::fs::read_to_string(path).ok().filter(|text| text.len() < 2_000_000),
    }
}

/// The flag at the cursor in the arguments of a submission, and the script that takes it.
pub fn flag_at(
    snapshot: &Snapshot,
    document: &Document,
    cursor: usize,
) -> Option<(scripts::Given, Script)> {
    if document.language != Language::Python {
        return None;
    }
    let skip = magics::foreign(&document.text, document.language);
    let submissions = scripts::submissions(&document.text, &skip);
    submissions.into_iter().find_map(|submission| {
        let flag = submission.flag_at(cursor)?.clone();
        let source = submission.source.as_ref().map(|source| source.text.as_str());
        let path = script_path(document, source, &submission.script.as_ref()?.text)?;
        Some((flag, scripts::read_script(&script_text(snapshot, &path)?)))
    })
}

/// Where a script lies: in the source folder, which begins in the document's folder.
pub fn script_path(document: &Document, source: Option<&str>, script: &str) -> Option<PathBuf> {
    let folder = document.folder()?;
    Some(folder.join(source.unwrap_or(".")).join(script).components().collect())
}

/// A magic of the document at the cursor, and where its text begins.
pub fn magic_at(document: &Document, cursor: usize) -> Option<Span> {
    document.is_cell().then(|| magics::at(&document.text, cursor, document.language)).flatten()
}

use std::path::Path;

use lazuli_actions::complete_files;
use lazuli_commands::{Candidate, Catalog, CompletionKind, NameKind, complete, wanted};
use tower_lsp_server::ls_types::{
    CompletionItem, CompletionItemKind, CompletionList, CompletionParams, CompletionResponse,
    CompletionTextEdit, Documentation, MarkupContent, MarkupKind, TextEdit,
};

use super::{defined_before, flag_at, magic_at, name_at, variables_before};
use crate::analysis::{Span, magics};
use crate::documents::{Document, Language};
use crate::main_loop::Snapshot;
use crate::names::Names;

pub fn completion(snapshot: &Snapshot, params: &CompletionParams) -> Option<CompletionResponse> {
    let place = &params.text_document_position;
    let document = snapshot.documents.get(&place.text_document.uri)?;
    let cursor = document.lines.byte(&document.text, place.position);
    let (items, is_whole) = in_magic(snapshot, document, cursor)
        .or_else(|| in_code(snapshot, document, cursor))
        .or_else(|| in_columns(snapshot, document, cursor))
        .or_else(|| in_arguments(snapshot, document, cursor))?;
    Some(CompletionResponse::List(CompletionList { is_incomplete: !is_whole, items }))
}

type Found = (Vec<CompletionItem>, bool);

fn in_magic(snapshot: &Snapshot, document: &Document, cursor: usize) -> Option<Found> {
    let span = magic_at(document, cursor)?;
    let (text, place) = (&document.text[span.clone()], cursor - span.start);
    let (catalog, is_whole) = match wanted(text, place) {
        Some(wanted) => catalog(snapshot, document, wanted.kind, &wanted.prefix),
        None => (Catalog::default(), true),
    };
    let found = complete(text, place, &catalog)?;
    let replaced = span.start + found.span.start..span.start + found.span.end;
    let items = found.items.into_iter().map(|item| {
        let (kind, about) = match item.kind {
            CompletionKind::Magic => (CompletionItemKind::KEYWORD, None),
            CompletionKind::Command => (CompletionItemKind::FUNCTION, None),
            CompletionKind::Option => (CompletionItemKind::FIELD, None),
            CompletionKind::Value => (CompletionItemKind::ENUM_MEMBER, None),
            CompletionKind::Name(kind) => (item_kind(kind), snapshot.names.get(kind, &item.text)),
        };
        let documentation = about.map(|entry| plain(&entry.about));
        // Editors compare what is typed, signs included, with this text.
        edit(document, &replaced, item.text, kind, item.detail, documentation)
    });
    Some((items.collect(), is_whole))
}

/// The names that the workspace and the notebook know.
fn catalog(
    snapshot: &Snapshot,
    document: &Document,
    kind: NameKind,
    typed: &str,
) -> (Catalog, bool) {
    let mut catalog = Catalog::default();
    if kind == NameKind::File {
        catalog.files = files(document, typed);
        return (catalog, true);
    }
    let (candidates, is_whole) = snapshot.names.candidates(kind, typed);
    let candidates = candidates
        .into_iter()
        .map(|entry| Candidate::new(entry.name.clone(), entry.detail.clone()));
    let mut candidates: Vec<Candidate> = candidates.collect();
    for (defined, name) in defined_before(snapshot, document, usize::MAX) {
        if defined == kind && !candidates.iter().any(|candidate| candidate.name == name) {
            candidates.push(Candidate::new(name, "of this notebook"));
        }
    }
    if kind == NameKind::Metric {
        candidates = metrics(&snapshot.names);
    }
    let field = match kind {
        NameKind::Workspace => &mut catalog.workspaces,
        NameKind::Experiment => &mut catalog.experiments,
        NameKind::Run => &mut catalog.runs,
        NameKind::Metric => &mut catalog.metrics,
        NameKind::Model => &mut catalog.models,
        NameKind::Dataset => &mut catalog.datasets,
        NameKind::Datastore => &mut catalog.datastores,
        NameKind::Compute => &mut catalog.compute,
        NameKind::Environment => &mut catalog.environments,
        NameKind::Secret => &mut catalog.secrets,
        NameKind::File | NameKind::Artifact | NameKind::Command => return (catalog, true),
    };
    *field = candidates;
    (catalog, is_whole)
}

fn metrics(names: &Names) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = Vec::new();
    for (metric, value) in names.runs.iter().flat_map(|run| &run.metrics) {
        if !found.iter().any(|known| known.name == *metric) {
            found.push(Candidate::new(metric.clone(), format!("last {value}")));
        }
    }
    found
}

fn files(document: &Document, typed: &str) -> Vec<Candidate> {
    document.folder().map(|folder| complete_files(&folder, typed)).unwrap_or_default()
}

/// A name inside of a string.
fn in_code(snapshot: &Snapshot, document: &Document, cursor: usize) -> Option<Found> {
    let place = name_at(document, cursor)?;
    let typed = &document.text[place.span.start..cursor];
    if place.kind == NameKind::File {
        let folder = source_folder(document, place.span.start);
        let folder = document.folder()?.join(folder.unwrap_or_default());
        let items = complete_files(Path::new(&folder), typed);
        let items = items.into_iter().map(|file| {
            edit(document, &place.span, file.name, CompletionItemKind::FILE, String::new(), None)
        });
        return Some((items.collect(), true));
    }
    let (candidates, is_whole) = snapshot.names.candidates(place.kind, typed);
    let quote = document.text[..place.span.start].chars().next_back().unwrap_or('"');
    let mut items: Vec<CompletionItem> = candidates
        .into_iter()
        .map(|entry| {
            let text = escaped(&entry.name, quote);
            edit(
                document,
                &place.span,
                text,
                item_kind(place.kind),
                entry.detail.clone(),
                Some(plain(&entry.about)),
            )
        })
        .collect();
    for (kind, name) in defined_before(snapshot, document, place.span.start) {
        if kind == place.kind && snapshot.names.get(kind, &name).is_none() {
            let detail = "of this notebook".to_owned();
            items.push(edit(document, &place.span, name, item_kind(kind), detail, None));
        }
    }
    Some((items, is_whole))
}

/// The `source_directory` of the submission in which a script is named.
fn source_folder(document: &Document, place: usize) -> Option<String> {
    let skip = magics::foreign(&document.text, document.language);
    let submissions = crate::analysis::scripts::submissions(&document.text, &skip);
    submissions
        .into_iter()
        .filter(|submission| {
            submission.script.as_ref().is_some_and(|script| script.span.start == place)
        })
        .find_map(|submission| submission.source.map(|source| source.text))
}

fn in_columns(snapshot: &Snapshot, document: &Document, cursor: usize) -> Option<Found> {
    if document.language != Language::Python {
        return None;
    }
    let skip = magics::foreign(&document.text, document.language);
    let places = variables_before(snapshot, document).column_places(&document.text, &skip);
    let place =
        places.into_iter().find(|place| place.span.start <= cursor && cursor <= place.span.end)?;
    let quote = document.text[..place.span.start].chars().next_back().unwrap_or('"');
    let items = snapshot.columns(&place.dataset).iter().enumerate().map(|(index, column)| {
        let text = escaped(&column.name, quote);
        let mut item = edit(
            document,
            &place.span,
            text,
            CompletionItemKind::FIELD,
            column.data_type.clone(),
            None,
        );
        // As they stand in the table.
        item.sort_text = Some(format!("{index:06}"));
        item
    });
    Some((items.collect(), true))
}

/// `arguments=['--`: what the script declares.
fn in_arguments(snapshot: &Snapshot, document: &Document, cursor: usize) -> Option<Found> {
    let (flag, script) = flag_at(snapshot, document, cursor)?;
    let items = script.arguments.iter().filter_map(|argument| {
        let name = argument.flag()?.clone();
        let kind = CompletionItemKind::FIELD;
        let about = Some(plain(&argument.in_words()));
        let detail = argument.type_name.clone().unwrap_or_default();
        Some(edit(document, &flag.span, name, kind, detail, about))
    });
    Some((items.collect(), true))
}

fn escaped(name: &str, quote: char) -> String {
    name.replace('\\', "\\\\").replace(quote, &format!("\\{quote}"))
}

fn edit(
    document: &Document,
    span: &Span,
    text: String,
    kind: CompletionItemKind,
    detail: String,
    documentation: Option<Documentation>,
) -> CompletionItem {
    CompletionItem {
        label: text.clone(),
        kind: Some(kind),
        detail: (!detail.is_empty()).then_some(detail),
        documentation,
        filter_text: Some(text.clone()),
        text_edit: Some(CompletionTextEdit::Edit(TextEdit::new(
            document.lines.range(&document.text, span),
            text,
        ))),
        ..CompletionItem::default()
    }
}

/// Never Markdown: names and descriptions come from anybody.
fn plain(text: &str) -> Documentation {
    Documentation::MarkupContent(MarkupContent {
        kind: MarkupKind::PlainText,
        value: text.to_owned(),
    })
}

fn item_kind(kind: NameKind) -> CompletionItemKind {
    match kind {
        NameKind::File | NameKind::Artifact => CompletionItemKind::FILE,
        NameKind::Metric => CompletionItemKind::FIELD,
        NameKind::Secret => CompletionItemKind::CONSTANT,
        NameKind::Command => CompletionItemKind::FUNCTION,
        _ => CompletionItemKind::VALUE,
    }
}

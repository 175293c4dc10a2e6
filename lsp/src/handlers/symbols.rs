use lazuli_commands::NameKind;
use tower_lsp_server::ls_types::{
    DocumentSymbol, DocumentSymbolParams, DocumentSymbolResponse, Location, OneOf, Range,
    SymbolInformation, SymbolKind, WorkspaceSymbol, WorkspaceSymbolParams, WorkspaceSymbolResponse,
};

use super::definition::address;
use crate::analysis::{magics, runs};
use crate::main_loop::Snapshot;

/// The places where a notebook or a script makes runs.
#[allow(deprecated, reason = "the protocol's struct has a field that is")]
pub fn document_symbols(
    snapshot: &Snapshot,
    params: &DocumentSymbolParams,
) -> Option<DocumentSymbolResponse> {
    let document = snapshot.documents.get(&params.text_document.uri)?;
    let skip = magics::foreign(&document.text, document.language);
    let starts = runs::starts(&document.text, document.language, &skip);
    let symbols: Vec<(String, Range)> = starts
        .into_iter()
        .map(|start| (start.label, document.lines.range(&document.text, &start.span)))
        .collect();
    if !snapshot.has_symbol_trees {
        let flat = symbols.into_iter().map(|(name, range)| SymbolInformation {
            name,
            kind: SymbolKind::EVENT,
            tags: None,
            deprecated: None,
            location: Location::new(document.uri.clone(), range),
            container_name: Some("run".into()),
        });
        return Some(DocumentSymbolResponse::Flat(flat.collect()));
    }
    let nested = symbols.into_iter().map(|(name, range)| DocumentSymbol {
        name,
        detail: Some("run".into()),
        kind: SymbolKind::EVENT,
        tags: None,
        deprecated: None,
        range,
        selection_range: range,
        children: None,
    });
    Some(DocumentSymbolResponse::Nested(nested.collect()))
}

const KINDS: [(NameKind, SymbolKind); 8] = [
    (NameKind::Experiment, SymbolKind::NAMESPACE),
    (NameKind::Run, SymbolKind::EVENT),
    (NameKind::Model, SymbolKind::OBJECT),
    (NameKind::Dataset, SymbolKind::ARRAY),
    (NameKind::Datastore, SymbolKind::PACKAGE),
    (NameKind::Environment, SymbolKind::MODULE),
    (NameKind::Compute, SymbolKind::CLASS),
    (NameKind::Workspace, SymbolKind::NAMESPACE),
];

/// Everything of the workspace whose name fits.
pub fn workspace_symbols(
    snapshot: &Snapshot,
    params: &WorkspaceSymbolParams,
) -> WorkspaceSymbolResponse {
    let names = &snapshot.names;
    let mut found = Vec::new();
    for (kind, symbol) in KINDS {
        for entry in names.candidates(kind, &params.query).0.into_iter().take(100) {
            let Some(uri) = address(&names.workspace, kind, &entry.name) else { continue };
            found.push(WorkspaceSymbol {
                name: entry.name.clone(),
                kind: symbol,
                tags: None,
                container_name: Some(kind.as_str().into()),
                location: OneOf::Left(Location::new(uri, Range::default())),
                data: None,
            });
        }
    }
    WorkspaceSymbolResponse::Nested(found)
}

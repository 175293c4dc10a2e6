use std::collections::HashMap;

use tower_lsp_server::ls_types::{
    CodeAction, CodeActionKind, CodeActionOrCommand, CodeActionParams, TextEdit, WorkspaceEdit,
};

use super::diagnostics;
use crate::main_loop::Snapshot;

pub fn code_action(
    snapshot: &Snapshot,
    params: &CodeActionParams,
) -> Option<Vec<CodeActionOrCommand>> {
    let uri = &params.text_document.uri;
    let document = snapshot.documents.get(uri)?;
    let asked = document.lines.span(&document.text, params.range);
    let fixes = diagnostics::findings(snapshot, document)
        .into_iter()
        .filter(|finding| finding.span.start <= asked.end && asked.start <= finding.span.end)
        .filter_map(|finding| {
            let fix = finding.fix?;
            let edit = TextEdit::new(document.lines.range(&document.text, &fix.span), fix.text);
            let matching = params.context.diagnostics.iter().filter(|known| {
                known.source.as_deref() == Some(diagnostics::SOURCE)
                    && known.range == document.lines.range(&document.text, &finding.span)
            });
            let solved: Vec<_> = matching.cloned().collect();
            Some(CodeActionOrCommand::CodeAction(CodeAction {
                title: fix.title,
                kind: Some(CodeActionKind::QUICKFIX),
                diagnostics: (!solved.is_empty()).then_some(solved),
                edit: Some(WorkspaceEdit {
                    #[allow(clippy::mutable_key_type, reason = "the protocol's own type")]
                    changes: Some(HashMap::from([(uri.clone(), vec![edit])])),
                    ..WorkspaceEdit::default()
                }),
                is_preferred: Some(true),
                ..CodeAction::default()
            }))
        })
        .collect();
    Some(fixes)
}

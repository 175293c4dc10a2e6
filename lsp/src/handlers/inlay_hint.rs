use tower_lsp_server::ls_types::{InlayHint, InlayHintLabel, InlayHintParams, InlayHintTooltip};

use crate::analysis::{magics, runs};
use crate::documents::Language;
use crate::main_loop::Snapshot;

/// The last value beside `run.log('accuracy', …)`.
pub fn inlay_hints(snapshot: &Snapshot, params: &InlayHintParams) -> Option<Vec<InlayHint>> {
    let document = snapshot.documents.get(&params.text_document.uri)?;
    if !matches!(document.language, Language::Python | Language::Rust) {
        return None;
    }
    let visible = document.lines.span(&document.text, params.range);
    let skip = magics::foreign(&document.text, document.language);
    let hints =
        runs::logged(&document.text, document.language, &skip).into_iter().filter_map(|logged| {
            let end = logged.end.filter(|end| visible.start <= *end && *end <= visible.end)?;
            let (run, value) = snapshot.names.last_value(&logged.metric)?;
            Some(InlayHint {
                position: document.lines.position(&document.text, end),
                label: InlayHintLabel::String(format!("last {value}")),
                kind: None,
                text_edits: None,
                tooltip: Some(InlayHintTooltip::String(format!(
                    "run {} of experiment {}",
                    run.name, run.experiment
                ))),
                padding_left: Some(true),
                padding_right: None,
                data: None,
            })
        });
    Some(hints.collect())
}

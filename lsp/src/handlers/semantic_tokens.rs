use lazuli_commands::editor::PartKind;
use tower_lsp_server::ls_types::{
    SemanticToken, SemanticTokenType, SemanticTokens, SemanticTokensLegend, SemanticTokensParams,
    SemanticTokensResult,
};

use crate::analysis::{Span, magics};
use crate::main_loop::Snapshot;

/// In the order of their numbers.
const TYPES: [SemanticTokenType; 6] = [
    SemanticTokenType::MACRO,
    SemanticTokenType::FUNCTION,
    SemanticTokenType::PARAMETER,
    SemanticTokenType::VARIABLE,
    SemanticTokenType::STRING,
    SemanticTokenType::COMMENT,
];

pub fn legend() -> SemanticTokensLegend {
    SemanticTokensLegend { token_types: TYPES.to_vec(), token_modifiers: Vec::new() }
}

/// The words of magics. What stands between the braces is code, and has colours already.
pub fn semantic_tokens(
    snapshot: &Snapshot,
    params: &SemanticTokensParams,
) -> Option<SemanticTokensResult> {
    let document = snapshot.documents.get(&params.text_document.uri)?;
    let mut data = Vec::new();
    if document.is_cell() {
        let (mut line, mut start) = (0, 0);
        for word in magics::words(&document.text, document.language) {
            let Some(kind) = number(word.kind) else { continue };
            // A token stands in one line.
            for span in by_lines(&document.text, word.span) {
                let range = document.lines.range(&document.text, &span);
                let delta_line = range.start.line - line;
                let delta_start = if delta_line == 0 {
                    range.start.character - start
                } else {
                    range.start.character
                };
                data.push(SemanticToken {
                    delta_line,
                    delta_start,
                    length: range.end.character - range.start.character,
                    token_type: kind,
                    token_modifiers_bitset: 0,
                });
                (line, start) = (range.start.line, range.start.character);
            }
        }
    }
    Some(SemanticTokensResult::Tokens(SemanticTokens { result_id: None, data }))
}

fn by_lines(text: &str, span: Span) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut start = span.start;
    for line in text[span].split_inclusive('\n') {
        let end = start + line.trim_end_matches(['\n', '\r']).len();
        if end > start {
            spans.push(start..end);
        }
        start += line.len();
    }
    spans
}

fn number(kind: PartKind) -> Option<u32> {
    Some(match kind {
        PartKind::Magic => 0,
        PartKind::Command => 1,
        PartKind::Option => 2,
        PartKind::Name(_) => 3,
        PartKind::Value | PartKind::ScriptArgument => 4,
        PartKind::Code => return None,
    })
}

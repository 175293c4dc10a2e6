use lazuli_commands::editor;
use tower_lsp_server::ls_types::{
    Documentation, ParameterInformation, ParameterLabel, SignatureHelp, SignatureHelpParams,
    SignatureInformation,
};

use super::magic_at;
use crate::main_loop::Snapshot;

pub fn signature_help(snapshot: &Snapshot, params: &SignatureHelpParams) -> Option<SignatureHelp> {
    let place = &params.text_document_position_params;
    let document = snapshot.documents.get(&place.text_document.uri)?;
    let cursor = document.lines.byte(&document.text, place.position);
    let magic = magic_at(document, cursor)?;
    let signature = editor::signature(&document.text[magic.clone()], cursor - magic.start)?;
    let units =
        |byte: usize| u32::try_from(signature.label[..byte].encode_utf16().count()).unwrap_or(0);
    let parameters = signature.parameters.iter().map(|(span, about)| ParameterInformation {
        label: ParameterLabel::LabelOffsets([units(span.start), units(span.end)]),
        documentation: (!about.is_empty()).then(|| Documentation::String(about.clone())),
    });
    let active = signature.active.and_then(|active| u32::try_from(active).ok());
    Some(SignatureHelp {
        signatures: vec![SignatureInformation {
            documentation: Some(Documentation::String(signature.about.clone())),
            parameters: Some(parameters.collect()),
            active_parameter: active,
            label: signature.label.clone(),
        }],
        active_signature: Some(0),
        active_parameter: active,
    })
}

use std::str::FromStr;

use lazuli_commands::NameKind;
use tower_lsp_server::ls_types::{
    GotoDefinitionParams, GotoDefinitionResponse, Location, LocationLink, Range, Uri,
};

use super::{name_at, script_path};
use crate::analysis::{magics, scripts};
use crate::documents::Document;
use crate::main_loop::Snapshot;

/// From a script's name to the file, and from a name of the workspace to its place in the explorer.
pub fn definition(
    snapshot: &Snapshot,
    params: &GotoDefinitionParams,
) -> Option<GotoDefinitionResponse> {
    let place = &params.text_document_position_params;
    let document = snapshot.documents.get(&place.text_document.uri)?;
    let cursor = document.lines.byte(&document.text, place.position);
    let name = name_at(document, cursor)?;
    let text = &document.text[name.span.clone()];
    let uri = match name.kind {
        NameKind::File => file(document, name.span.start, text)?,
        kind => {
            let entry = snapshot.names.get(kind, text)?;
            address(&snapshot.names.workspace, kind, &entry.name)?
        }
    };
    let link = LocationLink {
        origin_selection_range: Some(document.lines.range(&document.text, &name.span)),
        target_uri: uri.clone(),
        target_range: Range::default(),
        target_selection_range: Range::default(),
    };
    Some(match snapshot.has_links {
        true => GotoDefinitionResponse::Link(vec![link]),
        false => GotoDefinitionResponse::Scalar(Location::new(uri, Range::default())),
    })
}

fn file(document: &Document, place: usize, name: &str) -> Option<Uri> {
    let skip = magics::foreign(&document.text, document.language);
    let submissions = scripts::submissions(&document.text, &skip);
    let source = submissions
        .into_iter()
        .find(|submission| {
            submission.script.as_ref().is_some_and(|script| script.span.start == place)
        })
        .and_then(|submission| submission.source.map(|source| source.text));
    let path = script_path(document, source.as_deref(), name)?;
    path.is_file().then(|| Uri::from_file_path(path)).flatten()
}

/// `lazuli:/WORKSPACE/KIND/NAME`: the explorer knows it, and `lazuli/content` tells what it says.
pub fn address(workspace: &str, kind: NameKind, name: &str) -> Option<Uri> {
    let kind = kind.as_str().split(' ').next().unwrap_or_default();
    Uri::from_str(&format!("lazuli:/{}/{kind}/{}", encoded(workspace), encoded(name))).ok()
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

use lazuli_commands::NameKind;
use tower_lsp_server::ls_types::{Hover, HoverContents, HoverParams, MarkupContent, MarkupKind};

use super::{flag_at, magic_at, name_at, variables_before};
use crate::analysis::{Span, magics};
use crate::documents::{Document, Language};
use crate::main_loop::Snapshot;
use crate::names::in_lines;

pub fn hover(snapshot: &Snapshot, params: &HoverParams) -> Option<Hover> {
    let place = &params.text_document_position_params;
    let document = snapshot.documents.get(&place.text_document.uri)?;
    let cursor = document.lines.byte(&document.text, place.position);
    let (span, text) = of_name(snapshot, document, cursor)
        .or_else(|| of_magic(document, cursor))
        .or_else(|| of_column(snapshot, document, cursor))
        .or_else(|| of_argument(snapshot, document, cursor))?;
    Some(Hover {
        // Plain text: names and descriptions come from anybody.
        contents: HoverContents::Markup(MarkupContent { kind: MarkupKind::PlainText, value: text }),
        range: Some(document.lines.range(&document.text, &span)),
    })
}

fn of_name(snapshot: &Snapshot, document: &Document, cursor: usize) -> Option<(Span, String)> {
    let place = name_at(document, cursor)?;
    let entry = snapshot.names.get(place.kind, &document.text[place.span.clone()])?;
    let text = match entry.about.starts_with(place.kind.as_str()) {
        true => entry.about.clone(),
        false => format!("{} {}\n{}", place.kind.as_str(), entry.name, entry.about),
    };
    let more = match place.kind {
        NameKind::Dataset => in_lines(snapshot.columns(&entry.name)),
        NameKind::Experiment => last_runs(snapshot, &entry.name),
        _ => String::new(),
    };
    Some((place.span, text + &more))
}

/// The newest runs of an experiment, with their last metrics.
fn last_runs(snapshot: &Snapshot, experiment: &str) -> String {
    let runs = snapshot.names.runs.iter().filter(|run| run.experiment == experiment);
    runs.take(3)
        .map(|run| {
            let metrics: Vec<String> =
                run.metrics.iter().take(6).map(|(name, value)| format!("{name} {value}")).collect();
            let parts = [&[run.name.clone(), run.status.clone()], &metrics[..]].concat();
            format!("\n  {}", parts.join(", "))
        })
        .collect()
}

fn of_magic(document: &Document, cursor: usize) -> Option<(Span, String)> {
    let magic = magic_at(document, cursor)?;
    let hover = lazuli_commands::hover(&document.text[magic.clone()], cursor - magic.start)?;
    let text = hover.text.replace("```text\n", "").replace("```", "").replace('`', "");
    Some((magic.start + hover.span.start..magic.start + hover.span.end, text))
}

fn of_argument(snapshot: &Snapshot, document: &Document, cursor: usize) -> Option<(Span, String)> {
    let (flag, script) = flag_at(snapshot, document, cursor)?;
    Some((flag.span.clone(), script.argument(&flag.text)?.in_words()))
}

fn of_column(snapshot: &Snapshot, document: &Document, cursor: usize) -> Option<(Span, String)> {
    if document.language != Language::Python {
        return None;
    }
    let skip = magics::foreign(&document.text, document.language);
    let places = variables_before(snapshot, document).column_places(&document.text, &skip);
    let place =
        places.into_iter().find(|place| place.span.start <= cursor && cursor <= place.span.end)?;
    let name = &document.text[place.span.clone()];
    let column = snapshot.columns(&place.dataset).iter().find(|column| column.name == name)?;
    let text =
        format!("{}: {}\ncolumn of dataset {}", column.name, column.data_type, place.dataset);
    Some((place.span, text))
}

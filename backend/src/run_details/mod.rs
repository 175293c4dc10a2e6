//! RunDetails as a Jupyter display: the state as JSON, a static picture and plain text.
//!
//! Pure: the caller reads [`RunDetails`], this renders. The picture has to survive wherever a
//! notebook is shown, so it holds no script, no style sheet and no address: styles are inline,
//! charts are `<img>` with the drawing inside, colours work on white and on black, and where a
//! viewer drops styles and images (GitHub does) the tables still say everything.

mod chart;
mod format;
mod html;
mod metric;
mod page;
mod text;

use lazuli_domain::{DisplayBundle, MIME_RUN, RunDetails, StringMap};
use serde_json::{Map, Value};

pub use page::page;

/// What a Jupyter `display_data` message carries for the run.
pub fn bundle(details: &RunDetails) -> DisplayBundle {
    let mut data = Map::new();
    data.insert(MIME_RUN.to_owned(), state(details));
    data.insert("text/html".to_owned(), Value::String(html::render(details)));
    data.insert("text/plain".to_owned(), Value::String(text::render(details)));
    DisplayBundle {
        data,
        metadata: Map::new(),
        is_final: details.run.status.is_final(),
        sequence: details.sequence,
    }
}

/// The state without the images: the picture has them already, and a notebook should not keep
/// them twice.
fn state(details: &RunDetails) -> Value {
    let state = RunDetails { images: StringMap::new(), ..details.clone() };
    serde_json::to_value(state).expect("run details have string keys only")
}

#[cfg(test)]
mod tests;

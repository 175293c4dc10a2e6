//! Datasets and the answers of queries as a notebook shows them: a static picture and plain text.
//!
//! Pure: the caller asks the store and the query worker, this renders. As with RunDetails the picture
//! has to survive wherever a notebook is shown: no script, no style sheet, no address; styles are
//! inline, charts are `<img>` with the drawing inside, and where a viewer drops both, the tables still
//! say everything.

mod cells;
mod chart;
mod html;
mod plot;
mod text;

use lazuli_domain::{
    ApiError, Dataset, DatasetFile, DatasetUse, DisplayBundle, Plot, SqlAnswer, TablePreview,
    TableProfile,
};
use serde_json::{Map, Value};

/// Everything that is shown of a version.
#[derive(Clone, Debug)]
pub struct DatasetDetails {
    pub dataset: Dataset,
    /// Of a table.
    pub preview: Option<TablePreview>,
    pub profile: Option<TableProfile>,
    /// The figures are those of the first so many rows, because there are more than one waits for.
    pub profiled_rows: Option<u64>,
    /// Some of its files, the first ones.
    pub files: Vec<DatasetFile>,
    pub uses: Vec<DatasetUse>,
    /// Why its rows cannot be shown.
    pub problem: Option<ApiError>,
}

/// What a Jupyter `display_data` message carries for the version.
pub fn bundle(details: &DatasetDetails) -> DisplayBundle {
    let mut data = Map::new();
    data.insert("text/html".to_owned(), Value::String(html::dataset(details)));
    data.insert("text/plain".to_owned(), Value::String(text::dataset(details)));
    DisplayBundle { data, metadata: Map::new(), is_final: true, sequence: 0 }
}

/// The answer of a query as a table of at most so many rows, or drawn as it was asked.
pub fn answer(
    preview: TablePreview,
    shown: u64,
    plot: Option<&Plot>,
) -> Result<SqlAnswer, ApiError> {
    let shown = usize::try_from(shown).unwrap_or(usize::MAX);
    let html = match plot {
        Some(plot) => html::card(&plot::drawn(&preview, plot)?),
        None => html::card(&html::rows(&preview, shown)),
    };
    let text = text::rows(&preview, shown);
    Ok(SqlAnswer { preview, html, text })
}

/// `3 rows`, `the first 50 rows`, `200 rows, 50 shown`.
fn summary(preview: &TablePreview, shown: usize) -> String {
    let count = preview.rows.len();
    let rows = cells::counted(count as u64, "row");
    match (preview.has_more, count > shown) {
        (true, false) => format!("the first {rows}"),
        (false, false) => rows,
        (true, true) => format!("more than {rows}, {shown} shown"),
        (false, true) => format!("{rows}, {shown} shown"),
    }
}

#[cfg(test)]
mod tests;

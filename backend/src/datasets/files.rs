//! The list of files of a version: a blob with one [`DatasetFile`] on each line, so that a page of it
//! is read without the rest.

use std::sync::Arc;

use lazuli_domain::{ApiError, DatasetFile, Page};

use crate::app::App;
use crate::blobs::Blob;
use crate::error::{Error, Result};
use crate::store::{self, datasets::VersionRow};

const LIMIT: usize = 1000;
const LARGEST_LIMIT: usize = 10_000;

/// Which files of a version.
#[derive(Clone, Debug, Default)]
pub struct FilesPage {
    pub limit: Option<usize>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Keeps the list, and returns what keeps it until somebody refers to it.
pub(super) async fn pin(app: &App, files: &[DatasetFile]) -> Result<Blob> {
    let mut lines = Vec::new();
    for file in files {
        serde_json::to_writer(&mut lines, file)
            .map_err(|error| Error::Defect(format!("a file has no JSON form: {error}")))?;
        lines.push(b'\n');
    }
    app.blobs.store(std::io::Cursor::new(lines), None).await
}

pub(super) async fn pinned(app: &App, row: &VersionRow) -> Result<Vec<DatasetFile>> {
    lines(app, row).await?.lines().map(|line| parse(row, line)).collect()
}

/// A page of the files of a version, in the order in which they are read.
pub async fn files_of_version(
    app: &Arc<App>,
    workspace: String,
    name: String,
    version: u64,
    asked: FilesPage,
) -> Result<Page<DatasetFile>> {
    let row = app
        .store
        .read(move |database| store::datasets::row(database, &workspace, &name, Some(version)))
        .await?;
    let begin = match &asked.cursor {
        None => 0,
        Some(cursor) => cursor.parse().map_err(|_| not_a_cursor(cursor))?,
    };
    let limit = asked.limit.unwrap_or(LIMIT).clamp(1, LARGEST_LIMIT);
    let text = lines(app, &row).await?;
    let mut left = text.lines().skip(begin);
    let items = left.by_ref().take(limit).map(|line| parse(&row, line)).collect::<Result<_>>()?;
    let next_cursor = left.next().map(|_| (begin + limit).to_string());
    Ok(Page { items, next_cursor, total: Some(row.dataset.file_count) })
}

pub(super) fn not_a_cursor(cursor: &str) -> ApiError {
    let shown = lazuli_domain::shown(cursor, 40);
    ApiError::invalid(format!("`{shown}` is not a cursor"))
        .hint("give the one that came with the page before, or none for the first page")
}

async fn lines(app: &App, row: &VersionRow) -> Result<String> {
    let content = app.blobs.open_blob(&row.sha256).await?;
    let size = content.size();
    String::from_utf8(content.bytes(0, size).await?).map_err(|_| damaged(row, "it is no text"))
}

fn parse(row: &VersionRow, line: &str) -> Result<DatasetFile> {
    serde_json::from_str(line).map_err(|error| damaged(row, &error.to_string()))
}

fn damaged(row: &VersionRow, why: &str) -> Error {
    let (name, version) = (&row.dataset.name, row.dataset.version);
    Error::Defect(format!("the list of files of `{name}@{version}` is damaged: {why}"))
}

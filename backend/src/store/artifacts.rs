use lazuli_domain::{ApiError, Artifact, ArtifactPage};

use super::Connection;
use super::columns::count;
use super::sql::{Row, after_prefix, params};
use crate::error::Result;

/// Keeps the artifact; one of the same path is replaced.
pub fn put(connection: &Connection, run: i64, artifact: &Artifact) -> Result<()> {
    connection.execute(
        "INSERT INTO artifacts (run, path, size, sha256, created_at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (run, path) DO UPDATE SET size = excluded.size,
            sha256 = excluded.sha256, created_at_ms = excluded.created_at_ms",
        params![run, artifact.path, artifact.size as i64, artifact.sha256, artifact.created_at_ms],
    )?;
    Ok(())
}

/// Which artifacts a page shows.
#[derive(Clone, Debug, Default)]
pub struct ArtifactQuery {
    pub prefix: String,
    /// What lies in a folder below the prefix is one entry.
    pub by_folder: bool,
    pub limit: usize,
    pub cursor: Option<String>,
}

/// A page of files and folders, in the order of their names; the cursor is the last name shown.
pub fn page(connection: &Connection, run: i64, query: &ArtifactQuery) -> Result<ArtifactPage> {
    let prefix = query.prefix.as_str();
    if let Some(cursor) = &query.cursor
        && !cursor.starts_with(prefix)
    {
        return Err(ApiError::invalid("the cursor belongs to another list")
            .hint("give `next_cursor` of the page before, with the same prefix")
            .into());
    }
    let mut page = ArtifactPage { folders: Vec::new(), items: Vec::new(), next_cursor: None };
    // A folder's name ends with `/`, which no file's does: the list goes on behind what is below it.
    let mut beyond = match query.cursor.as_deref() {
        Some(folder) if folder.ends_with('/') && query.by_folder => after_prefix(folder),
        // The smallest text behind it: no name holds a control character.
        Some(file) => format!("{file}\u{1}"),
        None => prefix.to_owned(),
    };
    let mut last = None;
    loop {
        let shown = page.folders.len() + page.items.len();
        // One more than asked for tells whether another page follows.
        let wanted = query.limit + 1 - shown;
        let found: Vec<Artifact> = connection.rows(
            "SELECT path, size, sha256, created_at_ms FROM artifacts
             WHERE run = ?1 AND path >= ?2 AND path < ?3 ORDER BY path LIMIT ?4",
            params![run, beyond, after_prefix(prefix), wanted as i64],
            of_row,
        )?;
        let mut jump = None;
        for artifact in found {
            if page.folders.len() + page.items.len() == query.limit {
                page.next_cursor = last;
                return Ok(page);
            }
            let below = artifact.path[prefix.len()..].find('/').filter(|_| query.by_folder);
            match below {
                Some(slash) => {
                    let folder = artifact.path[..=prefix.len() + slash].to_owned();
                    last = Some(folder.clone());
                    jump = Some(after_prefix(&folder));
                    page.folders.push(folder);
                    break;
                }
                None => {
                    last = Some(artifact.path.clone());
                    page.items.push(artifact);
                }
            }
        }
        match jump {
            Some(jump) => beyond = jump,
            None => return Ok(page),
        }
    }
}

/// Artifacts whose path begins with `prefix`, by path.
pub fn list(connection: &Connection, run: i64, prefix: &str) -> Result<Vec<Artifact>> {
    connection.rows(
        "SELECT path, size, sha256, created_at_ms FROM artifacts
         WHERE run = ?1 AND path >= ?2 AND path < ?3 ORDER BY path",
        params![run, prefix, after_prefix(prefix)],
        of_row,
    )
}

/// Removes the file of that path and those below the folder of that path (of the empty one: all);
/// says how many.
pub fn remove(connection: &Connection, run: i64, path: &str) -> Result<u64> {
    let below = if path.is_empty() { String::new() } else { format!("{path}/") };
    connection.execute(
        "DELETE FROM artifacts WHERE run = ?1 AND (path = ?2 OR (path >= ?3 AND path < ?4))",
        params![run, path, below, after_prefix(&below)],
    )
}

pub fn find(connection: &Connection, run: i64, path: &str) -> Result<Option<Artifact>> {
    connection.row(
        "SELECT path, size, sha256, created_at_ms FROM artifacts WHERE run = ?1 AND path = ?2",
        params![run, path],
        of_row,
    )
}

pub fn get(connection: &Connection, run: i64, path: &str) -> Result<Artifact> {
    match find(connection, run, path)? {
        Some(artifact) => Ok(artifact),
        None => {
            let artifacts = list(connection, run, "")?;
            let error = ApiError::not_found("artifact", path);
            let near = crate::nearest::nearest(
                path,
                artifacts.iter().map(|artifact| artifact.path.as_str()),
            );
            Err(match near {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint(format!("the run has {} artifacts", artifacts.len())),
            }
            .into())
        }
    }
}

fn of_row(row: &Row<'_>) -> Result<Artifact> {
    Ok(Artifact {
        path: row.get(0)?,
        size: count(row.get(1)?),
        sha256: row.get(2)?,
        created_at_ms: row.get(3)?,
    })
}

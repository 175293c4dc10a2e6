//! Files that come in parts, in any order, for a place in MLflow's artifact proxy.

use super::Connection;
use super::columns::count;
use super::sql::params;
use crate::error::Result;

/// An upload that goes on.
#[derive(Clone, Debug)]
pub struct PartsRow {
    pub key: i64,
    /// Where the file shall lie.
    pub path: String,
    /// How many parts were announced.
    pub parts: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub number: u64,
    pub size: u64,
    pub sha256: String,
}

pub fn begin(
    connection: &Connection,
    upload_id: &str,
    path: &str,
    parts: u64,
    now_ms: i64,
) -> Result<()> {
    connection.execute(
        "INSERT INTO part_uploads (upload_id, path, parts, touched_at_ms) VALUES (?1, ?2, ?3, ?4)",
        params![upload_id, path, parts as i64, now_ms],
    )?;
    Ok(())
}

pub fn find(connection: &Connection, upload_id: &str) -> Result<Option<PartsRow>> {
    connection.row(
        "SELECT key, path, parts FROM part_uploads WHERE upload_id = ?1",
        params![upload_id],
        |row| Ok(PartsRow { key: row.get(0)?, path: row.get(1)?, parts: count(row.get(2)?) }),
    )
}

/// Keeps the part; one of the same number is replaced.
pub fn put(connection: &Connection, upload: i64, part: &Part, now_ms: i64) -> Result<()> {
    connection.execute(
        "INSERT INTO upload_parts (upload, number, size, sha256) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (upload, number) DO UPDATE SET size = excluded.size,
            sha256 = excluded.sha256",
        params![upload, part.number as i64, part.size as i64, part.sha256],
    )?;
    connection.execute(
        "UPDATE part_uploads SET touched_at_ms = ?2 WHERE key = ?1",
        params![upload, now_ms],
    )?;
    Ok(())
}

/// In their order.
pub fn parts(connection: &Connection, upload: i64) -> Result<Vec<Part>> {
    connection.rows(
        "SELECT number, size, sha256 FROM upload_parts WHERE upload = ?1 ORDER BY number",
        params![upload],
        |row| {
            Ok(Part { number: count(row.get(0)?), size: count(row.get(1)?), sha256: row.get(2)? })
        },
    )
}

pub fn remove(connection: &Connection, upload: i64) -> Result<()> {
    connection.execute("DELETE FROM part_uploads WHERE key = ?1", params![upload])?;
    Ok(())
}

/// Gives up those for which nothing came since then.
pub fn remove_untouched(connection: &Connection, since_ms: i64) -> Result<u64> {
    connection.execute("DELETE FROM part_uploads WHERE touched_at_ms < ?1", params![since_ms])
}

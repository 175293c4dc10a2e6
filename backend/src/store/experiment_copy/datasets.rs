//! The datasets that travel with an experiment: those that its runs read or made.

use std::collections::{BTreeSet, HashMap};

use lazuli_domain::ApiError;

use super::into::{integer, set, text};
use crate::error::Result;
use crate::store::schema::Table;
use crate::store::sql::{Dynamic, Owned, params};
use crate::store::{Connection, datasets};

/// In the order in which they travel.
pub(super) const TABLES: [&str; 2] = ["registered_datasets", "dataset_versions"];

/// Keys of names and versions.
#[derive(Default)]
pub(super) struct Used {
    pub names: BTreeSet<i64>,
    pub versions: BTreeSet<i64>,
}

pub(super) fn used_by(connection: &Connection, runs: &[i64]) -> Result<Used> {
    let mut used = Used::default();
    for some in runs.chunks(500) {
        let mut query = Dynamic::new(
            "SELECT dataset_versions.key, dataset_versions.registered FROM dataset_uses
             JOIN dataset_versions ON dataset_versions.key = dataset_uses.dataset",
        );
        query.add_in(" WHERE dataset_uses.run", some);
        connection.each(query.sql(), &query.params(), |row| {
            used.versions.insert(row.get(0)?);
            used.names.insert(row.get(1)?);
            Ok(true)
        })?;
    }
    Ok(used)
}

/// What became here of the names and versions that came in.
#[derive(Default)]
pub(super) struct DatasetsIn {
    names: HashMap<i64, String>,
    versions: HashMap<i64, i64>,
}

impl DatasetsIn {
    pub fn name(&mut self, table: &Table, row: &[Owned]) -> Result<()> {
        self.names.insert(integer(table, row, "key")?, text(table, row, "name")?);
        Ok(())
    }

    /// The key of the version when it is here; else the row is changed to what it is to be here: of
    /// the same name in this workspace, with its number or, where that was given, the next one.
    pub fn place(
        &self,
        connection: &Connection,
        workspace: i64,
        table: &Table,
        row: &mut [Owned],
    ) -> Result<Option<i64>> {
        let id = text(table, row, "dataset_id")?;
        let here = connection
            .find("SELECT key FROM dataset_versions WHERE dataset_id = ?1", params![id])?;
        if here.is_some() {
            return Ok(here);
        }
        let Some(name) = self.names.get(&integer(table, row, "registered")?) else {
            return Err(ApiError::invalid("the archive holds a dataset without its name").into());
        };
        let wanted = integer(table, row, "version")?;
        let (registered, version) = datasets::next_version(connection, workspace, name, wanted)?;
        for (column, value) in [
            ("registered", Owned::Integer(registered)),
            ("version", Owned::Integer(version)),
            ("deleted_at_ms", Owned::Null),
        ] {
            set(table, row, column, value)?;
        }
        Ok(None)
    }

    pub fn moved(&mut self, old: i64, new: i64) {
        self.versions.insert(old, new);
    }

    /// The key here.
    pub fn version(&self, old: i64) -> Option<i64> {
        self.versions.get(&old).copied()
    }
}

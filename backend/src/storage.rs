//! Where the daemon of a home keeps its rows and its files: in the home, unless it was told another
//! place. What `lazuli serve --database … --blobs …` said is remembered in `storage.json` (0600, for
//! it may hold a password), because the next daemon may be one that a client starts on demand.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, FileContext, Result};
use crate::home::{Home, write_private};
use crate::store::{Place, PostgresAddress};

/// The word for "in the home", which takes back what was said before.
const LOCAL: &str = "local";

/// As it was said; `None` is in the home.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Storage {
    /// `postgres://user:password@host:port/name`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// `s3://bucket/prefix`, `az://container/prefix`, `gs://bucket/prefix` or a folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blobs: Option<String>,
}

/// Where files are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlobPlace {
    Folder(PathBuf),
    /// `s3://bucket/prefix`, `az://container/prefix`, `gs://bucket/prefix`.
    Store(String),
}

impl Storage {
    /// What was said now, else what was said before.
    pub fn choose(home: &Home, said: Storage) -> Result<Storage> {
        let path = home.path().join("storage.json");
        let before: Storage = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                Error::from(
                    lazuli_domain::ApiError::invalid(format!(
                        "`{}` is damaged: {error}",
                        path.display()
                    ))
                    .hint("remove it and start with `lazuli serve --database … --blobs …`"),
                )
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Storage::default(),
            Err(source) => {
                return Err(Error::File {
                    action: format!("reading `{}`", path.display()),
                    source,
                });
            }
        };
        let chosen = Storage {
            database: choose(said.database, &before.database),
            blobs: choose(said.blobs, &before.blobs),
        };
        chosen.database_place(home)?;
        chosen.blob_place(home)?;
        if chosen != before {
            let text = serde_json::to_vec_pretty(&chosen).map_err(|error| {
                Error::Defect(format!("storage.json has no JSON form: {error}"))
            })?;
            write_private(&path, &text).while_trying(|| format!("writing `{}`", path.display()))?;
        }
        Ok(chosen)
    }

    pub fn blob_place(&self, home: &Home) -> Result<BlobPlace> {
        match self.blobs.as_deref() {
            None => Ok(BlobPlace::Folder(home.blobs())),
            Some(address) if address.contains("://") => Ok(BlobPlace::Store(address.to_owned())),
            Some(folder) if Path::new(folder).is_absolute() => {
                Ok(BlobPlace::Folder(PathBuf::from(folder)))
            }
            Some(other) => {
                let shown: String = other.chars().take(80).flat_map(char::escape_default).collect();
                Err(lazuli_domain::ApiError::invalid(format!("`{shown}` is no place for files"))
                    .hint("give `--blobs s3://bucket/prefix`, `az://…`, `gs://…` or a whole path")
                    .into())
            }
        }
    }

    pub fn database_place(&self, home: &Home) -> Result<Place> {
        Ok(match &self.database {
            Some(address) => Place::Postgres(Box::new(PostgresAddress::parse(address)?)),
            None => Place::Sqlite(home.database()),
        })
    }
}

fn choose(said: Option<String>, before: &Option<String>) -> Option<String> {
    match said {
        Some(said) if said == LOCAL => None,
        Some(said) => Some(said),
        None => before.clone(),
    }
}

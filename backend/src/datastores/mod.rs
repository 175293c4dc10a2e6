//! Datastores: places where data lies, known by a name in their workspace.
//!
//! Here stands what can be done with the names; [`FileStore`] is one that is open. Files of a folder
//! of this machine are written by `folder`, those of an object store by `objects`, and neither says
//! more of a failure than `told` lets through, because what a store's client says may hold a signature.

mod azure;
mod files;
mod folder;
mod objects;
mod open;
mod place;
mod sent;
mod told;
mod validate;

use std::path::PathBuf;
use std::sync::Arc;

use dashmap::DashMap;
use lazuli_domain::{
    ApiError, Credential, Datastore, DatastorePatch, DatastorePlace, NewDatastore, OpenDatastore,
    StringMap, check_name,
};

use crate::app::App;
use crate::clock::now_ms;
use crate::error::{Error, Result};
use crate::nearest;
use crate::secrets::Vault;
use crate::store::datastores::{DatastoreRow, NewRow};
use crate::store::secrets::SealedSecret;
use crate::store::{self, Connection};

pub use files::{FileList, FileStore};

/// Datastores that are open. A client of an object store keeps its connections, so the next request
/// takes the same one, as long as the datastore is registered as it was.
#[derive(Default)]
pub struct Opened {
    stores: DashMap<(String, String), (OpenDatastore, FileStore)>,
}

pub async fn list(app: &Arc<App>, workspace: String) -> Result<Vec<Datastore>> {
    let home = app.home.clone();
    app.store
        .read(move |database| {
            let mut all = built_in(database, &home, &workspace)?;
            let rows = store::datastores::list(database, &workspace)?;
            all.extend(rows.into_iter().map(|row| row.datastore));
            mark_default(database, &workspace, &mut all)?;
            Ok(all)
        })
        .await
}

pub async fn get(app: &Arc<App>, workspace: String, name: String) -> Result<Datastore> {
    let home = app.home.clone();
    app.store.read(move |database| Ok(find(database, &home, &workspace, &name)?.datastore)).await
}

/// Registers it, after asking the store whether it opens, unless told not to. One that says no is not
/// registered; one that does not answer is, with a note: people register where there is no network.
pub async fn register(
    app: &Arc<App>,
    workspace: String,
    mut new: NewDatastore,
) -> Result<Datastore> {
    check_name("datastore", &new.name)?;
    if is_built_in(&new.name) {
        return Err(ApiError::conflict(format!(
            "every workspace has a datastore `{}` of its own",
            new.name
        ))
        .hint("register it under another name and make that the default")
        .into());
    }
    place::check(app.home.path(), &mut new)?;
    let (asked_workspace, asked_name) = (workspace.clone(), new.name.clone());
    let taken = app
        .store
        .read(move |database| store::datastores::find(database, &asked_workspace, &asked_name))
        .await?;
    if taken.is_some() && !new.overwrite {
        return Err(is_taken(&new.name).into());
    }
    if new.create_if_not_exists {
        validate::create(&new).await?;
    }
    let unchecked = if new.skip_validation { None } else { validate::check(&new).await? };
    let credential = match &new.credential {
        Some(credential) => {
            let json = serde_json::to_string(credential).map_err(|error| {
                Error::Defect(format!("a credential has no JSON form: {error}"))
            })?;
            let sealed = app.vault.seal(&workspace, &sealed_name(&new.name), &json)?;
            Some((credential.kind(), sealed))
        }
        None => None,
    };
    let home = app.home.clone();
    app.store
        .write(move |write| {
            // Somebody may have been quicker.
            let taken = store::datastores::find(write, &workspace, &new.name)?;
            if taken.is_some() && !new.overwrite {
                return Err(is_taken(&new.name).into());
            }
            store::datastores::put(
                write,
                &NewRow {
                    workspace: &workspace,
                    name: &new.name,
                    place: &new.place,
                    description: &new.description,
                    tags: &new.tags,
                    credential: credential.as_ref().map(|(kind, sealed)| (*kind, sealed)),
                    created_at_ms: now_ms(),
                },
            )?;
            let registered = find(write, &home, &workspace, &new.name)?.datastore;
            Ok(Datastore { unchecked, ..registered })
        })
        .await
}

pub async fn patch(
    app: &Arc<App>,
    workspace: String,
    name: String,
    patch: DatastorePatch,
) -> Result<Datastore> {
    let home = app.home.clone();
    app.store
        .write(move |write| {
            find(write, &home, &workspace, &name)?;
            if patch.make_default {
                store::datastores::set_default(write, &workspace, &name)?;
            }
            Ok(find(write, &home, &workspace, &name)?.datastore)
        })
        .await
}

/// Forgets the name and what opens it. What lies there stays there.
pub async fn unregister(app: &Arc<App>, workspace: String, name: String) -> Result<()> {
    if is_built_in(&name) {
        return Err(ApiError::conflict(format!(
            "the datastore `{name}` belongs to the workspace and cannot be unregistered"
        ))
        .hint("make another one the default, if that is what you want")
        .into());
    }
    let home = app.home.clone();
    app.opened.stores.remove(&(workspace.clone(), name.clone()));
    app.store
        .write(move |write| {
            // Says what there is instead.
            find(write, &home, &workspace, &name)?;
            store::datastores::delete(write, &workspace, &name).map(drop)
        })
        .await
}

/// The datastore, open for files.
pub async fn open(app: &Arc<App>, workspace: &str, name: &str) -> Result<FileStore> {
    let opened = with_credential(app, workspace, name).await?;
    let key = (workspace.to_owned(), name.to_owned());
    if let Some(known) = app.opened.stores.get(&key)
        && known.0 == opened
    {
        known.1.check_expiry()?;
        return Ok(known.1.clone());
    }
    let store = FileStore::open(name, &opened)?;
    app.opened.stores.insert(key, (opened, store.clone()));
    Ok(store)
}

/// The datastore with what opens it; for this process and the workers that it starts.
pub async fn with_credential(app: &Arc<App>, workspace: &str, name: &str) -> Result<OpenDatastore> {
    let (home, asked_workspace, asked_name) =
        (app.home.clone(), workspace.to_owned(), name.to_owned());
    let row = app
        .store
        .read(move |database| find(database, &home, &asked_workspace, &asked_name))
        .await?;
    let credential = match &row.sealed {
        Some(sealed) => Some(unsealed(&app.vault, workspace, name, sealed)?),
        None => None,
    };
    Ok(OpenDatastore { place: row.datastore.place, credential })
}

fn unsealed(
    vault: &Vault,
    workspace: &str,
    name: &str,
    sealed: &SealedSecret,
) -> Result<Credential> {
    let json = vault.open(workspace, &sealed_name(name), sealed)?.ok_or_else(|| {
        ApiError::unavailable(format!(
            "the credential of datastore `{name}` does not open with this home's key"
        ))
        .hint("put back the `key` file it was written with, or register the datastore again")
    })?;
    // What serde says of it may quote it.
    serde_json::from_str(&json).map_err(|_quotes_it| {
        Error::Defect(format!("the credential of datastore `{name}` cannot be read"))
    })
}

/// No secret of the keyvault has such a name, so neither opens in place of the other.
fn sealed_name(name: &str) -> String {
    format!("\0datastore\0{name}")
}

fn is_built_in(name: &str) -> bool {
    [Datastore::BLOB_STORE, Datastore::FILE_STORE].contains(&name)
}

fn is_taken(name: &str) -> ApiError {
    ApiError::conflict(format!("a datastore `{name}` is registered already"))
        .hint("replace it by registering with `overwrite`, or choose another name")
}

/// The ones that every workspace has.
fn built_in(
    database: &Connection,
    home: &crate::home::Home,
    workspace: &str,
) -> Result<Vec<Datastore>> {
    let created_at_ms = store::workspaces::get(database, workspace)?.created_at_ms;
    let one = |name: &str| {
        let path: PathBuf = home.datastore(workspace, name);
        Datastore {
            workspace: workspace.to_owned(),
            name: name.to_owned(),
            place: DatastorePlace::Folder { path: path.display().to_string() },
            credential: None,
            is_default: false,
            is_built_in: true,
            description: String::new(),
            tags: StringMap::new(),
            created_at_ms,
            unchecked: None,
        }
    };
    Ok(vec![one(Datastore::BLOB_STORE), one(Datastore::FILE_STORE)])
}

fn mark_default(database: &Connection, workspace: &str, all: &mut [Datastore]) -> Result<()> {
    let default = store::datastores::default_name(database, workspace)?;
    for datastore in all {
        datastore.is_default = datastore.name == default;
    }
    Ok(())
}

/// A datastore that must exist.
pub fn find(
    database: &Connection,
    home: &crate::home::Home,
    workspace: &str,
    name: &str,
) -> Result<DatastoreRow> {
    let mut built_in = built_in(database, home, workspace)?;
    let found = match built_in.iter().position(|one| one.name == name) {
        Some(at) => Some(DatastoreRow { datastore: built_in.swap_remove(at), sealed: None }),
        None => store::datastores::find(database, workspace, name)?,
    };
    let Some(mut row) = found else {
        let mut names: Vec<String> = built_in.into_iter().map(|one| one.name).collect();
        let rows = store::datastores::list(database, workspace)?;
        names.extend(rows.into_iter().map(|row| row.datastore.name));
        let hint = match nearest::nearest(name, names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}", names.join(", ")),
        };
        return Err(ApiError::not_found("datastore", name).hint(hint).into());
    };
    mark_default(database, workspace, std::slice::from_mut(&mut row.datastore))?;
    Ok(row)
}

use lazuli::Result;
use lazuli::client::StoreName;
use lazuli_commands::table::AddDatastore;
use lazuli_domain::{ApiError, Credential, DatastorePlace, NewDatastore};

use crate::{Context, Outcome, Talk, run};

pub(super) fn add(
    context: &Context,
    workspace: &str,
    talk: &mut dyn Talk,
    command: &AddDatastore,
) -> Result<Outcome> {
    let place = place(context, command)?;
    let credential = match key(context, workspace, talk, command)? {
        Some(key) => Some(credential(&place, command, key)?),
        None => None,
    };
    let new = NewDatastore {
        credential,
        description: command.description.clone(),
        tags: run::tags(&command.tags),
        overwrite: command.overwrite,
        create_if_not_exists: command.create,
        skip_validation: command.skip_validation,
        ..NewDatastore::new(&command.name, place)
    };
    let mut datastore = context.client.register_datastore(workspace, &new)?;
    let unchecked = datastore.unchecked.take();
    if command.default {
        let store = StoreName { workspace, datastore: &command.name };
        datastore = context.client.make_default_datastore(store)?;
    }
    let default = if datastore.is_default { ", the default one" } else { "" };
    let mut text = format!(
        "registered datastore `{}`{default}: {}",
        datastore.name,
        lazuli::place_in_words(&datastore.place)
    );
    if let Some(why) = &unchecked {
        text += &format!("\nIt was not opened: {why}");
    }
    datastore.unchecked = unchecked;
    Outcome::new(text, &datastore)
}

fn place(context: &Context, command: &AddDatastore) -> Result<DatastorePlace, ApiError> {
    let endpoint = command.endpoint.clone();
    let absolute = |path: &str| context.path(path).display().to_string();
    if let Some(path) = &command.folder {
        return Ok(DatastorePlace::Folder { path: absolute(path) });
    }
    if let Some(path) = &command.sqlite {
        return Ok(DatastorePlace::Sqlite { path: absolute(path) });
    }
    if let Some(text) = &command.azure_blob {
        let (account, container) = halves("azure-blob", "ACCOUNT/CONTAINER", text)?;
        return Ok(DatastorePlace::AzureBlob { account, container, endpoint });
    }
    if let Some(text) = &command.azure_file {
        let (account, share) = halves("azure-file", "ACCOUNT/SHARE", text)?;
        return Ok(DatastorePlace::AzureFile { account, share, endpoint });
    }
    if let Some(text) = &command.adls {
        let (account, filesystem) = halves("adls", "ACCOUNT/FILESYSTEM", text)?;
        return Ok(DatastorePlace::AzureDataLakeGen2 { account, filesystem, endpoint });
    }
    if let Some(bucket) = &command.s3 {
        let (bucket, region) = (bucket.clone(), command.region.clone());
        return Ok(DatastorePlace::S3 { bucket, region, endpoint });
    }
    if let Some(bucket) = &command.gcs {
        return Ok(DatastorePlace::Gcs { bucket: bucket.clone(), endpoint });
    }
    if let Some(text) = &command.postgresql {
        return postgresql(text);
    }
    Err(ApiError::invalid(format!("it is not said where the datastore `{}` is", command.name))
        .hint("give one of `--folder`, `--azure-blob`, `--azure-file`, `--adls`, `--s3`, `--gcs`, `--sqlite` and `--postgresql`"))
}

fn halves(option: &str, form: &str, text: &str) -> Result<(String, String), ApiError> {
    match text.split_once('/') {
        Some((account, name)) if !account.is_empty() && !name.is_empty() => {
            Ok((account.to_owned(), name.to_owned()))
        }
        _ => Err(ApiError::invalid(format!("`--{option}` takes {form}, not `{text}`"))
            .hint("put a `/` between the two names")),
    }
}

/// `USER@HOST[:PORT]/DATABASE`
fn postgresql(text: &str) -> Result<DatastorePlace, ApiError> {
    let parse = || {
        let (user, rest) = text.split_once('@')?;
        let (host, database) = rest.split_once('/')?;
        let (host, port) = match host.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok()?),
            None => (host, 5432),
        };
        let given = [user, host, database].iter().all(|part| !part.is_empty());
        // A password would stand before the `@`.
        (given && !user.contains(':')).then(|| DatastorePlace::Postgresql {
            host: host.to_owned(),
            port,
            database: database.to_owned(),
            user: user.to_owned(),
            enforce_ssl: false,
        })
    };
    parse().ok_or_else(|| {
        ApiError::invalid("`--postgresql` takes USER@HOST[:PORT]/DATABASE, without a password")
            .hint("the password comes by `--key-secret`, `--key-env` or `--ask-key`")
    })
}

/// What opens it, from wherever it is said to be.
fn key(
    context: &Context,
    workspace: &str,
    talk: &mut dyn Talk,
    command: &AddDatastore,
) -> Result<Option<String>> {
    if let Some(secret) = &command.key_secret {
        return Ok(Some(context.client.secret(workspace, secret)?.value));
    }
    if let Some(variable) = &command.key_env {
        return match crate::config::variable(variable) {
            Some(value) => Ok(Some(value)),
            None => {
                Err(ApiError::invalid(format!("the environment variable `{variable}` is not set"))
                    .hint("set it where this runs, or give `--key-secret`")
                    .into())
            }
        };
    }
    if command.ask_key {
        return match talk.ask_secret(&format!("key of `{}`: ", command.name)) {
            Some(key) if !key.is_empty() => Ok(Some(key)),
            _ => {
                Err(ApiError::invalid(format!("the datastore `{}` was given no key", command.name))
                    .hint("type it when asked, or give `--key-secret` or `--key-env`")
                    .into())
            }
        };
    }
    Ok(None)
}

fn credential(
    place: &DatastorePlace,
    command: &AddDatastore,
    key: String,
) -> Result<Credential, ApiError> {
    Ok(match place {
        DatastorePlace::S3 { .. } => Credential::AccessKey {
            access_key_id: command.access_key_id.clone().ok_or_else(|| {
                ApiError::invalid("the key of an S3 bucket has an id")
                    .hint("give it with `--access-key-id`")
            })?,
            secret_access_key: key,
            session_token: None,
        },
        DatastorePlace::Gcs { .. } => Credential::ServiceAccount { json: key },
        DatastorePlace::Postgresql { .. } => Credential::Password { password: key },
        _ if command.sas => Credential::Sas { token: key },
        _ if command.connection_string => Credential::ConnectionString { value: key },
        _ => Credential::AccountKey { key },
    })
}

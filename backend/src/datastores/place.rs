//! Whether what is to be registered can be one.

use std::path::Path;

use lazuli_domain::{ApiError, Credential, CredentialKind, DatastorePlace, NewDatastore, shown};

use super::azure::ConnectionString;

/// Checks the place and whether the credential fits it, and completes what a connection string says.
pub fn check(home: &Path, new: &mut NewDatastore) -> Result<(), ApiError> {
    complete(new)?;
    check_credential(&new.place, new.credential.as_ref())?;
    match &mut new.place {
        DatastorePlace::Folder { path } => {
            check_absolute("folder", path)?;
            if Path::new(path).starts_with(home) {
                return Err(ApiError::invalid(format!(
                    "the folder `{}` belongs to Lazuli itself",
                    shown(path, 200)
                ))
                .hint("choose a folder outside of the home"));
            }
        }
        DatastorePlace::Sqlite { path } => check_absolute("database file", path)?,
        DatastorePlace::AzureBlob { account, container: name, endpoint }
        | DatastorePlace::AzureFile { account, share: name, endpoint }
        | DatastorePlace::AzureDataLakeGen2 { account, filesystem: name, endpoint } => {
            check_word("storage account", account)?;
            check_word("container", name)?;
            check_endpoint(endpoint)?;
        }
        DatastorePlace::S3 { bucket, region, endpoint } => {
            check_word("bucket", bucket)?;
            if let Some(region) = region {
                check_word("region", region)?;
            }
            check_endpoint(endpoint)?;
        }
        DatastorePlace::Gcs { bucket, endpoint } => {
            check_word("bucket", bucket)?;
            check_endpoint(endpoint)?;
        }
        DatastorePlace::Postgresql { host, port, database, user, .. } => {
            check_word("host", host)?;
            for (what, value) in [("database", database), ("user", user)] {
                if value.is_empty() || value.chars().any(char::is_control) {
                    let value = shown(value, 60);
                    return Err(ApiError::invalid(format!("the {what} `{value}` is no name"))
                        .hint(format!("give the name of the {what}")));
                }
            }
            if *port == 0 {
                return Err(ApiError::invalid("the port 0 cannot be connected to")
                    .hint("PostgreSQL's own is 5432"));
            }
        }
    }
    Ok(())
}

/// What a connection string says beyond its key must not contradict the place.
fn complete(new: &mut NewDatastore) -> Result<(), ApiError> {
    let Some(Credential::ConnectionString { value }) = &new.credential else { return Ok(()) };
    let said = ConnectionString::parse(value)?;
    let (account, endpoint) = match &mut new.place {
        DatastorePlace::AzureBlob { account, endpoint, .. }
        | DatastorePlace::AzureDataLakeGen2 { account, endpoint, .. }
        | DatastorePlace::AzureFile { account, endpoint, .. } => (account, endpoint),
        _ => return Ok(()),
    };
    if said.account.as_ref().is_some_and(|said| said != account) {
        return Err(ApiError::invalid(format!(
            "the connection string is of another storage account than `{}`",
            shown(account, 60)
        ))
        .hint("name the account that the connection string names"));
    }
    match (&said.endpoint, &endpoint) {
        (Some(said), Some(given)) if said.trim_end_matches('/') != given.trim_end_matches('/') => {
            Err(ApiError::invalid("the connection string names another endpoint")
                .hint("leave the endpoint out, or give the one of the connection string"))
        }
        (Some(said), None) => {
            *endpoint = Some(said.clone());
            Ok(())
        }
        _ => Ok(()),
    }
}

fn check_credential(
    place: &DatastorePlace,
    credential: Option<&Credential>,
) -> Result<(), ApiError> {
    use CredentialKind::{
        AccessKey, AccountKey, ClientSecret, ConnectionString, Password, Sas, ServiceAccount,
    };
    let (fitting, in_words): (&[CredentialKind], &str) = match place {
        DatastorePlace::Folder { .. } | DatastorePlace::Sqlite { .. } => (&[], "none"),
        DatastorePlace::AzureBlob { .. } | DatastorePlace::AzureDataLakeGen2 { .. } => (
            &[AccountKey, Sas, ConnectionString, ClientSecret],
            "an account key, a SAS token, a connection string or a client secret",
        ),
        DatastorePlace::AzureFile { .. } => (
            &[AccountKey, Sas, ConnectionString],
            "an account key, a SAS token or a connection string",
        ),
        DatastorePlace::S3 { .. } => (&[AccessKey], "an access key"),
        DatastorePlace::Gcs { .. } => (&[ServiceAccount], "a service account"),
        DatastorePlace::Postgresql { .. } => (&[Password], "a password"),
    };
    let Some(credential) = credential else { return Ok(()) };
    if !fitting.contains(&credential.kind()) {
        return Err(ApiError::invalid("the credential does not fit such a datastore")
            .hint(format!("it takes {in_words}")));
    }
    let malformed = match credential {
        Credential::AccountKey { key } => {
            key.trim().is_empty().then_some("the account key is empty")
        }
        Credential::Sas { token } => {
            (!token.contains("sig=")).then_some("the SAS token has no `sig`")
        }
        Credential::ServiceAccount { json } => {
            let parsed: Result<serde_json::Value, _> = serde_json::from_str(json);
            (!parsed.is_ok_and(|value| value.is_object()))
                .then_some("the service account is not a JSON object")
        }
        Credential::ClientSecret { tenant, client, secret } => {
            (tenant.is_empty() || client.is_empty() || secret.is_empty())
                .then_some("a client secret needs tenant, client and secret")
        }
        Credential::AccessKey { access_key_id, secret_access_key, .. } => {
            (access_key_id.is_empty() || secret_access_key.is_empty())
                .then_some("an access key needs its id and its secret")
        }
        Credential::ConnectionString { .. } | Credential::Password { .. } => None,
    };
    match malformed {
        Some(why) => Err(ApiError::invalid(why).hint("copy it whole, as the portal shows it")),
        None => Ok(()),
    }
}

fn check_absolute(what: &str, path: &str) -> Result<(), ApiError> {
    let given = Path::new(path);
    let climbs = given.components().any(|part| part == std::path::Component::ParentDir);
    if !given.is_absolute() || climbs || path.chars().any(char::is_control) {
        return Err(ApiError::invalid(format!(
            "the {what} `{}` is not absolute",
            shown(path, 200)
        ))
        .hint("give the whole path, beginning with `/` and without `..`"));
    }
    Ok(())
}

fn check_word(what: &str, word: &str) -> Result<(), ApiError> {
    let is_word = !word.is_empty()
        && word.len() <= 255
        && word.chars().all(|character| {
            character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.' | '$')
        })
        && !word.starts_with('.');
    if is_word {
        return Ok(());
    }
    Err(ApiError::invalid(format!("the {what} `{}` is no name", shown(word, 60)))
        .hint("give its name alone: no address, no slashes"))
}

/// Takes a slash at the end away, for all that follows puts one before what it adds.
fn check_endpoint(endpoint: &mut Option<String>) -> Result<(), ApiError> {
    let Some(address) = endpoint else { return Ok(()) };
    let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"));
    let is_address = rest.is_some_and(|rest| {
        let host = rest.split('/').next().unwrap_or_default();
        !host.is_empty()
            && !rest.contains(['@', '?', '#', ' ', '\\'])
            && !rest.chars().any(char::is_control)
    });
    if !is_address {
        return Err(ApiError::invalid("the endpoint is no address of a service")
            .hint("give it as `https://host/…`, without credentials and without `?`"));
    }
    *address = address.trim_end_matches('/').to_owned();
    Ok(())
}

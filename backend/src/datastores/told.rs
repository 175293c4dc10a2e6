//! What is said of a store: where it is, and why it failed, in a sentence without its secrets.

use lazuli_domain::{ApiError, Credential, DatastorePlace, OpenDatastore, readable, shown};

use super::azure::{self, Secret};
use crate::blobs::told;
use crate::clock::now_ms;
use crate::error::Error;

/// What services say when a credential does not open what is asked for.
const REFUSALS: [&str; 8] = [
    "AccessDenied",
    "AuthenticationFailed",
    "AuthorizationFailure",
    "AuthorizationPermissionMismatch",
    "InvalidAccessKeyId",
    "InvalidAuthenticationInfo",
    "SignatureDoesNotMatch",
    "invalid_grant",
];

/// Speaks of one datastore.
#[derive(Clone, Debug)]
pub struct Teller {
    /// Its name, in the backticks of every message.
    pub name: String,
    place: String,
    container: Option<String>,
    credential: &'static str,
    /// Texts that must not be said, whatever they stand in.
    secrets: Vec<String>,
    /// When a SAS token says that it ends.
    ends: Option<String>,
}

impl Teller {
    pub fn new(name: &str, opened: &OpenDatastore) -> Teller {
        let container = match &opened.place {
            DatastorePlace::AzureBlob { container: name, .. }
            | DatastorePlace::AzureDataLakeGen2 { filesystem: name, .. }
            | DatastorePlace::S3 { bucket: name, .. }
            | DatastorePlace::Gcs { bucket: name, .. } => Some(name.clone()),
            _ => None,
        };
        Teller {
            name: shown(name, 80),
            place: opened.place.in_words(),
            container,
            credential: credential_in_words(opened.credential.as_ref()),
            secrets: opened.credential.as_ref().map(secrets).unwrap_or_default(),
            ends: opened.credential.as_ref().and_then(end),
        }
    }

    /// Refuses what cannot be opened any more.
    pub fn check_expiry(&self) -> Result<(), ApiError> {
        let now = readable::date_time(now_ms()).replace(' ', "T").replace("TUTC", "");
        match &self.ends {
            Some(end) if azure::is_before(end, &now) => Err(self.expired(end)),
            _ => Ok(()),
        }
    }

    fn expired(&self, end: &str) -> ApiError {
        ApiError::invalid(format!("the SAS token of datastore `{}` expired on {end}", self.name))
            .hint("register the datastore again with a new token and `overwrite`")
    }

    pub fn cannot_be_opened(&self, error: &object_store::Error) -> Error {
        ApiError::invalid(format!(
            "the datastore `{}` ({}) cannot be opened: {}",
            self.name,
            self.place,
            self.cause(error)
        ))
        .hint("register it again with the right place and credential")
        .into()
    }

    /// Why something with a file did not work.
    pub fn failed(&self, path: &str, error: &object_store::Error) -> Error {
        use object_store::Error as Failure;
        let cause = self.cause(error);
        let file = shown(path, 200);
        let missing_container = ["NoSuchBucket", "ContainerNotFound", "FilesystemNotFound"]
            .iter()
            .any(|code| cause.contains(code));
        let Teller { name, place, credential, .. } = self;
        let error = if missing_container {
            let container = self.container.as_deref().unwrap_or_default();
            ApiError::not_found(&format!("the container of datastore `{name}`,"), container)
                .hint("make it, or register the datastore with `create_if_not_exists`")
        } else if matches!(
            error,
            Failure::PermissionDenied { .. } | Failure::Unauthenticated { .. }
        ) || REFUSALS.iter().any(|code| cause.contains(code))
        {
            ApiError::invalid(format!(
                "the store of datastore `{name}` ({place}) refuses {credential}: {cause}"
            ))
            .hint("register the datastore again with one that opens it, and `overwrite`")
        } else {
            match error {
                Failure::NotFound { .. } => self.no_such_file(path),
                Failure::AlreadyExists { .. } => self.is_there(path),
                Failure::Precondition { .. } => ApiError::conflict(format!(
                    "`{file}` in datastore `{name}` changed while it was read"
                ))
                .hint("read it again"),
                Failure::InvalidPath { .. } => ApiError::invalid(format!(
                    "datastore `{name}` holds a name that is no path: {cause}"
                ))
                .hint("rename it where it was made"),
                _ => ApiError::unavailable(format!(
                    "the store of datastore `{name}` ({place}) failed: {cause}"
                ))
                .hint("try again; when it goes on, see that the store is reachable"),
            }
        };
        error.into()
    }

    pub fn no_such_file(&self, path: &str) -> ApiError {
        let message = format!("file `{}` not found in datastore `{}`", shown(path, 200), self.name);
        ApiError::new(lazuli_domain::ErrorKind::NotFound, message)
            .hint(format!("`lazuli datastore files {}` lists what it has", self.name))
    }

    pub fn is_there(&self, path: &str) -> ApiError {
        ApiError::conflict(format!(
            "`{}` is in datastore `{}` already",
            shown(path, 200),
            self.name
        ))
        .hint("replace it with `overwrite`, or choose another path")
    }

    /// In one line, without what is secret.
    pub fn cause(&self, error: &object_store::Error) -> String {
        let text = told(error);
        // The service's own words, where they stand in an XML document.
        let part = |name: &str| {
            let (_, rest) = text.split_once(&format!("<{name}>"))?;
            let (value, _) = rest.split_once("</").unwrap_or((rest, ""));
            Some(value.lines().next().unwrap_or_default().trim().to_owned())
        };
        let mut said = match (part("Code"), part("Message")) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            (Some(code), None) => code,
            _ => text.split_whitespace().collect::<Vec<_>>().join(" "),
        };
        for secret in &self.secrets {
            said = said.replace(secret, "…");
        }
        shown(said.trim_end_matches('.'), 300)
    }
}

fn credential_in_words(credential: Option<&Credential>) -> &'static str {
    match credential {
        None => "who has no credential",
        Some(Credential::AccountKey { .. }) => "its account key",
        Some(Credential::Sas { .. }) => "its SAS token",
        Some(Credential::ConnectionString { .. }) => "its connection string",
        Some(Credential::ClientSecret { .. }) => "its client secret",
        Some(Credential::AccessKey { .. }) => "its access key",
        Some(Credential::ServiceAccount { .. }) => "its service account",
        Some(Credential::Password { .. }) => "its password",
    }
}

fn end(credential: &Credential) -> Option<String> {
    match Secret::of(credential) {
        Ok(Some(Secret::Sas(token))) => azure::sas_end(&token),
        _ => None,
    }
}

fn secrets(credential: &Credential) -> Vec<String> {
    let mut secrets = match credential {
        Credential::AccountKey { key } => vec![key.clone()],
        Credential::Sas { token } => vec![token.clone()],
        Credential::ConnectionString { value } => vec![value.clone()],
        Credential::ClientSecret { secret, .. } => vec![secret.clone()],
        Credential::AccessKey { secret_access_key, session_token, .. } => {
            std::iter::once(secret_access_key).chain(session_token).cloned().collect()
        }
        Credential::ServiceAccount { json } => vec![json.clone()],
        Credential::Password { password } => vec![password.clone()],
    };
    match Secret::of(credential) {
        Ok(Some(Secret::Key(key))) => secrets.push(key),
        Ok(Some(Secret::Sas(token))) => {
            let signature = token.split('&').find_map(|pair| pair.strip_prefix("sig="));
            secrets.extend(signature.map(str::to_owned));
            secrets.push(token);
        }
        _ => {}
    }
    // A text so short would blacken every sentence.
    secrets.retain(|secret| secret.len() >= 4);
    secrets
}

/// Whether nobody answered, so that all may still be there.
pub fn is_unanswered(error: &object_store::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<object_store::client::HttpError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

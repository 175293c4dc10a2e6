//! Whether a place answers, and making it where it is missing.

use std::net::ToSocketAddrs;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt;
use lazuli_domain::{
    ApiError, Credential, DatastorePlace, ErrorKind, NewDatastore, OpenDatastore, readable,
};
use object_store::client::{HttpConnector, HttpRequest, HttpRequestBody, ReqwestConnector};
use object_store::signer::Signer;

use super::azure::{self, Secret};
use super::files::FileStore;
use super::open::{client_options, s3};
use super::told::Teller;
use crate::clock::now_ms;
use crate::error::{Error, FileContext, Result};

const PATIENCE: Duration = Duration::from_secs(5);

/// Asks the place for something. What it answers, it answers as an error; `Some` says why there was
/// no answer.
pub async fn check(new: &NewDatastore) -> Result<Option<String>> {
    // Examples of SDK v1 are full of keys like `123456`, which no service will ever accept.
    if let Some(Credential::AccountKey { key }) = &new.credential
        && STANDARD.decode(key.trim()).is_err()
    {
        return Ok(Some(format!(
            "the account key of `{}` is not base64, as Azure's keys are; nothing can be read until it \
             is registered again with another one",
            new.name
        )));
    }
    match tokio::time::timeout(PATIENCE, ask(new)).await {
        Ok(Ok(())) => Ok(None),
        Ok(Err(Error::Refused(error))) if error.kind == ErrorKind::Unavailable => {
            Ok(Some(error.message))
        }
        Ok(Err(error)) => Err(error),
        Err(_elapsed) => Ok(Some(format!("the {} does not answer", new.place.in_words()))),
    }
}

async fn ask(new: &NewDatastore) -> Result<()> {
    match &new.place {
        DatastorePlace::Folder { path } => {
            let path = path.clone();
            blocking(move || match std::fs::read_dir(&path) {
                Ok(_) => Ok(()),
                Err(error) => Err(ApiError::invalid(format!(
                    "the folder `{path}` cannot be read: {error}"
                ))
                .hint("make it, register with `create_if_not_exists`, or check its permissions")
                .into()),
            })
            .await
        }
        DatastorePlace::Sqlite { path } => {
            let path = path.clone();
            blocking(move || {
                let mut head = [0; 16];
                let read = std::fs::File::open(&path)
                    .and_then(|mut file| std::io::Read::read(&mut file, &mut head));
                match read {
                    // An empty file is an empty database.
                    Ok(0) => Ok(()),
                    Ok(_) if head.starts_with(b"SQLite format 3\0") => Ok(()),
                    Ok(_) => Err(ApiError::invalid(format!("`{path}` is no SQLite database"))
                        .hint("name a file that SQLite made")
                        .into()),
                    Err(error) => Err(ApiError::invalid(format!(
                        "the database `{path}` cannot be read: {error}"
                    ))
                    .hint("name a file that exists and that the daemon may read")
                    .into()),
                }
            })
            .await
        }
        DatastorePlace::Postgresql { host, port, .. } => {
            let address = (host.clone(), *port);
            let place = new.place.in_words();
            blocking(move || {
                let connected = address.to_socket_addrs().and_then(|mut found| {
                    let first = found.next().ok_or(std::io::ErrorKind::NotFound)?;
                    std::net::TcpStream::connect_timeout(&first, PATIENCE)
                });
                match connected {
                    Ok(_) => Ok(()),
                    Err(error) => {
                        Err(ApiError::unavailable(format!("the {place} does not answer: {error}"))
                            .into())
                    }
                }
            })
            .await
        }
        _ => FileStore::check(&new.name, &opened(new)).await,
    }
}

/// Makes the container, bucket or folder. One that is there is left as it is.
pub async fn create(new: &NewDatastore) -> Result<()> {
    match &new.place {
        DatastorePlace::Folder { path } => {
            let path = path.clone();
            blocking(move || {
                std::fs::create_dir_all(&path)
                    .while_trying(|| format!("making the folder `{}`", Path::new(&path).display()))
            })
            .await
        }
        DatastorePlace::AzureBlob { account, container, endpoint }
        | DatastorePlace::AzureDataLakeGen2 { account, filesystem: container, endpoint } => {
            make_container(new, account, container, endpoint.as_deref()).await
        }
        DatastorePlace::S3 { bucket, region, endpoint } => {
            let store = s3(bucket, region.as_deref(), endpoint.as_deref(), new.credential.as_ref())
                .build()
                .map_err(|error| teller(new).cannot_be_opened(&error))?;
            let url = store
                .signed_url("PUT".parse().map_err(defect)?, &Default::default(), PATIENCE)
                .await
                .map_err(|error| teller(new).cannot_be_opened(&error))?;
            let mut address = url;
            let path = address.path().trim_end_matches('/').to_owned();
            address.set_path(&path);
            send(new, endpoint.as_deref(), address.as_str(), &[]).await
        }
        place => {
            Err(ApiError::invalid(format!("the {} cannot be made from here", place.in_words()))
                .hint("make it with its own tools and register it then")
                .into())
        }
    }
}

async fn make_container(
    new: &NewDatastore,
    account: &str,
    container: &str,
    endpoint: Option<&str>,
) -> Result<()> {
    let base = match endpoint {
        Some(endpoint) => endpoint.to_owned(),
        None => format!("https://{account}.blob.core.windows.net"),
    };
    let address = format!("{base}/{container}?restype=container");
    match new.credential.as_ref().map(Secret::of).transpose()?.flatten() {
        Some(Secret::Key(key)) => {
            let path = base.split_once("://").and_then(|(_, rest)| rest.split_once('/'));
            let path = path.map(|(_, path)| format!("/{path}")).unwrap_or_default();
            let date = http_date(now_ms());
            let version = "2021-08-06";
            let resource = format!("{path}/{container}\nrestype:container");
            let Some(authorization) =
                azure::authorization(account, &key, (&date, version), &resource)
            else {
                return Err(ApiError::invalid("the account key is not base64").into());
            };
            let headers = [
                ("x-ms-date", date.as_str()),
                ("x-ms-version", version),
                ("authorization", &authorization),
            ];
            send(new, endpoint, &address, &headers).await
        }
        Some(Secret::Sas(token)) => {
            send(new, endpoint, &format!("{address}&{token}"), &[("x-ms-version", "2021-08-06")])
                .await
        }
        _ => Err(ApiError::invalid("making a container needs an account key or a SAS token")
            .hint("make the container with its own tools and register it then")
            .into()),
    }
}

/// Sends a PUT without a body; that the thing is there already is well.
async fn send(
    new: &NewDatastore,
    endpoint: Option<&str>,
    address: &str,
    headers: &[(&'static str, &str)],
) -> Result<()> {
    let teller = teller(new);
    let client = ReqwestConnector::default()
        .connect(&client_options(endpoint))
        .map_err(|error| teller.cannot_be_opened(&error))?;
    let mut request = HttpRequest::new(HttpRequestBody::empty());
    *request.method_mut() = "PUT".parse().map_err(defect)?;
    *request.uri_mut() = address.parse().map_err(defect)?;
    request.headers_mut().insert("content-length", 0.into());
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().map_err(defect)?);
    }
    let place = new.place.in_words();
    let answer = client.execute(request).await.map_err(|_says_the_address| {
        ApiError::unavailable(format!("the {place} cannot be made: its service does not answer"))
            .hint("check the endpoint and try again")
    })?;
    let status = answer.status();
    // Azure says 409 when it exists, S3 says so to its owner.
    if status.is_success() || status.as_u16() == 409 {
        return Ok(());
    }
    Err(ApiError::invalid(format!("the {place} cannot be made: its service answers {status}"))
        .hint("check the credential, and the rules for such names")
        .into())
}

fn teller(new: &NewDatastore) -> Teller {
    Teller::new(&new.name, &opened(new))
}

fn opened(new: &NewDatastore) -> OpenDatastore {
    let credential: Option<Credential> = new.credential.clone();
    OpenDatastore { place: new.place.clone(), credential }
}

/// `Wed, 25 Nov 2026 15:00:00 GMT` (RFC 9110, 5.6.7).
fn http_date(time_ms: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let text = readable::date_time(time_ms);
    // The epoch was a Thursday.
    let day = DAYS[time_ms.div_euclid(86_400_000).rem_euclid(7) as usize];
    let month = text[5..7].parse().unwrap_or(1_usize);
    format!(
        "{day}, {} {} {} {} GMT",
        &text[8..10],
        MONTHS[(month - 1) % 12],
        &text[..4],
        &text[11..19]
    )
}

fn defect(error: impl std::fmt::Display) -> Error {
    Error::Defect(format!("a request to a store has no form: {error}"))
}

async fn blocking(work: impl FnOnce() -> Result<()> + Send + 'static) -> Result<()> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|panic| Error::Defect(format!("looking at a place broke down: {panic}")))?
}

/// Asks a store for its first file, so that a wrong name or key is told.
pub async fn first_file(
    store: &dyn object_store::ObjectStore,
) -> std::result::Result<(), object_store::Error> {
    match store.list(None).next().await {
        Some(Err(error)) => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::http_date;

    #[test]
    fn a_date_as_http_has_it() {
        assert_eq!(http_date(784_111_777_000), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}

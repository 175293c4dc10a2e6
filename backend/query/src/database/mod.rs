//! What databases answer to a query, as text in CSV: between quotes where it is text, `NULL` without
//! them where it is missing.

mod postgresql;
mod sqlite;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use lazuli_domain::{ApiError, ColumnType, Credential, DatastorePlace, HeaderMode, OpenDatastore};
use tokio::sync::mpsc;

use crate::error::{Result, internal};
use crate::extras::Extras;
use crate::text::columns::Emptiness;
use crate::text::delimited::Delimited;
use crate::text::encoding::Encoding;
use crate::text::read::{Bytestream, Cutting, Origin};
use crate::text::split::Rules;
use crate::text::{Format, Text};
use sqlite::Sqlite;

/// Sent at once, and how many of them may wait for the reader.
const PIECE: usize = 256 << 10;
const WAITING: usize = 4;

/// A query that the database understood.
pub struct Asked {
    /// Their names, and their types where the database says so.
    pub columns: Vec<(String, Option<ColumnType>)>,
    pub stream: Arc<dyn Bytestream>,
}

/// Asks the database what the query's columns are.
pub async fn open(
    name: &str,
    datastore: &OpenDatastore,
    query: &str,
    timeout: u64,
) -> Result<Asked> {
    let query = query.trim().trim_end_matches(';').trim_end().to_owned();
    let name = name.to_owned();
    let timeout = Duration::from_secs(timeout);
    match &datastore.place {
        DatastorePlace::Sqlite { path } => {
            let sqlite = Sqlite { name, path: path.clone(), query, timeout };
            let (columns, sqlite) = blocking(move || Ok((sqlite.columns()?, sqlite))).await?;
            Ok(Asked { columns, stream: Arc::new(sqlite) })
        }
        DatastorePlace::Postgresql { host, port, database, user, enforce_ssl } => {
            if *enforce_ssl {
                return Err(ApiError::invalid(format!(
                    "the datastore `{name}` asks for TLS, which this version does not speak to PostgreSQL"
                ))
                .hint("register it with `enforce_ssl=False` where the network is trusted, or use a TLS tunnel"));
            }
            let password = match &datastore.credential {
                Some(Credential::Password { password }) => Some(password.as_str()),
                _ => None,
            };
            let server = (host.as_str(), *port, database.as_str(), user.as_str());
            let postgresql = postgresql::Postgresql::new(name, server, password, query, timeout);
            let (columns, postgresql) =
                blocking(move || Ok((postgresql.columns()?, postgresql))).await?;
            Ok(Asked { columns, stream: Arc::new(postgresql) })
        }
        _ => Err(ApiError::invalid(format!("the datastore `{name}` is no database"))
            .hint("a query asks a datastore of the kind PostgreSQL or SQLite")),
    }
}

/// The answer as a table of text.
pub fn text(names: Vec<String>, stream: Arc<dyn Bytestream>) -> Text {
    let rules = Rules { separator: b',', multi_line: true };
    let emptiness = Emptiness { empty_as_string: false, quoted_is_text: true };
    Text {
        origins: Arc::new([Origin::Stream(stream)]),
        extras: Arc::new(Extras::default()),
        cutting: Cutting { encoding: Encoding::Utf8, rules, wide_separator: None },
        format: Format::Delimited(Delimited {
            rules,
            header: HeaderMode::NoHeaders,
            emptiness,
            names: names.into(),
            named_by: 0,
        }),
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(internal)?
}

/// Runs the work on a thread of its own; what it sends is the stream.
fn streamed(
    work: impl FnOnce(&mpsc::Sender<Result<Bytes>>) -> Result<()> + Send + 'static,
) -> BoxStream<'static, Result<Bytes>> {
    let (pieces_tx, pieces) = mpsc::channel(WAITING);
    tokio::task::spawn_blocking(move || {
        if let Err(error) = work(&pieces_tx) {
            // A reader that went away needs no error.
            let _gone = pieces_tx.blocking_send(Err(error));
        }
    });
    stream::unfold(pieces, |mut pieces| async move { Some((pieces.recv().await?, pieces)) }).boxed()
}

fn no_columns(name: &str) -> ApiError {
    ApiError::invalid(format!("the query to the database `{name}` answers no table"))
        .hint("ask with one SELECT")
}

//! PostgreSQL, by `COPY`: the quickest way that it has, and in text already.

use std::io::Read;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use lazuli_domain::{ApiError, ColumnType};
use postgres::types::Type;
use postgres::{Client, Config, NoTls};

use super::{PIECE, no_columns, streamed};
use crate::error::{Result, clean};
use crate::text::read::Bytestream;

#[derive(Clone)]
pub struct Postgresql {
    name: String,
    config: Config,
    query: String,
    timeout: Duration,
}

/// Nothing of how it is reached, which has the password in it.
impl std::fmt::Debug for Postgresql {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Postgresql").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Postgresql {
    pub fn new(
        name: String,
        (host, port, database, user): (&str, u16, &str, &str),
        password: Option<&str>,
        query: String,
        timeout: Duration,
    ) -> Postgresql {
        let mut config = Config::new();
        config
            .host(host)
            .port(port)
            .dbname(database)
            .user(user)
            .application_name("lazuli")
            .connect_timeout(Duration::from_secs(10));
        if let Some(password) = password {
            config.password(password);
        }
        Postgresql { name, config, query, timeout }
    }

    pub fn columns(&self) -> Result<Vec<(String, Option<ColumnType>)>> {
        let mut client = self.connect()?;
        // The text must be a statement by itself, before it is put between brackets.
        let statement = client.prepare(&self.query).map_err(|error| self.failed(&error))?;
        if statement.columns().is_empty() {
            return Err(no_columns(&self.name));
        }
        Ok(statement
            .columns()
            .iter()
            .map(|column| (column.name().to_owned(), Some(type_of(column.type_()))))
            .collect())
    }

    fn connect(&self) -> Result<Client> {
        let mut client = self.config.connect(NoTls).map_err(|error| self.failed(&error))?;
        client
            .batch_execute(&format!(
                "SET statement_timeout = {}; SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; \
                 SET extra_float_digits = 1; SET default_transaction_read_only = on",
                self.timeout.as_millis()
            ))
            .map_err(|error| self.failed(&error))?;
        Ok(client)
    }

    fn failed(&self, error: &postgres::Error) -> ApiError {
        let name = &self.name;
        let Some(told) = error.as_db_error() else {
            let mut text = error.to_string();
            let mut cause = std::error::Error::source(error);
            while let Some(next) = cause {
                text = format!("{text}: {next}");
                cause = next.source();
            }
            return ApiError::unavailable(format!(
                "the database `{name}` cannot be reached: {}",
                clean(&text)
            ))
            .hint("see that the server runs and that host and port are right");
        };
        match told.code().code() {
            // Of connecting: the password is wrong, the user or the database is not there.
            "28P01" | "28000" | "3D000" => ApiError::unavailable(format!(
                "the database `{name}` refuses: {}",
                clean(told.message())
            ))
            .hint("register the datastore again with the right user, password and database"),
            "57014" => ApiError::unavailable(format!(
                "the query to the database `{name}` took longer than {} seconds",
                self.timeout.as_secs()
            ))
            .hint("give it more time with `query_timeout`, or ask for less"),
            _ => ApiError::invalid(format!(
                "the database `{name}` refuses the query: {}",
                clean(told.message())
            ))
            .hint(told.hint().map_or_else(|| "try the query in `psql`".to_owned(), clean)),
        }
    }
}

impl Bytestream for Postgresql {
    fn open(&self) -> BoxStream<'static, Result<Bytes>> {
        let this = self.clone();
        streamed(move |pieces| {
            let mut client = this.connect()?;
            // A comment at the end of the query ends with its line.
            let copy = format!(
                "COPY ({}\n) TO STDOUT (FORMAT csv, FORCE_QUOTE *, NULL 'NULL')",
                this.query
            );
            let mut reader = client.copy_out(&copy).map_err(|error| this.failed(&error))?;
            // Reading behind the end is an error of this reader.
            let mut ended = false;
            while !ended {
                let mut piece = vec![0; PIECE];
                let mut length = 0;
                while length < PIECE && !ended {
                    match reader.read(&mut piece[length..]) {
                        Ok(0) => ended = true,
                        Ok(more) => length += more,
                        Err(error) => return Err(this.broken(error)),
                    }
                }
                piece.truncate(length);
                if piece.is_empty() || pieces.blocking_send(Ok(piece.into())).is_err() {
                    return Ok(());
                }
            }
            Ok(())
        })
    }
}

impl Postgresql {
    fn broken(&self, error: std::io::Error) -> ApiError {
        let text = error.to_string();
        match error.into_inner().map(|inner| inner.downcast::<postgres::Error>()) {
            Some(Ok(inner)) => self.failed(&inner),
            _ => ApiError::unavailable(format!(
                "the database `{}` broke off: {}",
                self.name,
                clean(&text)
            ))
            .hint("try again"),
        }
    }
}

fn type_of(of_database: &Type) -> ColumnType {
    match *of_database {
        Type::BOOL => ColumnType::Boolean,
        Type::INT2 | Type::INT4 | Type::INT8 | Type::OID => ColumnType::Integer,
        Type::FLOAT4 | Type::FLOAT8 | Type::NUMERIC => {
            ColumnType::Float { decimal_mark: ".".into() }
        }
        Type::DATE | Type::TIMESTAMP | Type::TIMESTAMPTZ => {
            ColumnType::Datetime { formats: Vec::new() }
        }
        _ => ColumnType::String,
    }
}

//! PostgreSQL: for a team, or for who has one anyway.

use std::cell::RefCell;
use std::collections::HashMap;
use std::error::Error as StdError;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lazuli_domain::ApiError;
use postgres::config::Host;
use postgres::types::private::BytesMut;
use postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use postgres::{Client, Config, NoTls, Statement, fallible_iterator::FallibleIterator};

use super::{Bind, Bound, Owned, Row, StoreError};
use crate::error::{Error, Result};

/// Any number that no other program uses: `lazuli` in ASCII.
const DAEMON_LOCK: i64 = 0x6c61_7a75_6c69;
/// Parameters in one statement; PostgreSQL takes 65,535.
const MOST_PARAMETERS: usize = 8_000;
/// The server may need a moment to notice that the daemon who held the lock is gone.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
/// Silence after which the way to the server is probed; the systems' two hours are too long for
/// who waits.
const SILENCE: Duration = Duration::from_secs(30);

/// Where the database is: `postgres://user:password@host:port/name`.
#[derive(Clone)]
pub struct PostgresAddress(Arc<Config>);

impl std::fmt::Display for PostgresAddress {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "database `{}`", self.0.get_dbname().unwrap_or("postgres"))?;
        match (self.0.get_hosts().first(), self.0.get_ports().first()) {
            (Some(Host::Tcp(host)), Some(port)) => write!(f, " on {host}:{port}"),
            (Some(Host::Tcp(host)), None) => write!(f, " on {host}"),
            (Some(Host::Unix(folder)), _) => write!(f, " on {}", folder.display()),
            (None, _) => Ok(()),
        }
    }
}

impl std::fmt::Debug for PostgresAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl PostgresAddress {
    pub fn parse(address: &str) -> Result<PostgresAddress> {
        let mut config: Config = address.parse().map_err(|error: postgres::Error| {
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            ApiError::invalid(format!("the address of the database is malformed{cause}"))
                .hint("give `--database postgres://user:password@host:port/name`")
        })?;
        if config.get_ssl_mode() == postgres::config::SslMode::Require {
            return Err(ApiError::invalid("PostgreSQL over TLS is not supported yet")
                .hint("reach the server through a tunnel or a socket, and leave out `sslmode=require`")
                .into());
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_PATIENCE);
        }
        if !address.contains("keepalives") {
            config.keepalives_idle(SILENCE);
            config.keepalives_interval(SILENCE / 3);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(SILENCE * 2);
        }
        config.application_name("lazuli");
        Ok(PostgresAddress(Arc::new(config)))
    }
}

pub struct PostgresConnection {
    client: RefCell<Client>,
    /// Prepared once each, by their text.
    prepared: RefCell<HashMap<String, Statement>>,
    /// How the server knows it: process id, and when that began.
    session: (i32, String),
}

impl PostgresConnection {
    /// The one that writes. A second daemon on the same database is refused: its lock lives as long
    /// as the first daemon's connection. The server may not have noticed the end of one that this
    /// daemon `lost`: that one gives way.
    pub fn open(
        address: &PostgresAddress,
        lost: Option<&PostgresConnection>,
    ) -> Result<PostgresConnection> {
        let connection = Self::connect(address)?;
        let begun = Instant::now();
        while !connection.is_true("SELECT pg_try_advisory_lock($1)", &[&DAEMON_LOCK])? {
            if begun.elapsed() > LOCK_PATIENCE {
                return Err(ApiError::conflict(format!(
                    "another daemon already serves the {address}"
                ))
                .hint("use that one, end it with `lazuli stop` where it runs, or name another database")
                .into());
            }
            if let Some(lost) = lost {
                let (pid, began) = &lost.session;
                connection.client.borrow_mut().execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                     WHERE pid = $1 AND backend_start::text = $2",
                    &[pid, began],
                )?;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        // What was acknowledged survives a power cut, whatever the server's default.
        connection.batch("SET synchronous_commit = on")?;
        Ok(connection)
    }

    pub fn open_for_reading(address: &PostgresAddress) -> Result<PostgresConnection> {
        Self::connect(address)
    }

    fn connect(address: &PostgresAddress) -> Result<PostgresConnection> {
        let mut client = address.0.connect(NoTls).map_err(|error| {
            let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
            ApiError::unavailable(format!("the {address} cannot be reached: {cause}"))
                .hint("check address, name and password, and that PostgreSQL runs")
        })?;
        // Joins are carried out in the order in which they are written: a search says where it
        // begins, and the planner, left alone with twenty conditions, thinks for minutes.
        client.batch_execute("SET client_min_messages = warning; SET join_collapse_limit = 1")?;
        let session = client.query_one(
            "SELECT pid, backend_start::text FROM pg_stat_activity WHERE pid = pg_backend_pid()",
            &[],
        )?;
        Ok(PostgresConnection {
            session: (session.try_get(0)?, session.try_get(1)?),
            client: RefCell::new(client),
            prepared: RefCell::new(HashMap::new()),
        })
    }

    fn is_true(&self, sql: &str, params: &[&(dyn ToSql + Sync)]) -> Result<bool> {
        Ok(self.client.borrow_mut().query_one(sql, params)?.try_get(0)?)
    }

    pub(super) fn execute(&self, sql: &str, params: &[&dyn Bind]) -> Result<u64, postgres::Error> {
        let statement = self.prepared(sql)?;
        let params = bound(params);
        let params: Vec<&(dyn ToSql + Sync)> =
            params.iter().map(|param| param as &(dyn ToSql + Sync)).collect();
        self.client.borrow_mut().execute(&statement, &params)
    }

    pub(super) fn each(
        &self,
        sql: &str,
        params: &[&dyn Bind],
        take: &mut dyn FnMut(&Row<'_>) -> Result<bool>,
    ) -> Result<()> {
        let statement = self.prepared(sql)?;
        let params = bound(params);
        // A small batch at a time would need a cursor; `take` may ask the database itself, and one
        // connection answers one question at a time, so the rows are fetched first.
        let rows: Vec<postgres::Row> = {
            let mut client = self.client.borrow_mut();
            client
                .query_raw(&statement, params.iter().map(|param| param as &(dyn ToSql + Sync)))?
                .collect()?
        };
        for row in &rows {
            if !take(&Row::Postgres(row))? {
                break;
            }
        }
        Ok(())
    }

    pub(super) fn insert_all<const N: usize>(
        &self,
        table: &str,
        columns: [&str; N],
        rows: &[[Bound<'_>; N]],
    ) -> Result<(), postgres::Error> {
        // Whole powers of two, so that few statements are prepared.
        let mut rest = rows;
        while !rest.is_empty() {
            let most = (MOST_PARAMETERS / N).min(rest.len());
            let size = 1 << most.ilog2();
            let (now, later) = rest.split_at(size);
            let places: Vec<String> = (0..size)
                .map(|row| {
                    let places: Vec<String> =
                        (1..=N).map(|column| format!("?{}", row * N + column)).collect();
                    format!("({})", places.join(", "))
                })
                .collect();
            let sql = format!(
                "INSERT INTO {table} ({}) VALUES {}",
                columns.join(", "),
                places.join(", ")
            );
            let params: Vec<&dyn Bind> =
                now.iter().flatten().map(|value| value as &dyn Bind).collect();
            self.execute(&sql, &params)?;
            rest = later;
        }
        Ok(())
    }

    pub(super) fn batch(&self, sql: &str) -> Result<(), StoreError> {
        Ok(self.client.borrow_mut().batch_execute(sql)?)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.client.borrow().is_closed()
    }

    pub(super) fn close(self) -> Result<(), StoreError> {
        Ok(self.client.into_inner().close()?)
    }

    fn prepared(&self, sql: &str) -> Result<Statement, postgres::Error> {
        if let Some(statement) = self.prepared.borrow().get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.borrow_mut().prepare(&sql.replace('?', "$"))?;
        self.prepared.borrow_mut().insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

/// A migration in PostgreSQL's spelling. Texts are compared byte by byte, as SQLite does.
pub(super) fn spelled(sql: &str) -> String {
    let without_comments: String = sql
        .lines()
        .map(|line| line.split("--").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n");
    [
        (") STRICT, WITHOUT ROWID", ")"),
        (") STRICT", ")"),
        (
            "INTEGER PRIMARY KEY AUTOINCREMENT",
            "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
        ),
        ("INTEGER", "BIGINT"),
        (" ANY", " DOUBLE PRECISION"),
        ("BLOB", "BYTEA"),
        (" TEXT", " TEXT COLLATE \"C\""),
    ]
    .into_iter()
    .fold(without_comments, |sql, (from, to)| sql.replace(from, to))
}

fn bound<'a>(params: &'a [&dyn Bind]) -> Vec<Parameter<'a>> {
    params.iter().map(|param| Parameter(param.bound())).collect()
}

#[derive(Debug)]
struct Parameter<'a>(Bound<'a>);

impl ToSql for Parameter<'_> {
    fn to_sql(
        &self,
        wanted: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match self.0 {
            Bound::Null => Ok(IsNull::Yes),
            Bound::Integer(value) if *wanted == Type::FLOAT8 => (value as f64).to_sql(wanted, out),
            Bound::Integer(value) if *wanted == Type::INT4 => {
                i32::try_from(value)?.to_sql(wanted, out)
            }
            Bound::Integer(value) => value.to_sql(wanted, out),
            Bound::Real(value) => value.to_sql(wanted, out),
            Bound::Text(value) => value.to_sql(wanted, out),
            Bound::Bytes(value) => value.to_sql(wanted, out),
        }
    }

    /// Any: the statement's own types decide, and a value that does not fit them is an error.
    fn accepts(_type: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// True when the server went away, or was not reached at all.
pub(in crate::store) fn is_lost(error: &postgres::Error) -> bool {
    use postgres::error::SqlState;
    let ends = [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN, SqlState::CANNOT_CONNECT_NOW];
    error.is_closed()
        || error.code().is_some_and(|code| ends.contains(code))
        || error.source().is_some_and(|cause| cause.is::<std::io::Error>())
}

impl From<postgres::Error> for StoreError {
    fn from(error: postgres::Error) -> Self {
        Self::Postgres(error)
    }
}

impl From<postgres::Error> for Error {
    fn from(error: postgres::Error) -> Self {
        Self::Store(StoreError::Postgres(error))
    }
}

pub(super) fn owned(row: &postgres::Row, at: usize) -> Result<Owned> {
    let column = row.columns().get(at).map(|column| column.type_().clone());
    let value = match column {
        Some(Type::FLOAT8) => row.try_get::<_, Option<f64>>(at)?.map(Owned::Real),
        Some(Type::BYTEA) => row.try_get::<_, Option<Vec<u8>>>(at)?.map(Owned::Bytes),
        Some(Type::TEXT) => row.try_get::<_, Option<String>>(at)?.map(Owned::Text),
        _ => row.try_get::<_, Option<i64>>(at)?.map(Owned::Integer),
    };
    Ok(value.unwrap_or(Owned::Null))
}

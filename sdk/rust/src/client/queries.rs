use std::io::Read;

use lazuli_domain::{
    ApiError, SqlAnswer, SqlRequest, TableAsk, TableInput, TablePreview, TableProfile, TableQuery,
};
use serde::Deserialize;

use super::transport::{Body, ResponseBody};
use super::{Client, encode, workspace_target};
use crate::{Error, Result};

/// A header of an answer: the query by which its fate can be asked.
const QUERY_HEADER: &str = "lazuli-query";

#[derive(Deserialize)]
struct Counted {
    count: u64,
}

#[derive(Deserialize)]
struct Described {
    columns: Vec<lazuli_domain::TableColumn>,
}

impl Client {
    /// The first rows of a table.
    pub fn preview_table(
        &self,
        workspace: &str,
        table: TableInput,
        rows: u64,
    ) -> Result<TablePreview> {
        self.ask_table(workspace, table, TableAsk::Preview { rows })
    }

    /// Each column of a table in figures.
    pub fn profile_table(&self, workspace: &str, table: TableInput) -> Result<TableProfile> {
        self.ask_table(workspace, table, TableAsk::Profile)
    }

    pub fn table_columns(
        &self,
        workspace: &str,
        table: TableInput,
    ) -> Result<Vec<lazuli_domain::TableColumn>> {
        let described: Described = self.ask_table(workspace, table, TableAsk::Columns)?;
        Ok(described.columns)
    }

    pub fn count_rows(&self, workspace: &str, table: TableInput) -> Result<u64> {
        let counted: Counted = self.ask_table(workspace, table, TableAsk::Count)?;
        Ok(counted.count)
    }

    /// All rows of a table, as an Arrow IPC stream.
    pub fn table_rows(&self, workspace: &str, table: TableInput) -> Result<ArrowStream> {
        let json = json(&TableQuery { table, ask: TableAsk::Rows })?;
        let target = workspace_target(workspace, "/queries");
        let response = self.send("POST", &target, Body::Json(&json))?;
        let query = response.header(QUERY_HEADER).map(str::to_owned);
        Ok(ArrowStream { client: self.clone(), query, body: response.body })
    }

    /// What a SELECT over registered datasets answers, as a notebook shows it.
    pub fn sql(&self, workspace: &str, asked: &SqlRequest) -> Result<SqlAnswer> {
        self.post(&workspace_target(workspace, "/sql"), asked)
    }

    fn ask_table<T: serde::de::DeserializeOwned>(
        &self,
        workspace: &str,
        table: TableInput,
        ask: TableAsk,
    ) -> Result<T> {
        self.post(&workspace_target(workspace, "/queries"), &TableQuery { table, ask })
    }
}

fn json(query: &TableQuery) -> Result<Vec<u8>> {
    serde_json::to_vec(query).map_err(|error| {
        let message = "the request cannot be written as JSON";
        Error::caused_by(ApiError::new(lazuli_domain::ErrorKind::Internal, message), error)
    })
}

/// Rows as they come from the daemon: an Arrow IPC stream, which the `arrow` crate reads as record
/// batches.
///
/// ```text
/// let reader = arrow::ipc::reader::StreamReader::try_new(dataset.arrow_stream()?, None)?;
/// for batch in reader {
///     println!("{} rows", batch?.num_rows());
/// }
/// ```
///
/// A query that fails on its way ends the stream with the error that says why.
pub struct ArrowStream {
    client: Client,
    query: Option<String>,
    body: ResponseBody,
}

impl ArrowStream {
    /// Why the stream broke off, as far as the daemon knows.
    fn fate(&self) -> Option<Error> {
        let query = self.query.as_ref()?;
        let told: Result<ApiError> = self.client.get(&format!("/api/queries/{}", encode(query)));
        told.ok().map(Error::from)
    }
}

impl Read for ArrowStream {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self.body.read(buffer) {
            Err(error) if error.kind() != std::io::ErrorKind::Interrupted => {
                Err(self.fate().map_or(error, std::io::Error::other))
            }
            read => read,
        }
    }
}

impl std::fmt::Debug for ArrowStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArrowStream").field("query", &self.query).finish_non_exhaustive()
    }
}

use lazuli_domain::ErrorKind;
use serde::{Deserialize, Serialize};
use tower_lsp_server::jsonrpc::Result;

use super::ask;

const STANDARD_LOG: &str = "user_logs/std_log.txt";

#[derive(Debug, Deserialize)]
pub struct LogParams {
    pub run: String,
    pub file: Option<String>,
    #[serde(default)]
    pub offset: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct LogText {
    pub text: String,
    /// Where to ask on.
    pub offset: u64,
    pub size: u64,
}

#[derive(Debug, Deserialize)]
pub struct LogsParams {
    pub run: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct LogName {
    pub name: String,
    pub size: u64,
}

/// A piece of a log; an empty one while the script has said nothing.
pub async fn log(params: LogParams) -> Result<LogText> {
    ask(move |client| {
        let file = params.file.as_deref().unwrap_or(STANDARD_LOG);
        let chunk = match client.read_log(&params.run, file, params.offset) {
            Ok(chunk) => chunk,
            Err(error)
                if error.kind() == ErrorKind::NotFound && client.run(&params.run).is_ok() =>
            {
                return Ok(LogText {
                    text: String::new(),
                    offset: params.offset,
                    size: params.offset,
                });
            }
            Err(error) => return Err(error),
        };
        let whole = whole_characters(&chunk.bytes);
        Ok(LogText {
            text: String::from_utf8_lossy(&chunk.bytes[..whole]).into_owned(),
            offset: params.offset + whole as u64,
            size: chunk.size,
        })
    })
    .await
}

pub async fn logs(params: LogsParams) -> Result<Vec<LogName>> {
    ask(move |client| {
        let logs = client.logs(&params.run)?.into_iter();
        Ok(logs.map(|log| LogName { name: log.path, size: log.size }).collect())
    })
    .await
}

/// A character that is cut off at the end comes with the next piece.
fn whole_characters(bytes: &[u8]) -> usize {
    let start = bytes.iter().rposition(|byte| *byte < 0x80 || *byte >= 0xC0).unwrap_or(0);
    match std::str::from_utf8(&bytes[start..]) {
        Err(error) if error.error_len().is_none() && start > 0 => start,
        _ => bytes.len(),
    }
}

//! What the daemon says when it starts the worker: one argument and one environment variable.

use std::path::PathBuf;

use anyhow::{Context, bail};

/// Enough for DataFusion, beside what a query itself holds, to stay below 300 MB.
const MEMORY_MB: usize = 160;

pub struct Config {
    /// Where a query puts what its memory does not hold.
    pub folder: PathBuf,
    /// Bytes that operators may hold before they write to the folder.
    pub memory: usize,
}

impl Config {
    /// `lazuli-query [--folder FOLDER]`, `LAZULI_QUERY_MEMORY_MB`.
    pub fn read() -> anyhow::Result<Config> {
        let mut words = std::env::args_os().skip(1);
        let mut folder = std::env::temp_dir();
        while let Some(word) = words.next() {
            match (word.to_str(), words.next()) {
                (Some("--folder"), Some(given)) => folder = given.into(),
                _ => bail!("`lazuli-query` is started by `lazuli serve`: --folder FOLDER"),
            }
        }
        let megabytes = match std::env::var("LAZULI_QUERY_MEMORY_MB") {
            Ok(given) => given
                .trim()
                .parse()
                .with_context(|| format!("LAZULI_QUERY_MEMORY_MB is `{given}`, not a number"))?,
            Err(_unset) => MEMORY_MB,
        };
        Ok(Config { folder, memory: megabytes.max(16) << 20 })
    }
}

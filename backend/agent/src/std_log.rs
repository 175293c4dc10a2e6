//! The agent's own copy of what the script said: `runs/<run_id>/std_log.txt`.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Appends to the log; a full disk must not stall the script, so what cannot be kept is counted.
pub struct StdLog {
    file: File,
    path: PathBuf,
    size: u64,
    lost: u64,
    on_growth: Box<dyn Fn(u64)>,
}

impl StdLog {
    /// `on_growth` is told the size after each piece.
    pub fn create(path: &Path, on_growth: impl Fn(u64) + 'static) -> io::Result<StdLog> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let size = file.metadata()?.len();
        Ok(StdLog { file, path: path.to_owned(), size, lost: 0, on_growth: Box::new(on_growth) })
    }

    pub fn append(&mut self, bytes: &[u8]) {
        match self.file.write_all(bytes) {
            Ok(()) => {}
            Err(error) => {
                if self.lost == 0 {
                    tracing::error!("the log cannot be written: {error}");
                }
                self.lost += bytes.len() as u64;
            }
        }
        // After a partly failed write the file itself knows best.
        self.size = self.file.metadata().map_or(self.size, |metadata| metadata.len());
        (self.on_growth)(self.size);
    }

    /// A line of the agent's own.
    pub fn say(&mut self, line: &str) {
        self.append(format!("[lazuli] {line}\n").as_bytes());
    }

    /// Says, when there is room again, that something is missing.
    pub fn close(&mut self) {
        if self.lost > 0 {
            self.say(&format!("{} bytes of output could not be kept on the disk", self.lost));
        }
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// The last bytes, at most so many, that were written from `start` on.
    pub fn tail(&self, start: u64, most: u64) -> io::Result<String> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(start.max(self.size.saturating_sub(most))))?;
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

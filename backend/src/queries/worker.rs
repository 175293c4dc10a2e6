//! A worker process: started, asked, heard.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use bytes::Bytes;
use lazuli_domain::{ApiError, ErrorKind};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::error::{FileContext, Result};

const NAME: &str = "lazuli-query";
/// No frame is that long; a length beyond it is not one.
const LONGEST: u32 = 1 << 30;

/// The worker's program, which lies beside this one.
pub fn program() -> PathBuf {
    std::env::current_exe().map_or_else(|_| NAME.into(), |program| program.with_file_name(NAME))
}

/// Killed when it is dropped.
pub struct Worker {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    _folder: TempDir,
}

/// What a worker says.
pub enum Frame {
    Data(Bytes),
    Failed(ApiError),
    End,
}

impl Worker {
    /// Must be called on a runtime's thread; may block.
    pub fn start(program: &Path, folder: &Path) -> Result<Worker> {
        if !program.is_file() {
            return Err(ApiError::unavailable(format!(
                "the program `{NAME}`, which reads tables, is not at `{}`",
                program.display()
            ))
            .hint("install it beside `lazuli`")
            .into());
        }
        let own = tempfile::Builder::new().prefix("worker-").tempdir_in(folder);
        let own = own.while_trying(|| format!("making a folder in `{}`", folder.display()))?;
        let mut process = Command::new(program)
            .arg("--folder")
            .arg(own.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // What it says there is for the daemon's log.
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .while_trying(|| format!("starting `{}`", program.display()))?;
        let pipes = process.stdin.take().zip(process.stdout.take());
        let (input, output) = pipes.ok_or_else(|| {
            crate::error::Error::Defect("a worker was started without its pipes".into())
        })?;
        // As large as rows come, so that worker and client do not wait for each other's every word.
        Ok(Worker {
            process,
            input,
            output: BufReader::with_capacity(256 << 10, output),
            _folder: own,
        })
    }

    pub fn is_alive(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    pub async fn ask(&mut self, line: &[u8]) -> Result<(), ApiError> {
        let written = async {
            self.input.write_all(line).await?;
            self.input.flush().await
        };
        match written.await {
            Ok(()) => Ok(()),
            Err(_gone) => Err(self.end().await),
        }
    }

    /// The next frame. An error means that the worker is of no more use.
    pub async fn next(&mut self) -> Result<Frame, ApiError> {
        match self.read().await {
            Ok(frame) => Ok(frame),
            Err(_gone) => Err(self.end().await),
        }
    }

    async fn read(&mut self) -> std::io::Result<Frame> {
        let kind = self.output.read_u8().await?;
        let length = self.output.read_u32_le().await?;
        if length > LONGEST {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
        let mut bytes = vec![0; length as usize];
        self.output.read_exact(&mut bytes).await?;
        match kind {
            b'd' => Ok(Frame::Data(bytes.into())),
            b'e' => Ok(Frame::Failed(serde_json::from_slice(&bytes)?)),
            b'z' => Ok(Frame::End),
            _ => Err(std::io::ErrorKind::InvalidData.into()),
        }
    }

    /// Why it went away.
    async fn end(&mut self) -> ApiError {
        // It may live on and say what nobody understands.
        let _gone = self.process.start_kill();
        let ended = self.process.wait().await;
        let how = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
        ApiError::new(
            ErrorKind::Unavailable,
            format!("the process that read the table ended before its answer: {how}"),
        )
        .hint("try again; when it ends again, ask for fewer columns or rows: it may lack memory")
    }
}

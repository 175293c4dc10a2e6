//! What the worker says on its standard output: frames of a kind (one byte), a length (32 bits, little
//! end first) and so many bytes.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use lazuli_domain::ApiError;

/// Clones write to the same output, whole frames at a time.
#[derive(Clone)]
pub struct Frames(Arc<Mutex<io::Stdout>>);

impl Frames {
    pub fn new() -> Frames {
        // Where it is a pipe, it may hold a whole piece: the daemon is woken less often.
        // SAFETY: the call takes numbers; what it does not do, changes nothing.
        unsafe { libc::fcntl(libc::STDOUT_FILENO, libc::F_SETPIPE_SZ, 1 << 20) };
        Frames(Arc::new(Mutex::new(io::stdout())))
    }

    /// A part of the answer.
    pub fn data(&self, bytes: &[u8]) -> io::Result<()> {
        self.write(b'd', bytes)
    }

    /// The answer is whole.
    pub fn end(&self) -> io::Result<()> {
        self.write(b'z', &[])
    }

    /// The answer ends here, and why.
    pub fn error(&self, error: &ApiError) -> io::Result<()> {
        self.write(b'e', &serde_json::to_vec(error)?)
    }

    /// As [`Frames::error`], for who ends the process: a frame that is being written is not waited for.
    pub fn last_words(&self, error: &ApiError) {
        if let (Ok(mut output), Ok(bytes)) = (self.0.try_lock(), serde_json::to_vec(error)) {
            // Nobody is left to tell when this fails.
            let _ended = write(&mut output, b'e', &bytes);
        }
    }

    fn write(&self, kind: u8, bytes: &[u8]) -> io::Result<()> {
        let mut output = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        write(&mut output, kind, bytes)
    }
}

fn write(output: &mut io::Stdout, kind: u8, bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    let mut head = [kind, 0, 0, 0, 0];
    head[1..].copy_from_slice(&length.to_le_bytes());
    let mut output = output.lock();
    output.write_all(&head)?;
    output.write_all(bytes)?;
    output.flush()
}

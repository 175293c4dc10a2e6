use std::fs::File;
use std::io::Read;
use std::path::Path;

use lazuli::Result;
use lazuli_domain::ApiError;
use sha2::{Digest, Sha256};

/// Size and SHA-256 of a file, read in pieces.
pub(crate) fn of_file(path: &Path) -> Result<(u64, String)> {
    let mut file = open(path)?;
    let mut digest = Sha256::new();
    let mut size = 0;
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let count = file.read(&mut buffer).map_err(|error| unreadable(path, &error))?;
        if count == 0 {
            return Ok((size, hex(&digest.finalize())));
        }
        digest.update(&buffer[..count]);
        size += count as u64;
    }
}

pub(crate) fn of_bytes(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(crate) fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(|error| unreadable(path, &error))
}

pub(crate) fn unreadable(path: &Path, error: &std::io::Error) -> lazuli::Error {
    let shown = path.display();
    match error.kind() {
        std::io::ErrorKind::NotFound => {
            ApiError::new(lazuli_domain::ErrorKind::NotFound, format!("`{shown}` does not exist"))
                .hint("check the path; relative ones start at the current folder")
        }
        _ => ApiError::unavailable(format!("`{shown}` cannot be read: {error}"))
            .hint("check its permissions"),
    }
    .into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

//! Archives as files: written whole or not at all, and read once more before they count.

use std::fs::File;
use std::io::{BufReader, Error, ErrorKind, Read, Write};
use std::path::Path;

use super::transport::ResponseBody;
use crate::sha256::Sha256;

const BLOCK: usize = 512;

/// Writes what is received to `file`, which is there whole and checked or not at all.
pub(super) fn save(
    mut body: ResponseBody,
    file: &Path,
    progress: &mut dyn FnMut(u64),
) -> std::io::Result<u64> {
    let Some(name) = file.file_name() else {
        return Err(Error::new(ErrorKind::InvalidInput, "this names no file"));
    };
    let mut partial_name = name.to_owned();
    partial_name.push(format!(".{}.part", std::process::id()));
    let partial = file.with_file_name(partial_name);
    let written = write(&mut body, &partial, progress).and_then(|size| {
        check(BufReader::with_capacity(1 << 20, File::open(&partial)?))?;
        std::fs::rename(&partial, file)?;
        Ok(size)
    });
    if written.is_err() {
        // The first error is the one to tell; a leftover is harmless.
        let _ = std::fs::remove_file(&partial);
    }
    written
}

fn write(
    body: &mut ResponseBody,
    file: &Path,
    progress: &mut dyn FnMut(u64),
) -> std::io::Result<u64> {
    use std::os::unix::fs::OpenOptionsExt;
    // It holds whatever somebody logged: for its owner alone.
    let mut output =
        File::options().write(true).create(true).truncate(true).mode(0o600).open(file)?;
    let mut buffer = vec![0; 256 << 10];
    let mut size = 0;
    loop {
        match body.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                output.write_all(&buffer[..count])?;
                size += count as u64;
                progress(size);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    output.sync_all()?;
    Ok(size)
}

/// An archive ends with the digest of everything before its end.
fn check(mut archive: impl Read) -> std::io::Result<()> {
    let damaged = || Error::new(ErrorKind::InvalidData, "what was written is torn or damaged");
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        let mut header = [0; BLOCK];
        archive.read_exact(&mut header).map_err(|_| damaged())?;
        let size = size_of(&header).ok_or_else(damaged)?;
        if header.starts_with(b"end.json\0") {
            let mut text = vec![0; usize::try_from(size).map_err(|_| damaged())?];
            archive.read_exact(&mut text).map_err(|_| damaged())?;
            let end: serde_json::Value = serde_json::from_slice(&text).map_err(|_| damaged())?;
            return match end["sha256"] == hash.finish() {
                true => Ok(()),
                false => Err(damaged()),
            };
        }
        hash.update(&header);
        let mut left = size.next_multiple_of(BLOCK as u64);
        while left > 0 {
            let now = left.min(buffer.len() as u64) as usize;
            archive.read_exact(&mut buffer[..now]).map_err(|_| damaged())?;
            hash.update(&buffer[..now]);
            left -= now as u64;
        }
    }
}

/// Of the file whose tar header this is.
fn size_of(header: &[u8; BLOCK]) -> Option<u64> {
    if header[124] == 0x80 {
        return Some(u64::from_be_bytes(header[128..136].try_into().ok()?));
    }
    let octal = std::str::from_utf8(&header[124..135]).ok()?;
    u64::from_str_radix(octal, 8).ok()
}

//! Tar as far as an archive of ours needs it: plain files, so that any `tar` shows what is in it
//! (POSIX.1-1988 ustar; a size from 8 GiB on in GNU's base-256 form).

pub const BLOCK: usize = 512;

/// The header of a file. Names of ours are ASCII and shorter than 100 bytes.
pub fn header(name: &str, size: u64, time_ms: i64) -> [u8; BLOCK] {
    let mut header = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &name.as_bytes()[..name.len().min(100)]);
    put(100, b"0000600\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    if size < 1 << 33 {
        put(124, format!("{size:011o}\0").as_bytes());
    } else {
        put(124, &[0x80, 0, 0, 0]);
        put(128, &size.to_be_bytes());
    }
    put(136, format!("{:011o}\0", (time_ms / 1000).max(0)).as_bytes());
    put(156, b"0");
    put(257, b"ustar\x0000");
    put(148, b"        ");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

/// Zeros that fill the last block of a file.
pub fn padding(size: u64) -> usize {
    (BLOCK - (size % BLOCK as u64) as usize) % BLOCK
}

/// Name and size of the file whose header this is; `None` at the end of the archive.
pub fn read_header(header: &[u8; BLOCK]) -> Result<Option<(String, u64)>, &'static str> {
    if header.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    let mut blank = *header;
    blank[148..156].fill(b' ');
    let sum: u32 = blank.iter().map(|byte| u32::from(*byte)).sum();
    if octal(&header[148..156]) != Some(u64::from(sum)) {
        return Err("a header is damaged");
    }
    if header[156] != b'0' && header[156] != 0 {
        return Err("it holds something else than files");
    }
    let name = header[..100].split(|byte| *byte == 0).next().unwrap_or_default();
    let name = std::str::from_utf8(name).map_err(|_| "a name is no text")?;
    let size = match header[124] {
        0x80 => Some(u64::from_be_bytes(header[128..136].try_into().unwrap_or_default())),
        _ => octal(&header[124..136]),
    };
    Ok(Some((name.to_owned(), size.ok_or("a size is damaged")?)))
}

fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?;
    u64::from_str_radix(text.trim_matches([' ', '\0']), 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_as_it_was_written() {
        for size in [0, 1, 511, 512, (1 << 33) - 1, 1 << 33, u64::MAX >> 1] {
            let written = header("blobs/abc", size, 1_700_000_000_000);
            assert_eq!(read_header(&written), Ok(Some(("blobs/abc".to_owned(), size))), "{size}");
            let mut damaged = written;
            damaged[3] ^= 1;
            assert!(read_header(&damaged).is_err());
        }
        assert_eq!(read_header(&[0; BLOCK]), Ok(None));
        assert_eq!((padding(0), padding(1), padding(512)), (0, 511, 0));
    }
}

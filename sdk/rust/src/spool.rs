//! Writes records to a run's spool file, as `lazuli_domain`'s spool module asks.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use lazuli_domain::{SpoolRecord, spool_line};

use crate::{Error, Result};

/// Whether the record is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Appended {
    Yes,
    /// The run takes no records: it has ended, or it never was.
    NoSuchRun,
}

pub(crate) fn append(path: &Path, record: &SpoolRecord) -> Result<Appended> {
    let failed = |error| Error::io(format!("cannot write to `{}`", path.display()), error);
    let mut file = match OpenOptions::new().append(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Appended::NoSuchRun),
        Err(error) => return Err(failed(error)),
    };
    file.lock_shared().map_err(failed)?;
    // The daemon ends a run under the exclusive lock and removes the file before it lets go. What
    // would be written to a removed file is read by nobody.
    if file.metadata().map_err(failed)?.nlink() == 0 {
        return Ok(Appended::NoSuchRun);
    }
    write_line(&mut file, spool_line(record).as_bytes()).map_err(failed)?;
    Ok(Appended::Yes)
}

/// One `write`, so that lines of several processes never mix. After a short one (a full disk, a
/// signal) the whole line follows; the newline in front of it closes the torn one.
fn write_line(file: &mut File, line: &[u8]) -> std::io::Result<()> {
    let mut is_torn = false;
    loop {
        match file.write(line) {
            Ok(written) if written == line.len() => return Ok(()),
            Ok(_) if is_torn => {
                return Err(std::io::Error::new(
                    ErrorKind::StorageFull,
                    "the record could not be written whole",
                ));
            }
            Ok(_) => is_torn = true,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(value: &str) -> SpoolRecord {
        SpoolRecord::Tag { key: "k".into(), value: value.into() }
    }

    #[test]
    fn a_run_without_spool_file_takes_nothing_and_none_is_made() {
        let path = std::env::temp_dir().join(format!("lazuli-spool-{}", std::process::id()));
        assert_eq!(append(&path, &tag("a")).unwrap(), Appended::NoSuchRun);
        assert!(!path.exists());
    }

    #[test]
    fn records_of_many_writers_stay_whole() {
        let path = std::env::temp_dir().join(format!("lazuli-spool-many-{}", std::process::id()));
        std::fs::write(&path, "").unwrap();
        let text = "x".repeat(20_000);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        assert_eq!(append(&path, &tag(&text)).unwrap(), Appended::Yes);
                    }
                });
            }
        });
        let content = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let records: Vec<SpoolRecord> = content
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| lazuli_domain::parse_spool_line(line).unwrap())
            .collect();
        assert_eq!(records, vec![tag(&text); 200]);
    }

    #[test]
    fn a_record_after_a_torn_one_is_whole() {
        let path = std::env::temp_dir().join(format!("lazuli-spool-torn-{}", std::process::id()));
        std::fs::write(&path, "{\"record\":\"met").unwrap();
        assert_eq!(append(&path, &tag("whole")).unwrap(), Appended::Yes);
        let content = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let last = content.lines().last().unwrap();
        assert_eq!(lazuli_domain::parse_spool_line(last.as_bytes()), Ok(tag("whole")));
    }

    #[test]
    fn a_file_removed_while_waiting_for_the_lock_takes_nothing() {
        let path = std::env::temp_dir().join(format!("lazuli-spool-gone-{}", std::process::id()));
        std::fs::write(&path, "").unwrap();
        let daemon = File::open(&path).unwrap();
        daemon.lock().unwrap();
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| append(&path, &tag("late")).unwrap());
            // The writer holds the file open as soon as it waits for the lock.
            while holders(&path) < 2 {
                std::thread::yield_now();
            }
            std::fs::remove_file(&path).unwrap();
            daemon.unlock().unwrap();
            assert_eq!(writer.join().unwrap(), Appended::NoSuchRun);
        });
    }

    fn holders(path: &Path) -> usize {
        std::fs::read_dir("/proc/self/fd")
            .unwrap()
            .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
            .filter(|target| target == path)
            .count()
    }
}

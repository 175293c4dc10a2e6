//! What this machine has, as Linux tells it.

use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};

use lazuli::domain::Resources;

/// What is not told stays zero or empty.
pub fn look(folder: &Path) -> Resources {
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    Resources {
        system: system(),
        cores: std::thread::available_parallelism()
            .map_or(0, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX)),
        load: load.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or_default(),
        memory: kilobytes(&memory, "MemTotal:"),
        memory_free: kilobytes(&memory, "MemAvailable:"),
        disk_free: disk_free(folder),
        gpus: gpus(),
    }
}

fn system() -> String {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    name.map(|name| name.trim_matches('"').to_owned()).unwrap_or_default()
}

/// Bytes.
fn kilobytes(facts: &str, name: &str) -> u64 {
    let value = facts.lines().find_map(|line| line.strip_prefix(name));
    let number = value.and_then(|value| value.trim().strip_suffix("kB"));
    number.and_then(|number| number.trim().parse::<u64>().ok()).map_or(0, |number| number * 1024)
}

fn disk_free(folder: &Path) -> u64 {
    let Ok(path) = CString::new(folder.as_os_str().as_bytes()) else { return 0 };
    // SAFETY: the path ends with a zero, and the call fills the structure when it answers 0.
    unsafe {
        let mut facts: libc::statvfs = std::mem::zeroed();
        match libc::statvfs(path.as_ptr(), &mut facts) {
            0 => facts.f_bavail as u64 * facts.f_frsize as u64,
            _ => 0,
        }
    }
}

fn gpus() -> Vec<String> {
    let asked = Command::new("nvidia-smi")
        .args([
            "--query-gpu=name,memory.total,memory.used,utilization.gpu",
            "--format=csv,noheader",
        ])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let said = asked.ok().filter(|asked| asked.status.success()).map(|asked| asked.stdout);
    let said = said.unwrap_or_default();
    String::from_utf8_lossy(&said).lines().map(|line| line.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_something() {
        let here = look(Path::new("/"));
        assert!(here.cores > 0 && here.memory > here.memory_free && here.disk_free > 0, "{here:?}");
    }
}

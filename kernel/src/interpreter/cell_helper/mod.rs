//! Compiles the helper library that gives the runtime a grip on the cells' `stdout` and panics.

use std::path::PathBuf;
use std::process::Command;

use super::toolchain::{Toolchain, cache_folder};

const SOURCE: &str = include_str!("helper.rs");

/// Path of the helper for this toolchain, compiled when it is not there yet (0.1 to 0.7 s).
pub fn prepare(toolchain: &Toolchain) -> Result<PathBuf, String> {
    let folder = cache_folder()?.join(format!("helper-{}", toolchain.key(SOURCE)));
    let library = folder.join("libhelper.so");
    if library.exists() {
        return Ok(library);
    }
    let failed = |error: std::io::Error| format!("could not write {}: {error}", folder.display());
    std::fs::create_dir_all(&folder).map_err(failed)?;
    // Several kernels may start at once: each compiles for itself, the last rename wins. The
    // result stays in its folder, because the path to libstd in it is relative.
    let own = tempfile::Builder::new().prefix("building-").tempdir_in(&folder).map_err(failed)?;
    let source = own.path().join("helper.rs");
    let built = tempfile::NamedTempFile::new_in(&folder).map_err(failed)?.into_temp_path();
    std::fs::write(&source, SOURCE).map_err(failed)?;
    let output = Command::new(&toolchain.rustc)
        .args(["--edition=2024", "--crate-type=cdylib", "-Cprefer-dynamic", "-Crpath", "-O", "-o"])
        .arg(&built)
        .arg(&source)
        .output()
        .map_err(|error| format!("could not start {}: {error}", toolchain.rustc.display()))?;
    if !output.status.success() {
        return Err(format!(
            "rustc could not compile the kernel's helper library: {}",
            String::from_utf8_lossy(&output.stderr).trim_end()
        ));
    }
    built.persist(&library).map_err(|error| failed(error.error))?;
    Ok(library)
}

//! Which Rust toolchain compiles the cells, and what to install when something is missing.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

pub struct Toolchain {
    pub rustc: PathBuf,
    pub cargo: PathBuf,
    /// Output of `rustc -vV`.
    pub version: String,
    /// The sources of std, which type inference and completion read.
    pub library_sources: PathBuf,
}

/// What is missing, in one sentence, and how to get it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    pub what: String,
    pub hint: String,
}

impl Toolchain {
    /// Looks as evcxr does: rustup's choice first, then the search path.
    pub fn find() -> Result<Toolchain, Missing> {
        let rustc = tool("rustc").ok_or_else(|| Missing {
            what: "Rust cells need `rustc`, which is not on the search path".to_owned(),
            hint: "install Rust with rustup (see https://rustup.rs), then run the cell again"
                .to_owned(),
        })?;
        let cargo = tool("cargo").ok_or_else(|| Missing {
            what: "Rust cells need `cargo`, which is not on the search path".to_owned(),
            hint: "install Rust with rustup (see https://rustup.rs), then run the cell again"
                .to_owned(),
        })?;
        let ask = |arguments: &[&str]| -> Result<String, Missing> {
            let broken = |why: String| Missing {
                what: format!("`{} {}` failed: {why}", rustc.display(), arguments.join(" ")),
                hint: "check that `rustc --version` works in a terminal".to_owned(),
            };
            let output = Command::new(&rustc)
                .args(arguments)
                .output()
                .map_err(|error| broken(error.to_string()))?;
            match output.status.success() {
                true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
                false => Err(broken(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
            }
        };
        let version = ask(&["-vV"])?;
        let sysroot = PathBuf::from(ask(&["--print", "sysroot"])?.trim());
        let library_sources = library_sources(&sysroot).ok_or_else(|| Missing {
            what: "Rust cells need the sources of the standard library (rust-src), which this \
                   toolchain does not have"
                .to_owned(),
            hint:
                "run `rustup component add rust-src` (on Debian without rustup: `apt-get install \
                   rust-web-src`), then run the cell again"
                    .to_owned(),
        })?;
        Ok(Toolchain { rustc, cargo, version, library_sources })
    }

    /// Names what was built by this toolchain from `sources`.
    pub fn key(&self, sources: &str) -> String {
        let mut digest = Sha256::new();
        digest.update(self.version.as_bytes());
        digest.update(sources.as_bytes());
        digest.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The target triple that rustc builds for.
    pub fn host(&self) -> &str {
        self.version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default()
    }
}

/// Where compiled things are kept between sessions: `$XDG_CACHE_HOME/lazuli/cells`.
pub fn cache_folder() -> Result<PathBuf, String> {
    let base = match std::env::var_os("XDG_CACHE_HOME").filter(|path| Path::new(path).is_absolute())
    {
        Some(path) => PathBuf::from(path),
        None => std::env::home_dir()
            .ok_or("there is no home folder to keep compiled crates in; set XDG_CACHE_HOME")?
            .join(".cache"),
    };
    Ok(base.join("lazuli").join("cells"))
}

/// A standard library without contents, laid out as rust-analyzer expects one.
pub fn empty_library() -> Result<PathBuf, String> {
    let folder = cache_folder()?.join("empty-library");
    for name in ["core", "alloc", "std", "proc_macro", "test"] {
        let sources = folder.join(name).join("src");
        std::fs::create_dir_all(&sources)
            .and_then(|()| std::fs::write(sources.join("lib.rs"), ""))
            .map_err(|error| format!("could not write below {}: {error}", folder.display()))?;
    }
    Ok(folder)
}

fn tool(name: &str) -> Option<PathBuf> {
    let rustup = Command::new("rustup").args(["which", name]).output();
    if let Ok(output) = rustup
        && output.status.success()
    {
        return Some(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// `RUST_SRC_PATH`, the toolchain's own sources, or those of a Debian package.
fn library_sources(sysroot: &Path) -> Option<PathBuf> {
    let given = std::env::var_os("RUST_SRC_PATH").map(PathBuf::from);
    library_sources_among(given, sysroot, Path::new("/usr/src"))
}

fn library_sources_among(
    given: Option<PathBuf>,
    sysroot: &Path,
    packages: &Path,
) -> Option<PathBuf> {
    let mut packaged: Vec<PathBuf> = std::fs::read_dir(packages)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            path.file_name().and_then(OsStr::to_str).is_some_and(|name| name.starts_with("rustc-"))
        })
        .map(|path| path.join("library"))
        .collect();
    packaged.sort();
    packaged.reverse();
    given
        .into_iter()
        .chain([sysroot.join("lib/rustlib/src/rust/library")])
        .chain(packaged)
        // An empty library is no answer: types could not be inferred with it.
        .find(|library| {
            std::fs::metadata(library.join("core/src/lib.rs")).is_ok_and(|file| file.len() > 0)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add_library(folder: &Path, text: &str) {
        let core = folder.join("core/src");
        std::fs::create_dir_all(&core).unwrap();
        std::fs::write(core.join("lib.rs"), text).unwrap();
    }

    #[test]
    fn the_sources_of_std_are_found_where_they_may_lie() {
        let folder = tempfile::tempdir().unwrap();
        let (sysroot, packages) = (folder.path().join("sysroot"), folder.path().join("packages"));
        let find = |given: Option<&Path>| {
            library_sources_among(given.map(Path::to_owned), &sysroot, &packages)
        };
        assert_eq!(find(None), None);

        add_library(&packages.join("rustc-1.96.0/library"), "x");
        assert_eq!(find(None), Some(packages.join("rustc-1.96.0/library")));

        let component = sysroot.join("lib/rustlib/src/rust/library");
        add_library(&component, "x");
        assert_eq!(find(None), Some(component.clone()));

        let given = folder.path().join("given");
        add_library(&given, "");
        assert_eq!(find(Some(&given)), Some(component));
        add_library(&given, "x");
        assert_eq!(find(Some(&given)), Some(given.clone()));
    }
}

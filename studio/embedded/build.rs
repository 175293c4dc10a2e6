//! Lists the files that `npm run build` made, so that they stand in the binary. Without them
//! everything builds all the same: Rust people need no Node.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() {
    // Asked when it runs: this program may have been compiled for another checkout.
    let folder = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    let studio = PathBuf::from(folder).join("..");
    let mut files = Vec::new();
    for (folder, name) in [("dist", ""), ("jupyterlab/server", "server/")] {
        let folder = studio.join(folder);
        println!("cargo:rerun-if-changed={}", folder.display());
        collect(&folder, name, &mut files);
    }
    files.sort();
    if !files.iter().any(|(name, _)| name == "studio/index.html") {
        println!(
            "cargo:warning=Studio's pages are not in this build: `make studio` builds them (it needs Node.js 20.19 or newer), then build again"
        );
    }
    let mut list = "&[\n".to_owned();
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    for (index, (name, path)) in files.into_iter().enumerate() {
        // A copy: `npm run build` may replace the files while the compiler is about to read them.
        let copy = out.join(index.to_string());
        std::fs::copy(&path, &copy).expect("a file that was just listed can be copied");
        let _ = writeln!(list, "    ({name:?}, include_bytes!({copy:?})),");
    }
    list.push(']');
    std::fs::write(out.join("files.rs"), list).expect("OUT_DIR can be written");
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<(String, PathBuf)>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if name.starts_with('.') || name == "__pycache__" {
            continue;
        }
        if path.is_dir() {
            collect(&path, &format!("{prefix}{name}/"), files);
        } else {
            files.push((format!("{prefix}{name}"), path));
        }
    }
}

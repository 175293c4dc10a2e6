//! Gathers the Python SDK for embedding: its sources without caches and tests.

use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let output = env::var_os("OUT_DIR").expect("cargo names the output folder");
    let gathered = Path::new(&output).join("python");
    if gathered.exists() {
        fs::remove_dir_all(&gathered)?;
    }
    let sdk = Path::new("..");
    for package in ["azureml", "lazuli"] {
        println!("cargo::rerun-if-changed={}", sdk.join(package).display());
        gather(&sdk.join(package), &gathered.join(package))?;
    }
    Ok(())
}

fn gather(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let Some(name) = path.file_name() else { continue };
        if path.is_dir() && name != "__pycache__" {
            gather(&path, &to.join(name))?;
        } else if path.extension().is_some_and(|extension| extension == "py" || extension == "txt")
        {
            fs::copy(&path, to.join(name))?;
        }
    }
    Ok(())
}

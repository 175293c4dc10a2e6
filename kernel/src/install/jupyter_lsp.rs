//! The language server in JupyterLab. jupyterlab-lsp finds servers by entry points of installed
//! packages (<https://jupyterlab-lsp.readthedocs.io/en/latest/Extending.html>), so a small package
//! that names `lazuli lsp` is put beside it. pip lists it and can remove it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lazuli_domain::VERSION;
use sha2::{Digest, Sha256};

const MODULE: &str = "lazuli_jupyter_lsp.py";

/// Says where packages of this Python go, if it has jupyterlab-lsp and somebody may write there.
const ASK: &str = "\
import importlib.util, os, site, sysconfig
if importlib.util.find_spec('jupyter_lsp') and importlib.util.find_spec('jupyterlab_lsp'):
    folders = [sysconfig.get_path('purelib')]
    if site.ENABLE_USER_SITE:
        folders.append(site.getusersitepackages())
    print(next((folder for folder in folders if os.access(folder, os.W_OK)), ''))
";

/// The first of these Pythons that has jupyterlab-lsp, and where its packages lie.
pub fn find(pythons: impl IntoIterator<Item = PathBuf>) -> Option<PathBuf> {
    pythons.into_iter().find_map(|python| {
        let asked = Command::new(python)
            .args(["-c", ASK])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output();
        let said = String::from_utf8(asked.ok()?.stdout).ok()?;
        let folder = said.trim();
        (!folder.is_empty()).then(|| PathBuf::from(folder))
    })
}

/// Writes the package; what was there of an earlier version goes.
pub fn write(packages: &Path, program: &Path) -> anyhow::Result<()> {
    remove(packages)?;
    let about = dist_info(packages, VERSION);
    let folder = about.file_name().context("the folder has a name")?.to_string_lossy();
    let files = [
        (MODULE.to_owned(), module(program)?),
        (
            format!("{folder}/METADATA"),
            format!(
                "Metadata-Version: 2.1\nName: lazuli-jupyter-lsp\nVersion: {VERSION}\n\
                 Summary: Lazuli's language server in JupyterLab; made by `lazuli kernel install`\n"
            ),
        ),
        (
            format!("{folder}/entry_points.txt"),
            "[jupyter_lsp_spec_v1]\nlazuli = lazuli_jupyter_lsp:spec\n".to_owned(),
        ),
        (format!("{folder}/INSTALLER"), "lazuli\n".to_owned()),
    ];
    fs::create_dir_all(&about)?;
    let mut record = String::new();
    for (name, text) in &files {
        fs::write(packages.join(name), text)?;
        let digest = Sha256::digest(text);
        record.push_str(&format!(
            "{name},sha256={},{}\n",
            URL_SAFE_NO_PAD.encode(digest),
            text.len()
        ));
    }
    record.push_str(&format!("{folder}/RECORD,,\n"));
    fs::write(about.join("RECORD"), record)?;
    Ok(())
}

/// True when there was something to remove.
pub fn remove(packages: &Path) -> anyhow::Result<bool> {
    let module = packages.join(MODULE);
    let mut found = module.exists();
    if found {
        fs::remove_file(&module)?;
    }
    for entry in fs::read_dir(packages)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with("lazuli_jupyter_lsp-") && name.ends_with(".dist-info") {
            fs::remove_dir_all(&path)?;
            found = true;
        }
    }
    Ok(found)
}

fn dist_info(packages: &Path, version: &str) -> PathBuf {
    packages.join(format!("lazuli_jupyter_lsp-{version}.dist-info"))
}

/// JSON's strings are Python's.
fn module(program: &Path) -> anyhow::Result<String> {
    let program = serde_json::to_string(program.to_str().context("the path is no text")?)?;
    Ok(format!(
        "\"\"\"Made by `lazuli kernel install`: tells jupyterlab-lsp of Lazuli's language server.\"\"\"\n\n\
         PROGRAM = {program}\n\n\n\
         def spec(manager):\n    \
         return {{\n        \
         \"lazuli\": {{\n            \
         \"version\": 2,\n            \
         \"argv\": [PROGRAM, \"lsp\", \"--stdio\"],\n            \
         \"languages\": [\"python\", \"rust\"],\n            \
         \"mime_types\": [\"text/x-python\", \"text/x-ipython\", \"text/x-rust\"],\n            \
         \"display_name\": \"Lazuli\",\n            \
         \"requires_documents_on_disk\": False,\n        \
         }}\n    \
         }}\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_removed() {
        let packages = tempfile::tempdir().unwrap();
        write(packages.path(), Path::new("/opt/laz \"uli\"")).unwrap();
        let module = fs::read_to_string(packages.path().join(MODULE)).unwrap();
        assert!(module.contains("PROGRAM = \"/opt/laz \\\"uli\\\"\"\n"), "{module}");
        assert!(remove(packages.path()).unwrap() && !remove(packages.path()).unwrap());
        assert_eq!(fs::read_dir(packages.path()).unwrap().count(), 0);
    }
}

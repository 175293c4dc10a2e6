//! Studio's built files, inside the binary: the pages that the daemon serves (`studio/`), the script
//! of exported files (`export/`), JupyterLab's extension (`labextension/`) and the extension of
//! Jupyter's server (`server/`). Nothing else lives here; the sources are TypeScript, one folder up.

/// Path and content, sorted by path.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// What to do about a build without Studio.
pub const HOW_TO_BUILD: &str =
    "build it with `make studio` (it needs Node.js 20.19 or newer), then build Lazuli again";

/// The file of that path, if this build has it.
pub fn file(path: &str) -> Option<&'static [u8]> {
    let at = FILES.binary_search_by(|(name, _)| (*name).cmp(path)).ok()?;
    Some(FILES[at].1)
}

/// What lies below the folder (`labextension/`): paths relative to it, and contents.
pub fn below(folder: &str) -> impl Iterator<Item = (&'static str, &'static [u8])> {
    FILES.iter().filter_map(move |(name, bytes)| Some((name.strip_prefix(folder)?, *bytes)))
}

//! Snapshots and models: files by content, with names and versions, and what MLflow keeps beside
//! runs: logged models, and the tree of its artifact proxy.

mod logged_models;
mod models;
mod parts;
mod proxy;
mod registered;
mod search;
mod snapshots;
mod source;
mod versions;

pub use logged_models::{
    NewLoggedModel, add_logged_model_parameters, artifact_uri, create_logged_model,
    delete_logged_model, finalize_logged_model, logged_model, remove_logged_model_tag,
    set_logged_model_tags,
};
pub use models::{ModelFilter, WantedEntry, list_models, model, model_file, register_model};
pub use parts::{abort_parts, begin_parts, complete_parts, put_part};
pub use proxy::{
    Listed, RunRoot, list_proxied, proxied, proxy_path, put_proxied, remove_proxied, root_of_run,
    safe_path,
};
pub(crate) use registered::{changed, check_tags};
pub use registered::{
    create_name, delete_name, patch_name, registered_model, restore_name, version_by_alias,
};
pub use search::{
    Asked, Dataset, LoggedModelSearch, logged_model_order, logged_model_query,
    search_logged_models, search_names, search_versions,
};
pub use snapshots::{create_snapshot, snapshot};
pub use source::check_source;
pub use versions::{
    NewVersion, create_version, delete_version, latest_versions, location, patch_version,
    restore_version, version_artifact,
};

use lazuli_domain::{ApiError, EventKind, ModelFile};
use sha2::{Digest, Sha256};

use crate::error::Result;
use crate::home::hex;
use crate::store::{EventScope, Write};

/// Of a model that belongs to no run's listeners.
fn tell(write: &mut Write<'_>, workspace: &str, kind: EventKind) -> Result<()> {
    let scope = EventScope { workspace: workspace.to_owned(), experiment: None, run_id: None };
    write.event(&scope, kind)
}

/// How often somebody may have encoded a text; more is an attack.
const MOST_ENCODINGS: usize = 10;

/// The text and what decoding its `%XX` makes of it, again and again until nothing changes. `None`
/// where that takes too long or leads to what is no UTF-8.
fn decodings(text: &str) -> Option<Vec<String>> {
    let mut levels = vec![text.to_owned()];
    for _ in 0..MOST_ENCODINGS {
        let last = levels.last()?;
        let next = decoded(last)?;
        if next == *last {
            return Some(levels);
        }
        levels.push(next);
    }
    None
}

/// A `%` without two digits behind it is a `%`.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let encoded = match tail {
            [high, low, ..] if *first == b'%' => digit(*high).zip(digit(*low)),
            _ => None,
        };
        match encoded {
            Some((high, low)) => {
                bytes.push(high * 16 + low);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

fn digit(character: u8) -> Option<u8> {
    char::from(character).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn sorted_without_doubles(mut files: Vec<ModelFile>) -> Result<Vec<ModelFile>> {
    files.sort_by(|one, other| one.path.cmp(&other.path));
    match files.windows(2).find(|pair| pair[0].path == pair[1].path) {
        Some(pair) => {
            Err(ApiError::invalid(format!("the file `{}` is named twice", pair[0].path)).into())
        }
        None => Ok(files),
    }
}

/// SHA-256 over the files' `sha256 path` lines; of a single file its own, of none nothing.
fn checksum(files: &[ModelFile]) -> String {
    match files {
        [] => String::new(),
        [file] => file.sha256.clone(),
        files => {
            let mut hash = Sha256::new();
            for file in files {
                hash.update(format!("{} {}\n", file.sha256, file.path));
            }
            hex(&hash.finalize())
        }
    }
}

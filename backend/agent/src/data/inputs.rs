use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use lazuli::client::StoreName;
use lazuli::domain::{
    DataPath, DatasetDefinition, DatasetFile, DatastorePlace, InputMode, JobInput, JobInputSource,
    StoredFile, download_path, stored_path,
};

use super::{Place, cache};
use crate::end::Stopped;
use crate::std_log::StdLog;

/// What an input is made of.
struct Found {
    files: Vec<DatasetFile>,
    definition: DatasetDefinition,
}

/// Puts the input where the script finds it and says where that is.
pub fn prepare(place: Place<'_>, input: &JobInput, log: &mut StdLog) -> Result<String, Stopped> {
    let what = format!("the input `{}` cannot be made ready", input.name);
    if input.mode == InputMode::Direct {
        return Ok(match &input.source {
            JobInputSource::Dataset { dataset_id } => dataset_id.clone(),
            // The script's SDK finds it in the job by this name.
            JobInputSource::Definition { .. } => input.name.clone(),
        });
    }
    let found = find(place, input, &what)?;
    let target = place.on_compute(input.path_on_compute.as_deref(), "inputs", &input.name)?;
    let path = match input.mode {
        InputMode::Mount => mount(place, input, &found, &target, log)?,
        _ => download(place, input, &found, &target, log)?,
    };
    Ok(path.display().to_string())
}

fn find(place: Place<'_>, input: &JobInput, what: &str) -> Result<Found, Stopped> {
    let workspace = &place.job.workspace;
    place.ask(what, |client| match &input.source {
        JobInputSource::Dataset { dataset_id } => {
            let dataset = client.dataset_by_id(workspace, dataset_id)?;
            let files = client.dataset_files(workspace, &dataset.name, dataset.version)?;
            Ok(Found { files, definition: dataset.definition })
        }
        JobInputSource::Definition { definition } => Ok(Found {
            files: client.resolve_dataset(workspace, definition)?,
            definition: definition.clone(),
        }),
    })
}

fn download(
    place: Place<'_>,
    input: &JobInput,
    found: &Found,
    target: &Path,
    log: &mut StdLog,
) -> Result<PathBuf, Stopped> {
    let mut kept = 0;
    let wanted = placed(found, target)?;
    for (datastore, files) in by_datastore(&wanted) {
        let store = StoreName { workspace: &place.job.workspace, datastore };
        let what = format!("the input `{}` cannot be downloaded", input.name);
        let received = place
            .ask(&what, |client| client.download_files(store, &files, input.overwrite, None))?;
        kept += received.skipped.len();
    }
    for (file, to) in &wanted {
        match &file.at {
            DataPath::Datastore { .. } => {}
            _ if to.exists() && !input.overwrite => kept += 1,
            DataPath::Local { local } => {
                check_is_here(place, local)?;
                make_parent(to)?;
                fs::copy(local, to)
                    .map_err(|error| Stopped::io("copy", Path::new(local), error))?;
            }
            DataPath::Url { url } => return Err(no_web(url)),
        }
    }
    say_kept(kept, input, log);
    Ok(path_for_script(found, target))
}

/// Shows the files at a path: the folder itself where it is one of this machine, else links, to the
/// files of this machine or to copies that runs share.
fn mount(
    place: Place<'_>,
    input: &JobInput,
    found: &Found,
    target: &Path,
    log: &mut StdLog,
) -> Result<PathBuf, Stopped> {
    if let Some(folder) = whole_folder(place, found)? {
        // Something else may be there when the job names the place.
        if input.path_on_compute.is_none() || !target.exists() {
            link(&folder, target)?;
            return Ok(target.to_owned());
        }
    }
    let mut kept = 0;
    let cache = cache::Cache::open(place)?;
    for (file, to) in placed(found, target)? {
        if to.symlink_metadata().is_ok() {
            if !input.overwrite {
                kept += 1;
                continue;
            }
            fs::remove_file(&to).map_err(|error| Stopped::io("replace", &to, error))?;
        }
        let from = match &file.at {
            DataPath::Datastore { datastore, path } => match root_of(place, datastore)? {
                Some(root) => joined(&root, path)?,
                None => cache.copy_of(place, datastore, path, file)?,
            },
            DataPath::Local { local } => {
                check_is_here(place, local)?;
                PathBuf::from(local)
            }
            DataPath::Url { url } => return Err(no_web(url)),
        };
        link(&from, &to)?;
    }
    say_kept(kept, input, log);
    Ok(path_for_script(found, target))
}

/// The folder of this machine that is all of the input.
fn whole_folder(place: Place<'_>, found: &Found) -> Result<Option<PathBuf>, Stopped> {
    let DatasetDefinition::File(definition) = &found.definition else { return Ok(None) };
    let [DataPath::Datastore { datastore, path }] = definition.paths.as_slice() else {
        return Ok(None);
    };
    if !definition.steps.is_empty() || path.contains(['*', '?']) {
        return Ok(None);
    }
    let Some(root) = root_of(place, datastore)? else { return Ok(None) };
    let folder = joined(&root, path)?;
    // By a link the datastore's folder could be left.
    let is_inside = folder.canonicalize().is_ok_and(|folder| {
        folder.is_dir() && root.canonicalize().is_ok_and(|root| folder.starts_with(root))
    });
    Ok(is_inside.then_some(folder))
}

/// The datastore's folder, when it is one of this machine.
pub fn root_of(place: Place<'_>, datastore: &str) -> Result<Option<PathBuf>, Stopped> {
    if place.daemon.is_remote() {
        return Ok(None);
    }
    let store = StoreName { workspace: &place.job.workspace, datastore };
    let what = format!("the datastore `{datastore}` cannot be asked for");
    let known = place.ask(&what, |client| client.datastore(store))?;
    Ok(match known.place {
        DatastorePlace::Folder { path } => Some(PathBuf::from(path)),
        _ => None,
    })
}

fn joined(root: &Path, path: &str) -> Result<PathBuf, Stopped> {
    let inside = path.trim_matches(['/', '.']);
    if inside.is_empty() {
        return Ok(root.to_owned());
    }
    let refused = |error: lazuli::domain::ApiError| {
        Stopped::failed(error.message, error.hint.unwrap_or_default())
    };
    stored_path(path).and_then(|path| download_path(root, &path)).map_err(refused)
}

/// Each file with the place it goes to.
fn placed<'a>(found: &'a Found, target: &Path) -> Result<Vec<(&'a DatasetFile, PathBuf)>, Stopped> {
    let place = |file: &'a DatasetFile| match download_path(target, &file.relative_path) {
        Ok(path) => Ok((file, path)),
        Err(error) => Err(Stopped::failed(error.message, error.hint.unwrap_or_default())),
    };
    found.files.iter().map(place).collect()
}

type Wanted = Vec<(StoredFile, PathBuf)>;

fn by_datastore<'a>(wanted: &[(&'a DatasetFile, PathBuf)]) -> Vec<(&'a str, Wanted)> {
    let mut stores: Vec<(&str, Wanted)> = Vec::new();
    for (file, to) in wanted {
        let DataPath::Datastore { datastore, path } = &file.at else { continue };
        let stored =
            StoredFile { path: path.clone(), size: file.size, modified_at_ms: file.modified_at_ms };
        match stores.iter_mut().find(|(name, _)| name == datastore) {
            Some((_, files)) => files.push((stored, to.clone())),
            None => stores.push((datastore, vec![(stored, to.clone())])),
        }
    }
    stores
}

/// The file, where one was named; else the folder.
fn path_for_script(found: &Found, target: &Path) -> PathBuf {
    let paths = match &found.definition {
        DatasetDefinition::File(definition) => definition.paths.as_slice(),
        DatasetDefinition::Tabular(_) => &[],
    };
    match (paths, found.files.as_slice()) {
        ([named], [file]) if is_same_file(named, &file.at) => target.join(&file.relative_path),
        _ => target.to_owned(),
    }
}

fn is_same_file(named: &DataPath, found: &DataPath) -> bool {
    match (named, found) {
        (
            DataPath::Datastore { datastore, path },
            DataPath::Datastore { datastore: other, path: found },
        ) => datastore == other && stored_path(path).is_ok_and(|path| path == *found),
        (named, found) => named == found,
    }
}

fn link(from: &Path, to: &Path) -> Result<(), Stopped> {
    make_parent(to)?;
    symlink(from, to).map_err(|error| Stopped::io("make the link", to, error))
}

fn make_parent(path: &Path) -> Result<(), Stopped> {
    let parent = path.parent().unwrap_or(path);
    fs::create_dir_all(parent).map_err(|error| Stopped::io("make the folder", parent, error))
}

fn say_kept(kept: usize, input: &JobInput, log: &mut StdLog) {
    if kept > 0 {
        let name = &input.name;
        log.say(&format!(
            "{kept} files of the input `{name}` are there already and stay as they are"
        ));
    }
}

fn check_is_here(place: Place<'_>, local: &str) -> Result<(), Stopped> {
    if !place.daemon.is_remote() {
        return Ok(());
    }
    Err(Stopped::failed(
        format!("`{local}` is a path of the daemon's machine, not of this one"),
        "hint: upload it to a datastore and name the dataset by that".to_owned(),
    ))
}

fn no_web(url: &str) -> Stopped {
    // A signature may stand behind the `?`.
    let shown = url.split('?').next().unwrap_or_default();
    Stopped::failed(
        format!("the web address `{shown}` cannot be put on a disk before the script starts"),
        "hint: upload the file to a datastore, or read it in the script".to_owned(),
    )
}

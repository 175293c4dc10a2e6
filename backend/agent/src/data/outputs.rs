use std::fs;
use std::path::{Path, PathBuf};

use lazuli::client::StoreName;
use lazuli::domain::{
    DataPath, DatasetDefinition, FileDefinition, Glob, JobOutput, NewDataset, OutputMode,
    OutputRegistration, TableSource, download_path, stored_path,
};

use super::{Place, inputs};
use crate::end::Stopped;
use crate::outputs::find;
use crate::std_log::StdLog;

/// An output with a place for it.
pub struct Output {
    asked: JobOutput,
    /// Where the script writes.
    place: PathBuf,
    /// The folder in the datastore.
    target: String,
    /// Whether that is the datastore itself.
    is_there: bool,
}

impl Output {
    pub fn prepare(place: Place<'_>, asked: &JobOutput) -> Result<Output, Stopped> {
        let target =
            asked.path.replace("{run-id}", &place.job.run_id).replace("{output-name}", &asked.name);
        let refused = |error: lazuli::domain::ApiError| {
            Stopped::failed(error.message, error.hint.unwrap_or_default())
        };
        let target = stored_path(&target).map_err(refused)?;
        let root = match asked.mode {
            OutputMode::Mount => inputs::root_of(place, &asked.datastore)?,
            OutputMode::Upload => None,
        };
        let (path, is_there) = match root {
            Some(root) => (folder_inside(&root, &target)?, true),
            None => {
                let path =
                    place.on_compute(asked.path_on_compute.as_deref(), "data", &asked.name)?;
                // Where the job names the place, the script makes of it what it wants.
                let made = match &asked.path_on_compute {
                    None => path.as_path(),
                    Some(_) => path.parent().unwrap_or(&path),
                };
                fs::create_dir_all(made)
                    .map_err(|error| Stopped::io("make the folder", made, error))?;
                (path, false)
            }
        };
        Ok(Output { asked: asked.clone(), place: path, target, is_there })
    }

    pub fn name(&self) -> &str {
        &self.asked.name
    }

    pub fn path(&self) -> String {
        self.place.display().to_string()
    }

    /// Sends what was written; registers it when the run completes.
    pub fn take(
        &self,
        place: Place<'_>,
        is_completed: bool,
        log: &mut StdLog,
    ) -> Result<(), String> {
        if !self.is_there {
            self.send(place, log)?;
        }
        match &self.asked.register {
            Some(registration) if is_completed => self.register(place, registration, log),
            _ => Ok(()),
        }
    }

    fn send(&self, place: Place<'_>, log: &mut StdLog) -> Result<(), String> {
        let pairs = self.files(log)?;
        let JobOutput { name, datastore, overwrite, .. } = &self.asked;
        if pairs.is_empty() {
            log.say(&format!("the output `{name}` holds no file"));
            return Ok(());
        }
        let store = StoreName { workspace: &place.job.workspace, datastore };
        let sent = place
            .ask("it could not be uploaded", |client| {
                client.upload_files(store, &pairs, *overwrite, None)
            })
            .map_err(reason)?;
        if let Some(first) = sent.skipped.first() {
            return Err(format!(
                "{} of its files are in datastore `{datastore}` already, `{first}` for one; give it \
                 `overwrite` or another path",
                sent.skipped.len()
            ));
        }
        log.say(&format!(
            "{} files of the output `{name}` were uploaded to `{}` in datastore `{datastore}`",
            sent.files.len(),
            self.target
        ));
        Ok(())
    }

    /// Files with their paths in the datastore.
    fn files(&self, log: &mut StdLog) -> Result<Vec<(PathBuf, String)>, String> {
        if self.place.is_file() {
            let name = self.place.file_name().and_then(|name| name.to_str());
            let name = name.ok_or("its file has a name that is no text")?;
            return Ok(vec![(self.place.clone(), format!("{}/{name}", self.target))]);
        }
        let globs = self
            .asked
            .source_globs
            .iter()
            .map(|glob| Glob::parse(glob))
            .collect::<Result<Vec<Glob>, _>>()
            .map_err(|error| error.message)?;
        let mut found = Vec::new();
        find(&self.place, "", &mut found, log);
        let wanted = found
            .into_iter()
            .filter(|(name, _)| globs.is_empty() || globs.iter().any(|glob| glob.matches(name)));
        Ok(wanted.map(|(name, file)| (file, format!("{}/{name}", self.target))).collect())
    }

    fn register(
        &self,
        place: Place<'_>,
        registration: &OutputRegistration,
        log: &mut StdLog,
    ) -> Result<(), String> {
        // That the run made it is kept with it.
        let new = NewDataset {
            name: registration.name.clone(),
            definition: self.definition(registration),
            description: registration.description.clone(),
            tags: registration.tags.clone(),
            create_new_version: true,
            run_id: Some(place.job.run_id.clone()),
        };
        let workspace = &place.job.workspace;
        let dataset = place
            .ask("it could not be registered", |client| client.register_dataset(workspace, &new))
            .map_err(reason)?;
        log.say(&format!(
            "the output `{}` is registered as version {} of dataset `{}`",
            self.asked.name, dataset.version, dataset.name
        ));
        Ok(())
    }

    fn definition(&self, registration: &OutputRegistration) -> DatasetDefinition {
        match &registration.table {
            Some(table) => {
                let mut table = table.clone();
                if let TableSource::Delimited { paths, .. }
                | TableSource::JsonLines { paths, .. }
                | TableSource::Parquet { paths, .. } = &mut table.source
                {
                    for path in paths {
                        if let DataPath::Datastore { path: glob, .. } = path {
                            *path = self.at(glob);
                        }
                    }
                }
                DatasetDefinition::Tabular(table)
            }
            None => {
                let globs = &self.asked.source_globs;
                let paths = match globs.is_empty() {
                    true => vec![self.at("**")],
                    false => globs.iter().map(|glob| self.at(glob)).collect(),
                };
                DatasetDefinition::File(FileDefinition { paths, ..FileDefinition::default() })
            }
        }
    }

    fn at(&self, glob: &str) -> DataPath {
        let path = format!("{}/{}", self.target, glob.trim_start_matches('/'));
        DataPath::Datastore { datastore: self.asked.datastore.clone(), path }
    }
}

/// The folder of a datastore, made where it is missing; a link must not lead out of it.
fn folder_inside(root: &Path, path: &str) -> Result<PathBuf, Stopped> {
    let folder = download_path(root, path)
        .map_err(|error| Stopped::failed(error.message, error.hint.unwrap_or_default()))?;
    fs::create_dir_all(&folder).map_err(|error| Stopped::io("make the folder", &folder, error))?;
    let whole = |path: &Path| {
        path.canonicalize().map_err(|error| Stopped::io("find the folder", path, error))
    };
    if !whole(&folder)?.starts_with(whole(root)?) {
        return Err(Stopped::failed(
            format!("`{path}` leads out of the datastore by a link"),
            "hint: choose another path for the output".to_owned(),
        ));
    }
    Ok(folder)
}

fn reason(stopped: Stopped) -> String {
    match stopped {
        Stopped::Canceled => "the job was canceled, or its home is gone".to_owned(),
        Stopped::Failed(error) => error.message,
    }
}

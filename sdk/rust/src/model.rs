use std::fs::File;
use std::path::{Path, PathBuf};

use lazuli_domain::{
    ApiError, ErrorKind, ModelFile, ModelSource, NewModel, StringMap, artifact_path, download_path,
};

use crate::client::Client;
use crate::display::Table;
use crate::{Error, Home, List, Listed, Result, Run, Workspace};

/// One version of a registered model. What is known of it are its fields: `model.version`,
/// `model.tags`, `model.files` …
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    home: Home,
    found: lazuli_domain::Model,
}

impl Model {
    pub(crate) fn of(home: &Home, found: lazuli_domain::Model) -> Model {
        Model { home: home.clone(), found }
    }

    /// Registers a local file or folder as the next version of a model.
    ///
    /// ```no_run
    /// # use lazuli::prelude::*;
    /// # let workspace = Workspace::from_config()?;
    /// let model = Model::register(&workspace, ("churn", "model.onnx"))?;
    /// let model = Model::register(
    ///     &workspace,
    ///     ModelRegistration::new("churn", "model.onnx").framework("Onnx").tag("data", "2026-03"),
    /// )?;
    /// # Ok::<(), lazuli::Error>(())
    /// ```
    pub fn register(workspace: &Workspace, model: impl Into<ModelRegistration>) -> Result<Model> {
        model.into().register_local(workspace)
    }

    /// All versions of a model, the newest first.
    pub fn versions(workspace: &Workspace, name: &str) -> Result<List<Model>> {
        let found = workspace.client()?.models(workspace.name(), Some(name))?;
        Ok(List::new(found.into_iter().map(|model| Self::of(&workspace.home, model)).collect()))
    }

    /// Writes the model's files below `folder` and returns the path of the file or folder it is.
    /// A file that is there already is not replaced.
    pub fn download(&self, folder: impl AsRef<Path>) -> Result<PathBuf> {
        let folder = folder.as_ref();
        let targets = self
            .files
            .iter()
            .map(|file| Ok((file, download_path(folder, &file.path)?)))
            .collect::<Result<Vec<_>>>()?;
        if let Some((_, taken)) = targets.iter().find(|(_, target)| target.exists()) {
            return Err(ApiError::conflict(format!("`{}` exists already", taken.display()))
                .hint("choose another folder, or remove it")
                .into());
        }
        let client = Client::connect_to(&self.home)?;
        for (file, target) in &targets {
            client
                .get_model_file(&self.workspace, &self.name, self.version, &file.path)?
                .save(target, None)?;
        }
        let top = |file: &ModelFile| file.path.split('/').next().map(str::to_owned);
        let first = self.files.first().and_then(top);
        match first {
            Some(name) if self.files.iter().all(|file| top(file).as_ref() == Some(&name)) => {
                Ok(folder.join(name))
            }
            _ => Ok(folder.to_owned()),
        }
    }

    /// The run it was registered from.
    pub fn run(&self) -> Result<Option<Run>> {
        match &self.run_id {
            Some(run_id) => {
                Ok(Some(Run::of(&self.home, Client::connect_to(&self.home)?.run(run_id)?)))
            }
            None => Ok(None),
        }
    }

    /// Shows the model in a notebook.
    pub fn evcxr_display(&self) {
        let row = |name: &str, value: String| vec![name.to_owned(), value];
        let mut rows = vec![
            row("Version", self.version.to_string()),
            row("Workspace", self.workspace.clone()),
            row("Registered", lazuli_domain::readable::date_time(self.created_at_ms)),
            row("Size", lazuli_domain::readable::byte_size(self.size)),
            row("Files", self.files.iter().map(|file| &*file.path).collect::<Vec<_>>().join(", ")),
            row("Checksum", self.checksum.clone()),
        ];
        let framework = self.framework.iter().chain(&self.framework_version);
        let optional = [
            ("Description", self.description.clone()),
            ("Framework", framework.cloned().collect::<Vec<_>>().join(" ")),
            ("Tags", pairs(&self.tags)),
            ("Properties", pairs(&self.properties)),
            ("Run", self.run_id.clone().unwrap_or_default()),
        ];
        rows.extend(
            optional.into_iter().filter(|(_, value)| !value.is_empty()).map(|(n, v)| row(n, v)),
        );
        Table { title: format!("Model {}", self.name), headings: &[], rows, empty: "" }
            .show_in_notebook();
    }
}

impl std::ops::Deref for Model {
    type Target = lazuli_domain::Model;

    fn deref(&self) -> &Self::Target {
        &self.found
    }
}

impl Listed for Model {
    fn headings() -> &'static [&'static str] {
        &["Model", "Version", "Framework", "Size", "Registered", "Tags"]
    }

    fn noun() -> &'static str {
        "model"
    }

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            self.version.to_string(),
            self.framework.clone().unwrap_or_default(),
            lazuli_domain::readable::byte_size(self.size),
            lazuli_domain::readable::date_time(self.created_at_ms),
            pairs(&self.tags),
        ]
    }
}

pub(crate) fn pairs(map: &StringMap) -> String {
    map.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(", ")
}

/// What is to be registered, and as what. A pair of name and path serves where nothing else is
/// to be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelRegistration {
    name: String,
    path: PathBuf,
    description: String,
    tags: StringMap,
    properties: StringMap,
    framework: Option<String>,
    framework_version: Option<String>,
}

impl ModelRegistration {
    /// `path` is a local file or folder, or, for `run.register_model`, one of the run's.
    pub fn new(name: &str, path: impl AsRef<Path>) -> Self {
        Self {
            name: name.to_owned(),
            path: path.as_ref().to_owned(),
            description: String::new(),
            tags: StringMap::new(),
            properties: StringMap::new(),
            framework: None,
            framework_version: None,
        }
    }

    pub fn description(mut self, description: &str) -> Self {
        description.clone_into(&mut self.description);
        self
    }

    pub fn tag(mut self, key: &str, value: &str) -> Self {
        self.tags.insert(key.to_owned(), value.to_owned());
        self
    }

    pub fn property(mut self, key: &str, value: &str) -> Self {
        self.properties.insert(key.to_owned(), value.to_owned());
        self
    }

    /// SDK v1's words: `ScikitLearn`, `Onnx`, `TensorFlow`, `Custom` …
    pub fn framework(mut self, framework: &str) -> Self {
        self.framework = Some(framework.to_owned());
        self
    }

    pub fn framework_version(mut self, version: &str) -> Self {
        self.framework_version = Some(version.to_owned());
        self
    }

    pub(crate) fn register_local(self, workspace: &Workspace) -> Result<Model> {
        lazuli_domain::check_name("model", &self.name)?;
        let files = model_files(&self.path)?;
        let client = workspace.client()?;
        let mut blobs = Vec::new();
        for (path, file) in files {
            let failed = |error| Error::io(format!("cannot read `{}`", file.display()), error);
            let mut content = File::open(&file).map_err(failed)?;
            let (sha256, size) = crate::sha256::digest(&mut content).map_err(failed)?;
            if !client.has_blob(&sha256)? {
                let mut content = File::open(&file).map_err(failed)?;
                client.put_blob(&sha256, &mut content, size, None)?;
            }
            blobs.push(ModelFile { path, size, sha256 });
        }
        let new = self.into_new_model(ModelSource::Blobs(blobs));
        Ok(Model::of(&workspace.home, client.create_model(workspace.name(), &new)?))
    }

    pub(crate) fn register_from(self, run: &Run) -> Result<Model> {
        lazuli_domain::check_name("model", &self.name)?;
        let Some(path) = self.path.to_str() else {
            let message = format!("the artifact name `{}` is not UTF-8", self.path.display());
            return Err(ApiError::invalid(message).into());
        };
        let path = artifact_path(path)?;
        let client = run.client()?;
        let is_it = |name: &str| {
            name.strip_prefix(&path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let kept = client.artifacts(run.id(), &path)?;
        // What a cell or a script has just saved is wanted now, not when its outputs are collected.
        if !kept.iter().any(|artifact| is_it(&artifact.path)) {
            match Path::new(&path) {
                local if local.is_file() => run.upload_file(&path, local)?,
                local if local.is_dir() => run.upload_folder(&path, local)?,
                _ => {}
            }
        }
        let source = ModelSource::Run { run_id: run.id().to_owned(), path };
        let new = self.into_new_model(source);
        Ok(Model::of(&run.home, client.create_model(run.workspace().name(), &new)?))
    }

    fn into_new_model(self, source: ModelSource) -> NewModel {
        NewModel {
            usage: Default::default(),
            name: self.name,
            source,
            description: self.description,
            tags: self.tags,
            properties: self.properties,
            framework: self.framework,
            framework_version: self.framework_version,
        }
    }
}

impl<P: AsRef<Path>> From<(&str, P)> for ModelRegistration {
    fn from((name, path): (&str, P)) -> Self {
        Self::new(name, path)
    }
}

/// Name in the model and place of every file; a folder keeps its own name.
fn model_files(path: &Path) -> Result<Vec<(String, PathBuf)>> {
    let failed = |error| Error::io(format!("cannot read `{}`", path.display()), error);
    let metadata = path
        .metadata()
        .map_err(|error| failed(error).with_hint("give the path of the model's file or folder"))?;
    // `.` has no name of its own.
    let full = path.canonicalize().map_err(failed)?;
    let name = full.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if metadata.is_file() {
        return Ok(vec![(artifact_path(&name)?, path.to_owned())]);
    }
    let files = crate::folder::files_below(path)?;
    if files.is_empty() {
        let message = format!("the folder `{}` holds no file", path.display());
        return Err(ApiError::new(ErrorKind::Invalid, message).hint("save the model first").into());
    }
    files
        .into_iter()
        .map(|(relative, file)| Ok((artifact_path(&format!("{name}/{relative}"))?, file)))
        .collect()
}

use lazuli_domain::{
    DataPath, DatasetDefinition, FileDefinition, InputMode, JobInput, JobInputSource, JobOutput,
    OutputMode,
};

use crate::ScriptRunConfig;
use crate::script_run::ScriptArgument;

/// A place in a datastore that a script gets as a path.
///
/// ```no_run
/// use lazuli::prelude::*;
///
/// let ws = Workspace::from_config()?;
/// let store = ws.default_datastore()?;
/// let data = DataReference::download(store.path("data/files")).path_on_compute("training_data");
/// let estimator = Estimator::new("experiment_folder")
///     .entry_script("training_script.py")
///     .script_parameter("--data_folder", data);
/// # Ok::<(), lazuli::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataReference {
    path: DataPath,
    mode: Mode,
    name: Option<String>,
    path_on_compute: Option<String>,
    overwrite: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Download,
    Mount,
    Upload,
}

impl DataReference {
    /// A copy, made before the script starts.
    pub fn download(path: DataPath) -> Self {
        Self::of(path, Mode::Download)
    }

    /// The files where they are, if that is the compute itself; else a copy that runs share.
    pub fn mount(path: DataPath) -> Self {
        Self::of(path, Mode::Mount)
    }

    /// A folder for the script to write to; uploaded when the script has ended, also when it failed.
    pub fn upload(path: DataPath) -> Self {
        Self::of(path, Mode::Upload)
    }

    fn of(path: DataPath, mode: Mode) -> Self {
        Self { path, mode, name: None, path_on_compute: None, overwrite: false }
    }

    /// What the script's environment calls it: `AZUREML_DATAREFERENCE_<name>`.
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// Where the files are put: relative to the script's folder, or absolute.
    pub fn path_on_compute(mut self, path: &str) -> Self {
        self.path_on_compute = Some(path.to_owned());
        self
    }

    /// Replaces files that are there.
    pub fn overwrite(mut self) -> Self {
        self.overwrite = true;
        self
    }
}

impl ScriptArgument for DataReference {
    fn add_to(self, config: &mut ScriptRunConfig) -> String {
        // Counted, not drawn: the same cell submits the same job.
        let count = config.inputs.len() + config.outputs.len();
        let name = self.name.unwrap_or_else(|| format!("data_{}", count + 1));
        let placeholder = format!("$AZUREML_DATAREFERENCE_{name}");
        let path_on_compute = self.path_on_compute;
        let overwrite = self.overwrite;
        let input = |mode| JobInput {
            name: name.clone(),
            source: JobInputSource::Definition {
                definition: DatasetDefinition::File(FileDefinition {
                    paths: vec![self.path.clone()],
                    ..FileDefinition::default()
                }),
            },
            mode,
            path_on_compute: path_on_compute.clone(),
            overwrite,
        };
        match self.mode {
            Mode::Download => config.inputs.push(input(InputMode::Download)),
            Mode::Mount => config.inputs.push(input(InputMode::Mount)),
            Mode::Upload => {
                let (datastore, path) = match self.path {
                    DataPath::Datastore { datastore, path } => (datastore, path),
                    // The daemon says that no datastore is called so.
                    DataPath::Url { url } => (url, String::new()),
                    DataPath::Local { local } => (local, String::new()),
                };
                config.outputs.push(JobOutput {
                    name,
                    datastore,
                    path,
                    mode: OutputMode::Upload,
                    path_on_compute,
                    overwrite,
                    source_globs: Vec::new(),
                    register: None,
                });
            }
        }
        placeholder
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_an_argument_and_an_input() {
        let path = DataPath::Datastore { datastore: "store".into(), path: "data".into() };
        let config = ScriptRunConfig::new("code", "train.py")
            .argument("--in")
            .argument(DataReference::download(path.clone()).path_on_compute("training_data"))
            .argument(DataReference::upload(path).name("results").overwrite());
        assert_eq!(config.inputs.len(), 1);
        assert_eq!(config.inputs[0].name, "data_1");
        assert_eq!(config.inputs[0].path_on_compute.as_deref(), Some("training_data"));
        assert_eq!(config.outputs[0].name, "results");
        assert!(config.outputs[0].overwrite);
    }
}

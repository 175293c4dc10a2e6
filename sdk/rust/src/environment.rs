use std::path::Path;
use std::time::Duration;

use lazuli_domain::{
    ApiError, BuildStatus, CondaDependency, CondaSpecification, CondaText, EnvironmentDefinition,
    ErrorKind, JobEnvironment, NewBuild, NewEnvironment,
};

use crate::client::Client;
use crate::display::Table;
use crate::{Config, Error, List, Listed, Result, Workspace};

/// The Python that a script runs in, by name: what it is made of, and, once it is registered, its
/// version.
///
/// ```no_run
/// use lazuli::prelude::*;
///
/// let workspace = Workspace::from_config()?;
/// let environment = Environment::new("training")
///     .python_version("3.10")
///     .conda_packages(["scikit-learn=1.2"])
///     .pip_packages(["pyarrow"])
///     .register(&workspace)?;
/// let config = ScriptRunConfig::new("code", "train.py").environment(&environment);
/// # Ok::<(), lazuli::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Environment {
    pub name: String,
    /// None: it is not registered.
    pub version: Option<String>,
    pub definition: EnvironmentDefinition,
}

impl Environment {
    /// One without packages; it is registered by [`Environment::register`], or when a run is
    /// submitted in it.
    pub fn new(name: &str) -> Environment {
        Environment {
            name: name.to_owned(),
            version: None,
            definition: EnvironmentDefinition::default(),
        }
    }

    /// Of a conda file.
    pub fn from_conda_specification(name: &str, file: impl AsRef<Path>) -> Result<Environment> {
        let file = file.as_ref();
        let text = CondaText { text: read(file)?, file: Some(file.display().to_string()) };
        let config = Config::from_environment()?;
        let conda = Client::connect_to(&config.home()?)?.read_conda(&text)?;
        let mut environment = Self::new(name);
        environment.definition.python.conda = Some(conda);
        Ok(environment)
    }

    /// Of a requirements file of pip.
    pub fn from_pip_requirements(name: &str, file: impl AsRef<Path>) -> Result<Environment> {
        let text = read(file.as_ref())?;
        Ok(Self::new(name).pip_packages(text.lines().filter(|line| !line.trim().is_empty())))
    }

    /// A registered environment, or one that comes with Lazuli (`AzureML-…`); the newest version.
    pub fn get(workspace: &Workspace, name: &str) -> Result<Environment> {
        Ok(Self::of(workspace.client()?.environment(workspace.name(), name, None)?))
    }

    /// That version of it.
    pub fn get_version(workspace: &Workspace, name: &str, version: &str) -> Result<Environment> {
        let found = workspace.client()?.environment(workspace.name(), name, Some(version))?;
        Ok(Self::of(found))
    }

    /// The newest version of every registered environment.
    pub fn list(workspace: &Workspace) -> Result<List<Environment>> {
        let found = workspace.client()?.environments(workspace.name(), false)?;
        Ok(List::new(found.into_iter().map(Self::of).collect()))
    }

    pub(crate) fn of(found: lazuli_domain::Environment) -> Environment {
        Environment { name: found.name, version: Some(found.version), definition: found.definition }
    }

    /// `3.10`; the nearest one that is installed where this one is not.
    pub fn python_version(self, version: &str) -> Self {
        self.with(CondaDependency::Package(format!("python={version}")))
    }

    /// As conda writes them: `scikit-learn=1.2`.
    pub fn conda_packages<'a>(self, packages: impl IntoIterator<Item = &'a str>) -> Self {
        let with = |environment: Self, package: &str| {
            environment.with(CondaDependency::Package(package.to_owned()))
        };
        packages.into_iter().fold(self, with)
    }

    /// As pip writes them: `scikit-learn==1.2.2`.
    pub fn pip_packages<'a>(self, packages: impl IntoIterator<Item = &'a str>) -> Self {
        let pip = packages.into_iter().map(str::to_owned).collect();
        self.with(CondaDependency::Pip { pip })
    }

    /// An interpreter is used as it is.
    pub fn user_managed(mut self, interpreter: impl AsRef<Path>) -> Self {
        self.definition.python.user_managed = true;
        self.definition.python.interpreter = Some(interpreter.as_ref().display().to_string());
        self
    }

    pub fn environment_variable(mut self, name: &str, value: &str) -> Self {
        self.definition.environment_variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Registers it as the next version; the newest, where that is defined so already.
    pub fn register(&self, workspace: &Workspace) -> Result<Environment> {
        let new = NewEnvironment {
            name: self.name.clone(),
            version: None,
            definition: self.definition.clone(),
            labels: Vec::new(),
        };
        Ok(Self::of(workspace.client()?.register_environment(workspace.name(), &new)?))
    }

    /// Makes it on this machine, registering it first. What is said meanwhile goes to standard error;
    /// returns when it is made, with the path of its Python.
    pub fn build(&self, workspace: &Workspace) -> Result<String> {
        let client = workspace.client()?;
        let known = match &self.version {
            Some(_) => self.clone(),
            None => self.register(workspace)?,
        };
        let config = Config::from_environment()?;
        let interpreter = config.python().map(|python| python.display().to_string());
        let version = known.version.unwrap_or_default();
        let build = client.build_environment(
            workspace.name(),
            &known.name,
            &version,
            &NewBuild { interpreter },
        )?;
        let (mut build, mut told) = (build, 0);
        loop {
            let has_ended = build.status != BuildStatus::Running;
            let said = client.environment_build_log(&build.build_id, told)?;
            told += said.len() as u64;
            eprint!("{}", String::from_utf8_lossy(&said));
            if has_ended && said.is_empty() {
                break;
            }
            if !has_ended {
                std::thread::sleep(Duration::from_millis(200));
                build = client.environment_build(&build.build_id)?;
            }
        }
        match (build.status, build.built, build.error) {
            (BuildStatus::Succeeded, Some(built), _) => Ok(built.interpreter),
            (_, _, Some(error)) => {
                let mut refusal = ApiError::conflict(error.message);
                refusal.hint = error.details.strip_prefix("hint: ").map(str::to_owned);
                Err(refusal.into())
            }
            _ => Err(ApiError::conflict("the build was canceled").hint("build it again").into()),
        }
    }

    /// What a job is told.
    pub(crate) fn for_job(&self) -> JobEnvironment {
        // A registered one is looked up by the daemon, which knows it.
        let definition = self.version.is_none().then(|| self.definition.clone());
        JobEnvironment { name: self.name.clone(), version: self.version.clone(), definition }
    }

    fn with(mut self, dependency: CondaDependency) -> Self {
        let conda = self.definition.python.conda.get_or_insert_with(CondaSpecification::default);
        conda.dependencies.push(dependency);
        self
    }

    fn table(&self) -> Table {
        let row = |name: &str, value: String| vec![name.to_owned(), value];
        let python = &self.definition.python;
        let mut rows = vec![row("Version", self.version.clone().unwrap_or_default())];
        if let Some(interpreter) = &python.interpreter {
            rows.push(row("Interpreter", interpreter.clone()));
        }
        if let Some(conda) = &python.conda {
            let conda_packages: Vec<&str> = conda.conda_packages().collect();
            rows.push(row("Conda", conda_packages.join(" ")));
            let pip: Vec<&str> = conda.pip_lines().collect();
            rows.push(row("pip", pip.join(" ")));
        }
        for (name, value) in &self.definition.environment_variables {
            rows.push(row("Variable", format!("{name}={value}")));
        }
        Table { title: format!("Environment {}", self.name), headings: &[], rows, empty: "" }
    }

    /// Shows the environment in a notebook.
    pub fn evcxr_display(&self) {
        self.table().show_in_notebook();
    }
}

fn read(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).map_err(|error| {
        let message = format!("cannot read `{}`: {error}", file.display());
        let kind = match error.kind() {
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            _ => ErrorKind::Unavailable,
        };
        Error::caused_by(ApiError::new(kind, message).hint("give the path of a file"), error)
    })
}

impl Listed for Environment {
    fn headings() -> &'static [&'static str] {
        &["Environment", "Version"]
    }

    fn noun() -> &'static str {
        "environment"
    }

    fn cells(&self) -> Vec<String> {
        vec![self.name.clone(), self.version.clone().unwrap_or_default()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_is_said_in_the_words_of_conda() {
        let environment = Environment::new("training")
            .python_version("3.8")
            .conda_packages(["numpy"])
            .pip_packages(["six"]);
        assert_eq!(
            serde_json::to_value(environment.for_job()).unwrap(),
            serde_json::json!({"name": "training", "definition": {"python": {
                "user_managed": false,
                "conda": {"dependencies": ["python=3.8", "numpy", {"pip": ["six"]}]},
            }}})
        );
    }
}

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ApiError, RunError, StringMap, shown};

/// What an environment is made of. Sections that have no meaning on one machine are kept and shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EnvironmentDefinition {
    #[serde(default)]
    pub python: PythonSection,
    /// For the script; the job's own come before them.
    #[serde(default, skip_serializing_if = "StringMap::is_empty")]
    pub environment_variables: StringMap,
    /// Base image, arguments …: kept as it was given.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub docker: Value,
    /// Every other section of SDK v1 (spark, r …): kept as it was given.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub kept: Value,
}

/// The Python of an environment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PythonSection {
    /// The interpreter is used as it is; its packages are somebody else's care.
    #[serde(default)]
    pub user_managed: bool,
    /// None, or `python`: the one of who submits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interpreter: Option<String>,
    /// Name or folder of a conda environment that is there and used as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_conda_environment: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conda: Option<CondaSpecification>,
}

/// What a conda file says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CondaSpecification {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<String>,
    #[serde(default)]
    pub dependencies: Vec<CondaDependency>,
    /// Environment variables.
    #[serde(default, skip_serializing_if = "StringMap::is_empty")]
    pub variables: StringMap,
}

/// `numpy=1.23`, or `{"pip": ["six"]}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, try_from = "Value")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum CondaDependency {
    Package(String),
    Pip {
        /// Lines of a requirements file, options among them.
        pip: Vec<String>,
    },
}

impl TryFrom<Value> for CondaDependency {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        let refused = |value: &Value| {
            let shown = shown(&value.to_string(), 60);
            format!("the dependency `{shown}` is neither a package nor a list under `pip:`")
        };
        match &value {
            Value::String(package) => Ok(Self::Package(package.clone())),
            Value::Object(entries) if entries.len() == 1 => {
                let pip = match entries.get("pip") {
                    Some(Value::Array(lines)) => lines,
                    // `- pip:` with nothing below it.
                    Some(Value::Null) => return Ok(Self::Pip { pip: Vec::new() }),
                    _ => return Err(refused(&value)),
                };
                let line = |line: &Value| line.as_str().map(str::to_owned);
                let lines = pip.iter().map(|given| line(given).ok_or_else(|| refused(given)));
                Ok(Self::Pip { pip: lines.collect::<Result<_, _>>()? })
            }
            _ => Err(refused(&value)),
        }
    }
}

impl CondaSpecification {
    pub fn conda_packages(&self) -> impl Iterator<Item = &str> {
        self.dependencies.iter().filter_map(|dependency| match dependency {
            CondaDependency::Package(package) => Some(package.as_str()),
            CondaDependency::Pip { .. } => None,
        })
    }

    pub fn pip_lines(&self) -> impl Iterator<Item = &str> {
        self.dependencies
            .iter()
            .flat_map(|dependency| match dependency {
                CondaDependency::Package(_) => &[],
                CondaDependency::Pip { pip } => pip.as_slice(),
            })
            .map(String::as_str)
    }
}

/// A registered environment, or a curated one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Environment {
    pub workspace: String,
    pub name: String,
    /// `1`, `2`, `3` …, unless who registered it called it something else.
    pub version: String,
    pub definition: EnvironmentDefinition,
    /// Of the definition: equal definitions have the same.
    pub content_hash: String,
    /// Further names of this version; each points to one version of the name.
    #[serde(default)]
    pub labels: Vec<String>,
    /// Comes with Lazuli.
    #[serde(default)]
    pub curated: bool,
    pub created_at_ms: i64,
}

impl Environment {
    /// Names that nobody registers.
    pub const RESERVED: [&str; 2] = ["AzureML-", "Microsoft"];

    /// Whether the name is of those that come with Lazuli.
    pub fn is_reserved(name: &str) -> bool {
        let lower = name.to_lowercase();
        Self::RESERVED.iter().any(|beginning| lower.starts_with(&beginning.to_lowercase()))
    }

    /// `training:2`
    pub fn label_of(name: &str, version: &str) -> String {
        format!("{name}:{version}")
    }
}

/// Body of `POST /api/workspaces/{workspace}/environments`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewEnvironment {
    pub name: String,
    /// None: the next number, or the newest version where that is defined so already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    pub definition: EnvironmentDefinition,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
}

/// Body of `PATCH /api/workspaces/{workspace}/environments/{name}/{version}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EnvironmentPatch {
    /// They point to this version from now on.
    #[serde(default)]
    pub labels: Vec<String>,
}

/// The environment of a job. Who submits names a registered one, or gives a definition; in the job
/// that is kept, the definition is always there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobEnvironment {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<EnvironmentDefinition>,
}

impl std::fmt::Display for JobEnvironment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.version {
            Some(version) => write!(f, "{}:{version}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum BuildStatus {
    Running,
    Succeeded,
    Failed,
    Canceled,
}

/// The making of an environment, apart from any run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EnvironmentBuild {
    pub build_id: String,
    pub workspace: String,
    pub environment: String,
    pub version: String,
    pub status: BuildStatus,
    pub started_at_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<RunError>,
    /// What was made or found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub built: Option<BuiltEnvironment>,
}

/// What a script finds of its environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BuiltEnvironment {
    /// The program.
    pub interpreter: String,
    /// Of the cached environment; none where an interpreter is used as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
}

/// `builds/<build_id>/build.json`: all that an agent that only builds is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BuildFile {
    pub build_id: String,
    pub workspace: String,
    pub environment: JobEnvironment,
    /// Of who asked.
    pub interpreter: Option<String>,
    pub started_at_ms: i64,
}

/// `builds/<build_id>/report.json`: how it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildReport {
    pub status: BuildStatus,
    pub ended_at_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<RunError>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub built: Option<BuiltEnvironment>,
}

/// Body of `POST /api/workspaces/{workspace}/environments/{name}/{version}/builds`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewBuild {
    /// The interpreter of who asks, as an absolute path; none: `python3` of the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interpreter: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum EnvironmentState {
    Building,
    Ready,
}

/// A cached Python environment, as `environments/<hash>/environment.json` describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CachedEnvironment {
    /// Content hash of interpreter version and requirements.
    pub hash: String,
    pub state: EnvironmentState,
    /// Version of the interpreter, `3.11.7`.
    pub python: String,
    /// As asked for, sorted.
    pub packages: Vec<String>,
    /// In which way it was made otherwise than asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    pub created_at_ms: i64,
    /// Bytes on disk.
    pub size: u64,
}

/// A conda file as text, to be read and checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CondaText {
    pub text: String,
    /// What to call it when it cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

impl EnvironmentDefinition {
    /// Refuses what no agent could make anything of.
    pub fn check(&self) -> Result<(), ApiError> {
        let python = &self.python;
        let several = [
            ("user_managed", python.user_managed),
            ("base_conda_environment", python.base_conda_environment.is_some()),
        ];
        if several.iter().all(|(_, is_given)| *is_given) {
            return Err(ApiError::invalid(
                "the environment is both managed by its user and a conda environment",
            )
            .hint("give `user_managed` or `base_conda_environment`, not both"));
        }
        for (name, value) in &self.environment_variables {
            check_variable(name, value)?;
        }
        let Some(conda) = &python.conda else { return Ok(()) };
        for (name, value) in &conda.variables {
            check_variable(name, value)?;
        }
        for package in conda.conda_packages().chain(conda.pip_lines()) {
            if package.trim().is_empty() || package.chars().any(char::is_control) {
                return Err(ApiError::invalid(format!("`{}` is no package", shown(package, 60)))
                    .hint(
                        "write such as `scikit-learn=1.2` for conda, `scikit-learn==1.2.2` for pip",
                    ));
            }
        }
        Ok(())
    }
}

fn check_variable(name: &str, value: &str) -> Result<(), ApiError> {
    if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
        let name = shown(name, 60);
        return Err(ApiError::invalid(format!("`{name}` is no environment variable"))
            .hint("its name has no `=`, and neither name nor value a NUL"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_that_is_none_is_named() {
        let read = |text: &str| serde_json::from_str::<CondaSpecification>(text);
        let known =
            read(r#"{"dependencies": ["python=3.8", {"pip": ["six"]}, {"pip": null}]}"#).unwrap();
        assert_eq!(known.conda_packages().collect::<Vec<_>>(), ["python=3.8"]);
        assert_eq!(known.pip_lines().collect::<Vec<_>>(), ["six"]);
        let error = read(r#"{"dependencies": [{"pipp": ["six"]}]}"#).unwrap_err().to_string();
        let expected = r#"the dependency `{"pipp":["six"]}` is neither a package nor a list"#;
        assert!(error.starts_with(expected), "{error}");
    }
}

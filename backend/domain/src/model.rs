use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{ApiError, StringMap};

/// One version of a registered model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Model {
    pub workspace: String,
    pub name: String,
    /// 1, 2, 3 … per name.
    pub version: u64,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub tags: StringMap,
    #[serde(default)]
    pub properties: StringMap,
    /// SDK v1's `Model.Framework` values: `ScikitLearn`, `Onnx`, `TensorFlow`, `Custom` …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub framework: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub framework_version: Option<String>,
    #[serde(flatten)]
    pub usage: ModelUsage,
    /// The run it was registered from, or that an MLflow client says it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experiment: Option<String>,
    pub created_at_ms: i64,
    /// Sum of the files' sizes.
    pub size: u64,
    /// SHA-256 over the files' `sha256 path` lines, sorted by path; for a single file its own.
    pub checksum: String,
    pub files: Vec<ModelFile>,
    /// MLflow's `None`, `Staging`, `Production` or `Archived`.
    #[serde(default = "no_stage")]
    pub stage: String,
    /// Names that point to this version (`champion`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// Who registered it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// Where an MLflow client said that the files lie.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub run_link: String,
    /// MLflow's logged model that it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_id: Option<String>,
    #[serde(default)]
    pub updated_at_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at_ms: Option<i64>,
}

fn no_stage() -> String {
    Model::NO_STAGE.to_owned()
}

impl Model {
    /// The stage of a version that nobody has moved.
    pub const NO_STAGE: &str = "None";
    /// Where a version goes that another one takes the place of.
    pub const ARCHIVED: &str = "Archived";
    pub const STAGES: [&str; 4] = [Self::NO_STAGE, "Staging", "Production", Self::ARCHIVED];
    /// Those in which a version is in use.
    pub const ACTIVE_STAGES: [&str; 2] = ["Staging", "Production"];
}

/// The stage of that name, in whatever case it is written.
pub fn stage(name: &str) -> Option<&'static str> {
    Model::STAGES.into_iter().find(|stage| stage.eq_ignore_ascii_case(name))
}

/// A name under which versions are registered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RegisteredModel {
    pub workspace: String,
    pub name: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub tags: StringMap,
    pub created_at_ms: i64,
    pub updated_at_ms: i64,
    /// Which version each alias points to.
    #[serde(default)]
    pub aliases: BTreeMap<String, u64>,
    /// The newest version of each stage that has one.
    #[serde(default)]
    pub latest: Vec<Model>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at_ms: Option<i64>,
}

/// Body of `PATCH /api/workspaces/{workspace}/models/{name}/{version}`: what is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ModelPatch {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// With `stage`: versions that are in this stage go to `Archived`, in the same moment.
    #[serde(default)]
    pub archive_others: bool,
    #[serde(default)]
    pub set_tags: StringMap,
    #[serde(default)]
    pub remove_tags: Vec<String>,
    /// A key that exists with another value is a conflict.
    #[serde(default)]
    pub add_properties: StringMap,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub framework: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub framework_version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_configuration: Option<ResourceConfiguration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_input_dataset_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_output_dataset_id: Option<String>,
    #[serde(default)]
    pub add_datasets: Vec<ModelDataset>,
}

/// Body of `PATCH /api/workspaces/{workspace}/models/{name}`: what is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RegisteredModelPatch {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default)]
    pub set_tags: StringMap,
    #[serde(default)]
    pub remove_tags: Vec<String>,
    /// An alias and the version that it shall point to.
    #[serde(default)]
    pub set_aliases: BTreeMap<String, u64>,
    #[serde(default)]
    pub remove_aliases: Vec<String>,
}

/// Checks a name that shall point to a version. `latest` and `v3` point already.
pub fn check_alias(alias: &str) -> Result<(), ApiError> {
    let refuse = |why: &str| {
        let shown: String = alias.chars().take(60).flat_map(char::escape_default).collect();
        Err(ApiError::invalid(format!("the alias `{shown}` {why}"))
            .hint("use letters, digits, `_` and `-`, such as `champion`"))
    };
    let is_plain = |character: char| character.is_alphanumeric() || "_-".contains(character);
    if alias.is_empty() || !alias.chars().all(is_plain) {
        return refuse("is no plain word");
    }
    if alias.chars().count() > 255 {
        return refuse("is longer than 255 characters");
    }
    let digits = alias.strip_prefix(['v', 'V']).unwrap_or_default();
    let is_version = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_version || alias.eq_ignore_ascii_case("latest") {
        return refuse("is reserved");
    }
    Ok(())
}

/// What a model needs and what it was made and is tried with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ModelUsage {
    /// What a service of it is to have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_configuration: Option<ResourceConfiguration>,
    /// Ids of datasets that show what goes in and what comes out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_input_dataset_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_output_dataset_id: Option<String>,
    /// Data that had to do with its making.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub datasets: Vec<ModelDataset>,
}

/// What a service of a model is to have.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ResourceConfiguration {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_in_gb: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu: Option<u32>,
}

/// A dataset that had to do with a model's making, and what for (`training`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ModelDataset {
    pub purpose: String,
    pub dataset_id: String,
}

/// A file of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ModelFile {
    /// Relative to the model's folder.
    pub path: String,
    pub size: u64,
    pub sha256: String,
}

/// Where a new version's files come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ModelSource {
    /// Blobs uploaded before by `PUT /api/blobs/{sha256}`; a path and its digest.
    Blobs(Vec<ModelFile>),
    /// An artifact of a run, or every artifact below that folder. The model keeps the last part
    /// of the path as SDK v1 does: `outputs/model.pkl` becomes `model.pkl`.
    Run { run_id: String, path: String },
}

/// Body of `POST /api/workspaces/{workspace}/models`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewModel {
    pub name: String,
    pub source: ModelSource,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub tags: StringMap,
    #[serde(default)]
    pub properties: StringMap,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub framework: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub framework_version: Option<String>,
    #[serde(flatten)]
    pub usage: ModelUsage,
}

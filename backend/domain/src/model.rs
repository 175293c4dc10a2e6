use serde::{Deserialize, Serialize};

use crate::StringMap;

/// One version of a registered model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The run it was registered from.
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
}

use serde::{Deserialize, Serialize};

use crate::{Number, StringMap};

/// A model as MLflow logs it: what a run made, before anybody registers it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LoggedModel {
    /// `m-` and 32 hexadecimal digits.
    pub model_id: String,
    /// The key of its experiment, which MLflow calls its id.
    pub experiment_id: i64,
    /// Where a client wants the experiment's files to lie; absent: here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_location: Option<String>,
    pub name: String,
    #[serde(default)]
    pub model_type: String,
    /// The run that made it, as it was told; empty: none.
    #[serde(default)]
    pub source_run_id: String,
    pub status: LoggedModelStatus,
    pub created_at_ms: i64,
    pub updated_at_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at_ms: Option<i64>,
    #[serde(default)]
    pub tags: StringMap,
    #[serde(default)]
    pub parameters: StringMap,
    #[serde(default)]
    pub metrics: Vec<ModelMetric>,
}

/// How far the upload of a logged model is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum LoggedModelStatus {
    Unspecified,
    Pending,
    Ready,
    Failed,
}

impl LoggedModelStatus {
    pub const ALL: [LoggedModelStatus; 4] =
        [Self::Unspecified, Self::Pending, Self::Ready, Self::Failed];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "UNSPECIFIED",
            Self::Pending => "PENDING",
            Self::Ready => "READY",
            Self::Failed => "FAILED",
        }
    }

    pub fn parse(text: &str) -> Option<LoggedModelStatus> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// A point that a run logged about a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ModelMetric {
    pub name: String,
    pub value: Number,
    pub time_ms: i64,
    pub step: i64,
    pub run_id: String,
    /// The dataset it was measured on; empty: none.
    #[serde(default)]
    pub dataset_name: String,
    #[serde(default)]
    pub dataset_digest: String,
}

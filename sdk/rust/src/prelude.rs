//! What a notebook needs: `use lazuli::prelude::*;`.

pub use crate::{
    Estimator, Experiment, List, Metrics, Model, ModelRegistration, Run, RunDetails,
    ScriptRunConfig, Workspace, confusion_matrix,
};
pub use lazuli_domain::{MetricValue, RunStatus};
pub use serde_json::json;

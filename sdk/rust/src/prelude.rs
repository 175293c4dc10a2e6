//! What a notebook needs: `use lazuli::prelude::*;`.

pub use crate::{
    ComputeTarget, DataReference, Dataset, DatasetRegistration, Datastore, Environment, Estimator,
    Experiment, Keyvault, List, Metrics, Model, ModelRegistration, Run, RunDetails,
    ScriptRunConfig, Table, Workspace, confusion_matrix,
};
pub use lazuli_domain::{ColumnType, HeaderMode, MetricValue, RunStatus};
pub use serde_json::json;

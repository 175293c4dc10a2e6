//! What is kept beyond a run: models and snapshots of source folders.

mod models;
mod snapshots;

pub use models::{list_models, model, model_file, register_model};
pub use snapshots::{create_snapshot, snapshot};

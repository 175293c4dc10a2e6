//! Use cases that only MLflow's clients have, over the rows of everything else.
//!
//! Their refusals are in MLflow's words: its clients, and scripts written for them, look for these.
//! Ids are exact here, never the beginning of one, and what belongs to another workspace is not
//! there.

mod experiments;

pub use experiments::{
    DEFAULT_EXPERIMENT_ID, create_experiment, delete_experiment_tag, experiment,
    experiment_by_name, rename_experiment, set_experiment_tag,
};

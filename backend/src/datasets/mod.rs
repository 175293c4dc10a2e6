//! Datasets: data by name and version.
//!
//! What a definition names (globs in datastores, web addresses, local paths) is resolved once, into
//! a list of files in the order in which they are read. Registering pins that list: files that a
//! glob would find later belong to a later version. Tables themselves are read by the query worker.

mod check;
mod display;
mod files;
mod local;
mod register;
mod registered;
mod resolve;
mod steps;
mod tables;
mod uses;
mod web;

pub use display::{details, sql_rows};
pub use files::{FilesPage, files_of_version};
pub use register::register;
pub use registered::{
    by_id, dataset, delete_dataset, list_datasets, list_versions, patch_dataset, restore_dataset,
};
pub use resolve::files_of_definition;
pub use tables::{Beyond, table_of_dataset, table_of_definition, table_of_name};
pub use uses::{add_use, input_datasets, uses_of_dataset, uses_of_run};

//! Environments: by name and version what they are made of; what was made of them lies in the home,
//! where the agents make it. Nothing is made in this process.

mod builds;
mod cached;
mod curated;
mod registered;
mod yaml;

pub use builds::{build, build_log, builds, remove_builds, start_build};
pub use cached::{list as cached, remove_unused};
pub(crate) use registered::for_job;
pub use registered::{delete, get, list, patch, register, versions};
pub use yaml::{parse as parse_yaml, read_conda};

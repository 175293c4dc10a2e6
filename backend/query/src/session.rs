//! DataFusion as a query uses it.

use std::path::Path;
use std::sync::Arc;

use datafusion::common::config::Dialect;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::prelude::{SessionConfig, SessionContext};

use crate::error::{Result, internal};
use crate::text::cores;

/// Memory and disk of one query.
pub fn runtime(memory: usize, folder: &Path) -> Result<Arc<RuntimeEnv>> {
    let top = std::num::NonZero::new(3).ok_or_else(|| internal("three is zero"))?;
    let disk = DiskManagerBuilder::default()
        .with_mode(DiskManagerMode::Directories(vec![folder.to_owned()]));
    RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(TrackConsumersPool::new(FairSpillPool::new(memory), top)))
        .with_disk_manager_builder(disk)
        .with_metadata_cache_limit(16 << 20)
        .build_arc()
        .map_err(internal)
}

/// Rows may come in any order.
pub fn quick(runtime: &Arc<RuntimeEnv>) -> SessionContext {
    SessionContext::new_with_config_rt(config(), Arc::clone(runtime))
}

/// Rows keep the order of the files.
pub fn ordered(runtime: &Arc<RuntimeEnv>) -> SessionContext {
    // Whoever takes all rows takes them in as many pieces; pandas is a third quicker with larger ones.
    let config = config().with_round_robin_repartition(false).with_batch_size(64 << 10);
    SessionContext::new_with_config_rt(config, Arc::clone(runtime))
}

fn config() -> SessionConfig {
    let mut config = SessionConfig::new()
        .with_target_partitions(cores())
        .with_information_schema(false)
        // What text says it is; pandas and Azure know `PatientID`, not `patientid`.
        .set_bool("datafusion.sql_parser.enable_ident_normalization", false)
        .set_bool("datafusion.sql_parser.map_string_types_to_utf8view", false)
        .set_bool("datafusion.execution.parquet.schema_force_view_types", false)
        .set_bool("datafusion.execution.parquet.binary_as_string", true);
    let options = config.options_mut();
    options.sql_parser.dialect = Dialect::Generic;
    // Times are in UTC throughout.
    options.execution.time_zone = None;
    // Sorting reserves memory for merging what it spilled; the default of 10 MB per partition is
    // right for small limits too.
    options.execution.parquet.pushdown_filters = false;
    config
}

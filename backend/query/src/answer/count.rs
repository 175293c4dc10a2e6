//! How many rows a table has.

use datafusion::prelude::DataFrame;

use crate::error::Failure;

pub async fn of(frame: DataFrame) -> Result<serde_json::Value, Failure> {
    Ok(serde_json::json!({ "count": frame.count().await? }))
}

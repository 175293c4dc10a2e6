use std::sync::Arc;

use axum::extract::State;
use lazuli_domain::Completions;
use serde::Deserialize;

use super::error::Answer;
use super::extract::{Json, Path, Query};
use crate::app::App;
use crate::tracking;

#[derive(Deserialize, utoipa::IntoParams)]
pub struct Complete {
    /// A filter of runs as far as it is typed.
    #[serde(default)]
    filter: String,
}

/// What may come at the end of a filter of runs. Names are those that the newest runs know.
#[utoipa::path(get, path = "/api/workspaces/{workspace}/completions", tag = "runs", params(Complete), responses((status = 200, body = Completions)))]
pub async fn complete(
    State(app): State<Arc<App>>,
    Path(workspace): Path<String>,
    Query(Complete { filter }): Query<Complete>,
) -> Answer<Json<Completions>> {
    Ok(Json(tracking::complete_filter(&app, workspace, filter).await?))
}

use std::sync::Arc;

use axum::extract::State;
use lazuli_domain::Metric;
use serde::Deserialize;

use super::error::Answer;
use super::extract::{Json, Path, Query};
use crate::app::App;
use crate::store::metrics::StepRange;
use crate::tracking::{self, Sampling};

/// A chart with more points than this shows nothing more.
const MOST_POINTS: usize = 100_000;

#[derive(Deserialize, utoipa::IntoParams)]
pub struct GetMetric {
    /// Only points with this step or a greater one.
    from_step: Option<i64>,
    /// Only points with this step or a smaller one.
    to_step: Option<i64>,
    /// About so many points are enough: the ends and every spike stay. Only scalar metrics are cut
    /// down; unless told, every point is answered.
    max_points: Option<usize>,
}

/// Full histories, in order of first appearance.
#[utoipa::path(get, path = "/api/runs/{run_id}/metrics", tag = "metrics", responses((status = 200, body = [Metric])))]
pub async fn list(
    State(app): State<Arc<App>>,
    Path(run_id): Path<String>,
) -> Answer<Json<Vec<Metric>>> {
    Ok(Json(tracking::metrics(&app, run_id).await?))
}

/// The history, whole or a part of it.
#[utoipa::path(get, path = "/api/runs/{run_id}/metrics/{name}", tag = "metrics", params(GetMetric), responses((status = 200, body = Metric)))]
pub async fn get(
    State(app): State<Arc<App>>,
    Path((run_id, name)): Path<(String, String)>,
    Query(query): Query<GetMetric>,
) -> Answer<Json<Metric>> {
    let sampling = Sampling {
        steps: StepRange { from: query.from_step, to: query.to_step },
        most: query.max_points.map(|most| most.min(MOST_POINTS)),
    };
    Ok(Json(tracking::metric(&app, run_id, name, sampling).await?))
}

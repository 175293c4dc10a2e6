//! Access tokens of programs.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use lazuli_domain::{AccessToken, MadeAccessToken, NewAccessToken};

use super::error::Answer;
use super::extract::{Json, Path};
use crate::access;
use crate::app::App;

/// Names and times; the tokens themselves are told once.
#[utoipa::path(get, path = "/api/tokens", tag = "tokens", responses((status = 200, body = [AccessToken])))]
pub async fn list(State(app): State<Arc<App>>) -> Json<Vec<AccessToken>> {
    Json(access::list(&app))
}

/// Makes a token, which the answer tells and nothing else ever does.
#[utoipa::path(post, path = "/api/tokens", tag = "tokens", responses((status = 200, body = MadeAccessToken)))]
pub async fn create(
    State(app): State<Arc<App>>,
    Json(new): Json<NewAccessToken>,
) -> Answer<Response> {
    let mut answer = Json(access::create(&app, new).await?).into_response();
    // Of what is told once no cache keeps a copy.
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(answer)
}

/// Revokes a token: whoever has it is refused from now on, and what it had opened is closed.
#[utoipa::path(delete, path = "/api/tokens/{name}", tag = "tokens", responses((status = 204)))]
pub async fn revoke(State(app): State<Arc<App>>, Path(name): Path<String>) -> Answer<StatusCode> {
    access::revoke(&app, name).await?;
    Ok(StatusCode::NO_CONTENT)
}

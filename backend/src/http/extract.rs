//! What handlers take out of a request. Axum's own extractors answer a bad request with plain text;
//! these answer with the body that every failure has.

use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use lazuli_domain::ApiError;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::Failure;

/// A snapshot of 100,000 files is some 20 MB.
const LARGEST_JSON: usize = 64 << 20;

/// JSON in the body of a request or an answer.
pub struct Json<T>(pub T);

/// Names in the path, percent-decoded once.
pub struct Path<T>(pub T);

/// What follows the `?`.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Failure> {
        let bytes = to_bytes(request.into_body(), LARGEST_JSON)
            .await
            .map_err(|error| body_failure(&error, LARGEST_JSON))?;
        serde_json::from_slice(&bytes).map(Json).map_err(|error| {
            ApiError::invalid(format!("the body is not what this request takes: {error}"))
                .hint("`/api/openapi.json` describes it")
                .into()
        })
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        axum::extract::Path::<T>::from_request_parts(parts, state)
            .await
            .map(|path| Path(path.0))
            .map_err(|error| {
                ApiError::invalid(format!("the address is malformed: {}", error.body_text())).into()
            })
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        axum::extract::Query::<T>::from_request_parts(parts, state)
            .await
            .map(|query| Query(query.0))
            .map_err(|error| {
                ApiError::invalid(format!("the query is malformed: {}", error.body_text())).into()
            })
    }
}

/// Why a body could not be read whole.
pub fn body_failure(error: &axum::Error, limit: usize) -> Failure {
    let too_large = std::error::Error::source(error)
        .is_some_and(|source| source.to_string().contains("length limit"));
    if too_large {
        return Failure::too_large(limit);
    }
    ApiError::invalid(format!("the body broke off: {error}")).hint("send it again").into()
}

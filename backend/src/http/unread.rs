//! What a refused request leaves unread.
//!
//! A connection whose request was answered before its body was read is closed without a word, and a
//! client that keeps connections alive loses the request that it sends next. So a short body is read
//! before anybody looks at the request, and the refusal of a long one says that the connection ends.

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::extract::body_failure;

const SHORT: u64 = 64 << 10;

pub async fn leave_nothing(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    if request.body().size_hint().upper().is_some_and(|size| size <= SHORT) {
        let (parts, body) = request.into_parts();
        return match to_bytes(body, SHORT as usize).await {
            Ok(bytes) => next.run(Request::from_parts(parts, Body::from(bytes))).await,
            Err(error) => body_failure(&error, SHORT as usize).into_response(),
        };
    }
    let mut response = next.run(request).await;
    if response.status().is_client_error() || response.status().is_server_error() {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

//! Files as answers: streamed, whole or a part (RFC 9110, section 14).

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::error::{Answer, Failure};
use crate::blobs::Content;

/// The blob `sha256`, or the range of it that the request asks for.
pub async fn blob(content: Content, sha256: &str, headers: &HeaderMap) -> Answer<Response> {
    let size = content.size();
    let range = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    let (status, start, length) = match range.map(|range| requested(range, size)) {
        None | Some(Requested::Whole) => (StatusCode::OK, 0, size),
        Some(Requested::Part { start, length }) => (StatusCode::PARTIAL_CONTENT, start, length),
        Some(Requested::Nothing) => {
            let mut response = Failure::wrong_range(size).into_response();
            insert(response.headers_mut(), header::CONTENT_RANGE, format!("bytes */{size}"));
            return Ok(response);
        }
    };
    let mut response = part(content, start, length).await?;
    *response.status_mut() = status;
    let response_headers = response.headers_mut();
    insert(response_headers, header::ETAG, format!("\"{sha256}\""));
    insert(response_headers, header::ACCEPT_RANGES, "bytes".into());
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {start}-{}/{size}", start + length - 1);
        insert(response_headers, header::CONTENT_RANGE, range);
    }
    Ok(response)
}

/// `length` bytes from `start` on.
pub async fn part(content: Content, start: u64, length: u64) -> Answer<Response> {
    let stream = content.stream(start, length).await?;
    let mut response = Body::from_stream(stream).into_response();
    let headers = response.headers_mut();
    insert(headers, header::CONTENT_LENGTH, length.to_string());
    insert(headers, header::CONTENT_TYPE, "application/octet-stream".into());
    // An HTML file among the artifacts is never shown as a page of this address.
    insert(headers, header::CONTENT_DISPOSITION, "attachment".into());
    insert(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff".into());
    insert(headers, header::CONTENT_SECURITY_POLICY, "sandbox".into());
    Ok(response)
}

pub fn insert(headers: &mut HeaderMap, name: header::HeaderName, value: String) {
    // Every value here is a number, a digest or a word of ours.
    if let Ok(value) = HeaderValue::from_str(&value) {
        headers.insert(name, value);
    }
}

#[derive(Debug, PartialEq)]
enum Requested {
    Whole,
    Part { start: u64, length: u64 },
    Nothing,
}

/// A header that is malformed, or asks for several parts, is answered with the whole, as the
/// specification allows.
fn requested(range: &str, size: u64) -> Requested {
    let Some((from, to)) = range.trim().strip_prefix("bytes=").and_then(|it| it.split_once('-'))
    else {
        return Requested::Whole;
    };
    let (start, end) = match (from.trim().parse::<u64>(), to.trim().parse::<u64>()) {
        (Ok(start), Ok(end)) if start <= end => (start, end.min(size.saturating_sub(1))),
        (Ok(start), Err(_)) if to.trim().is_empty() => (start, size.saturating_sub(1)),
        (Err(_), Ok(last)) if from.trim().is_empty() => {
            if last == 0 {
                return Requested::Nothing;
            }
            (size.saturating_sub(last), size.saturating_sub(1))
        }
        _ => return Requested::Whole,
    };
    if start >= size {
        return Requested::Nothing;
    }
    Requested::Part { start, length: end - start + 1 }
}

#[cfg(test)]
mod tests {
    use super::Requested::{Nothing, Part, Whole};
    use super::requested;

    #[test]
    fn ranges() {
        for (range, wanted) in [
            ("bytes=0-3", Part { start: 0, length: 4 }),
            ("bytes=8-", Part { start: 8, length: 2 }),
            ("bytes=-3", Part { start: 7, length: 3 }),
            ("bytes=-99", Part { start: 0, length: 10 }),
            ("bytes=5-99", Part { start: 5, length: 5 }),
            ("bytes=10-", Nothing),
            ("bytes=-0", Nothing),
            ("bytes=3-1", Whole),
            ("bytes=0-1,3-4", Whole),
            ("lines=1-2", Whole),
        ] {
            assert_eq!(requested(range, 10), wanted, "{range}");
        }
        assert_eq!(requested("bytes=0-", 0), Nothing);
    }
}

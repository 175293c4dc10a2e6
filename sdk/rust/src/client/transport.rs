//! HTTP/1.1 as far as a client of the daemon needs it: one request per connection, bodies streamed
//! both ways (RFC 9112).
//!
//! A general HTTP client would bring a dozen crates into every cell that is compiled, costs each of
//! them about 10 ms, may start threads and reads proxy settings from the environment. It also does
//! not tell whether a request had been sent when it failed, which decides if it may be repeated.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A daemon that commits a long spool may take its time to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);
/// Bodies from this size on are announced first, so that a refusal comes before the upload.
const ANNOUNCED_FROM: u64 = 1 << 20;
const ANNOUNCEMENT_TIMEOUT: Duration = Duration::from_secs(2);
const MAX_HEAD: usize = 64 << 10;

pub(crate) struct Request<'a> {
    pub method: &'static str,
    /// Path and query, encoded.
    pub target: &'a str,
    pub headers: &'a [(&'a str, &'a str)],
}

pub(crate) enum Body<'a> {
    Empty,
    Json(&'a [u8]),
    Bytes(&'a [u8]),
    /// Exactly `length` bytes are sent; a reader that ends sooner fails the request.
    Stream {
        reader: &'a mut dyn Read,
        length: u64,
    },
}

impl Body<'_> {
    fn length(&self) -> u64 {
        match self {
            Body::Empty => 0,
            Body::Json(bytes) | Body::Bytes(bytes) => bytes.len() as u64,
            Body::Stream { length, .. } => *length,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Response {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: ResponseBody,
}

impl Response {
    /// Value of a header; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Debug)]
pub(crate) enum Failure {
    /// The daemon has not seen the request: it may be sent again.
    NotSent(std::io::Error),
    /// The daemon may have acted on it.
    Lost(std::io::Error),
    /// The caller's own reader failed.
    Source(std::io::Error),
}

/// Sends a request to `authority` (`127.0.0.1:8080`) and reads the head of the answer.
pub(crate) fn send(
    authority: &str,
    request: &Request<'_>,
    body: Body<'_>,
) -> Result<Response, Failure> {
    let mut stream = connect(authority).map_err(Failure::NotSent)?;
    let length = body.length();
    let announced = length >= ANNOUNCED_FROM;
    stream
        .write_all(head(authority, request, &body, announced).as_bytes())
        .map_err(Failure::NotSent)?;
    let mut reader = BufReader::new(stream);
    if announced && let Some(refusal) = wait_for_go_ahead(&mut reader).map_err(Failure::Lost)? {
        return answer(refusal, reader, request.method);
    }
    let sent = send_body(reader.get_mut(), body);
    match (sent, read_head(&mut reader)) {
        (Err(failure @ Failure::Source(_)), _) => Err(failure),
        // A daemon that refuses a body closes the connection; its answer says why.
        (_, Ok(head)) => answer(head, reader, request.method),
        (Err(failure), Err(_)) => Err(failure),
        (Ok(()), Err(error)) => Err(Failure::Lost(error)),
    }
}

fn connect(authority: &str) -> std::io::Result<TcpStream> {
    let mut failure = std::io::Error::new(ErrorKind::NotFound, "the daemon's address is empty");
    for address in authority.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
                stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
                return Ok(stream);
            }
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn head(authority: &str, request: &Request<'_>, body: &Body<'_>, announced: bool) -> String {
    let mut head = format!(
        "{} {} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n",
        request.method, request.target
    );
    for (name, value) in request.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    match body {
        Body::Empty if matches!(request.method, "GET" | "HEAD" | "DELETE") => {}
        Body::Empty => head.push_str("content-length: 0\r\n"),
        Body::Json(bytes) => head.push_str(&format!(
            "content-type: application/json\r\ncontent-length: {}\r\n",
            bytes.len()
        )),
        Body::Bytes(_) | Body::Stream { .. } => head.push_str(&format!(
            "content-type: application/octet-stream\r\ncontent-length: {}\r\n",
            body.length()
        )),
    }
    if announced {
        head.push_str("expect: 100-continue\r\n");
    }
    head.push_str("\r\n");
    head
}

/// After `expect: 100-continue`: `None` means go on, `Some` is the final answer. A server that
/// says nothing is taken to agree (RFC 9110, 10.1.1).
fn wait_for_go_ahead(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<Head>> {
    reader.get_ref().set_read_timeout(Some(ANNOUNCEMENT_TIMEOUT))?;
    let silent = match reader.fill_buf() {
        Ok(_) => false,
        Err(error) if is_timeout(&error) => true,
        Err(error) => return Err(error),
    };
    reader.get_ref().set_read_timeout(Some(ANSWER_TIMEOUT))?;
    if silent {
        return Ok(None);
    }
    let head = read_one_head(reader)?;
    Ok((head.status != 100).then_some(head))
}

fn send_body(stream: &mut TcpStream, body: Body<'_>) -> Result<(), Failure> {
    let (reader, length) = match body {
        Body::Empty => return Ok(()),
        Body::Json(bytes) | Body::Bytes(bytes) => {
            return stream.write_all(bytes).map_err(Failure::Lost);
        }
        Body::Stream { reader, length } => (reader, length),
    };
    let mut buffer = vec![0; 64 << 10];
    let mut left = length;
    while left > 0 {
        let wanted = left.min(buffer.len() as u64) as usize;
        match reader.read(&mut buffer[..wanted]) {
            Ok(0) => {
                return Err(Failure::Source(std::io::Error::new(
                    ErrorKind::UnexpectedEof,
                    format!("the content ended {left} bytes too soon: it changed meanwhile"),
                )));
            }
            Ok(count) => {
                stream.write_all(&buffer[..count]).map_err(Failure::Lost)?;
                left -= count as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(Failure::Source(error)),
        }
    }
    Ok(())
}

struct Head {
    status: u16,
    headers: Vec<(String, String)>,
}

impl Head {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

fn read_head(reader: &mut BufReader<TcpStream>) -> std::io::Result<Head> {
    loop {
        let head = read_one_head(reader)?;
        // Interim answers may come at any time before the final one.
        if head.status >= 200 {
            return Ok(head);
        }
    }
}

fn read_one_head(reader: &mut BufReader<TcpStream>) -> std::io::Result<Head> {
    let mut lines = Vec::new();
    let mut size = 0;
    loop {
        let mut line = Vec::new();
        reader.by_ref().take(MAX_HEAD as u64).read_until(b'\n', &mut line)?;
        size += line.len();
        if !line.ends_with(b"\n") {
            return Err(match size {
                0 => std::io::Error::new(
                    ErrorKind::ConnectionReset,
                    "the connection was closed before an answer came",
                ),
                _ => no_http("the head of the answer is cut off"),
            });
        }
        if size > MAX_HEAD {
            return Err(no_http("the head of the answer is too long"));
        }
        let line = String::from_utf8_lossy(line.trim_ascii_end()).into_owned();
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    let status = lines
        .first()
        .and_then(|line| line.strip_prefix("HTTP/1."))
        .and_then(|rest| rest.split(' ').nth(1)?.parse().ok())
        .ok_or_else(|| no_http("the answer is not HTTP"))?;
    let headers = lines[1..]
        .iter()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Ok(Head { status, headers })
}

fn answer(head: Head, reader: BufReader<TcpStream>, method: &str) -> Result<Response, Failure> {
    let chunked = head
        .header("transfer-encoding")
        .is_some_and(|coding| coding.to_ascii_lowercase().ends_with("chunked"));
    let length = head.header("content-length").map(str::parse::<u64>).transpose();
    let rest = match length {
        _ if method == "HEAD" || matches!(head.status, 204 | 304) => Rest::Length(0),
        _ if chunked => Rest::Chunked { left: 0, line: Vec::new(), first: true },
        Ok(Some(length)) => Rest::Length(length),
        Ok(None) => Rest::UntilClosed,
        Err(_) => return Err(Failure::Lost(no_http("the content-length is no number"))),
    };
    Ok(Response { status: head.status, headers: head.headers, body: ResponseBody { reader, rest } })
}

/// The body of an answer, as it comes. A read that timed out may be tried again.
#[derive(Debug)]
pub(crate) struct ResponseBody {
    reader: BufReader<TcpStream>,
    rest: Rest,
}

#[derive(Debug)]
enum Rest {
    Length(u64),
    /// Bytes left of the chunk, and what was read of the line that announces the next one.
    Chunked {
        left: u64,
        line: Vec<u8>,
        first: bool,
    },
    UntilClosed,
}

impl ResponseBody {
    pub fn set_timeout(&self, timeout: Duration) -> std::io::Result<()> {
        self.reader.get_ref().set_read_timeout(Some(timeout))
    }

    /// Bytes still to come, where the answer says so.
    pub fn length(&self) -> Option<u64> {
        match self.rest {
            Rest::Length(length) => Some(length),
            _ => None,
        }
    }
}

impl Read for ResponseBody {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let limit = match &mut self.rest {
            Rest::UntilClosed => return self.reader.read(buffer),
            Rest::Length(length) => *length,
            Rest::Chunked { left, line, first } => {
                if *left == 0 {
                    match next_chunk(&mut self.reader, line, first)? {
                        0 => {
                            self.rest = Rest::Length(0);
                            return Ok(0);
                        }
                        size => *left = size,
                    }
                }
                *left
            }
        };
        if limit == 0 || buffer.is_empty() {
            return Ok(0);
        }
        let wanted = limit.min(buffer.len() as u64) as usize;
        let count = self.reader.read(&mut buffer[..wanted])?;
        if count == 0 {
            return Err(cut_off());
        }
        if let Rest::Length(left) | Rest::Chunked { left, .. } = &mut self.rest {
            *left -= count as u64;
        }
        Ok(count)
    }
}

/// Reads the line with the next chunk's size. `line` keeps what came before a timeout.
fn next_chunk(
    reader: &mut BufReader<TcpStream>,
    line: &mut Vec<u8>,
    first: &mut bool,
) -> std::io::Result<u64> {
    loop {
        reader.read_until(b'\n', line)?;
        if !line.ends_with(b"\n") {
            return Err(cut_off());
        }
        let text = String::from_utf8_lossy(line).trim().to_owned();
        line.clear();
        // Each chunk but the first is preceded by the line end of the one before.
        if text.is_empty() && !*first {
            *first = true;
            continue;
        }
        *first = false;
        let size = text.split(';').next().unwrap_or_default().trim();
        return u64::from_str_radix(size, 16).map_err(|_| no_http("a chunk has no size"));
    }
}

pub(crate) fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn cut_off() -> std::io::Error {
    std::io::Error::new(ErrorKind::UnexpectedEof, "the connection was closed amid the answer")
}

fn no_http(what: &str) -> std::io::Error {
    std::io::Error::new(ErrorKind::InvalidData, what)
}

/// One part of a path, percent-encoded (RFC 3986).
pub(crate) fn encode(part: &str) -> String {
    let mut encoded = String::with_capacity(part.len());
    for byte in part.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' => {
                encoded.push(byte as char);
            }
            // `.` and `..` alone would be taken for steps in the path.
            b'.' if !matches!(part, "." | "..") => encoded.push('.'),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// A path of several parts: the slashes stay.
pub(crate) fn encode_path(path: &str) -> String {
    path.split('/').map(encode).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// What a server is sent when it answers `answer`, and what the client makes of that.
    fn exchange(answer: &'static [u8], body: Body<'_>) -> (String, Result<Response, Failure>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        std::thread::scope(|scope| {
            let server = scope.spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                let mut received = Vec::new();
                while !received.windows(4).any(|window| window == b"\r\n\r\n") {
                    let mut buffer = [0; 4096];
                    let count = stream.read(&mut buffer).unwrap();
                    received.extend_from_slice(&buffer[..count]);
                }
                stream.write_all(answer).unwrap();
                String::from_utf8(received).unwrap()
            });
            let request = Request { method: "PUT", target: "/x", headers: &[("a", "b")] };
            let result = send(&authority, &request, body);
            (server.join().unwrap(), result)
        })
    }

    fn text(response: Response) -> String {
        let mut text = String::new();
        let mut body = response.body;
        body.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn bodies_of_every_kind_are_read_whole() {
        for answer in [
            &b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"[..],
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n\r\nhello",
            b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\nhello",
        ] {
            let (_, response) = exchange(answer, Body::Empty);
            assert_eq!(text(response.unwrap()), "hello");
        }
    }

    #[test]
    fn a_truncated_body_is_an_error() {
        for answer in [
            &b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nhello"[..],
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
        ] {
            let (_, response) = exchange(answer, Body::Empty);
            let error = response.unwrap().body.read_to_end(&mut Vec::new()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        }
    }

    #[test]
    fn each_request_closes_its_connection() {
        let (request, _) = exchange(b"HTTP/1.1 204 No Content\r\n\r\n", Body::Empty);
        let (_, head) = request.split_once("host: ").unwrap();
        let (_, head) = head.split_once("\r\n").unwrap();
        assert_eq!(head, "connection: close\r\na: b\r\ncontent-length: 0\r\n\r\n");
    }

    #[test]
    fn a_large_upload_that_is_refused_is_not_sent() {
        let mut reader = std::io::repeat(7);
        let body = Body::Stream { reader: &mut reader, length: 5 << 30 };
        let (request, response) =
            exchange(b"HTTP/1.1 507 Insufficient Storage\r\ncontent-length: 4\r\n\r\nfull", body);
        assert!(request.ends_with("expect: 100-continue\r\n\r\n"), "{request}");
        let response = response.unwrap();
        assert_eq!(response.status, 507);
        assert_eq!(text(response), "full");
    }

    #[test]
    fn a_file_that_shrinks_fails_the_request() {
        let mut reader = &b"ab"[..];
        let body = Body::Stream { reader: &mut reader, length: 3 };
        let (_, response) = exchange(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", body);
        assert!(matches!(response, Err(Failure::Source(_))));
    }

    #[test]
    fn nobody_listening_means_not_sent() {
        // An address of its own: the port is not given to another test meanwhile.
        let listener = TcpListener::bind("127.0.7.9:0").unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        drop(listener);
        let request = Request { method: "GET", target: "/", headers: &[] };
        let failure = send(&authority, &request, Body::Empty).unwrap_err();
        assert!(matches!(failure, Failure::NotSent(_)));
    }

    #[test]
    fn names_cannot_change_the_path() {
        assert_eq!(encode("a b/ü?#%"), "a%20b%2F%C3%BC%3F%23%25");
        assert_eq!((encode(".."), encode("a..b")), ("%2E%2E".into(), "a..b".into()));
        assert_eq!(encode_path("outputs/a b.txt"), "outputs/a%20b.txt");
    }
}

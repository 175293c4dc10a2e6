//! Standard input without what is no message. The transport below ends at the first one that it cannot
//! read, and an editor's defect would leave the editor without a server.

use serde::Deserialize;
use serde::de::IgnoredAny;
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream,
};

const BUFFER: usize = 64 * 1024;

/// What `input` says, message by message; those that are none are left out and logged.
pub fn messages(input: impl AsyncRead + Send + Unpin + 'static) -> DuplexStream {
    let (messages, mut passed_on) = tokio::io::duplex(BUFFER);
    tokio::spawn(async move {
        let mut input = BufReader::with_capacity(BUFFER, input);
        while let Some(body) = body(&mut input).await {
            if let Err(error) = is_message(&body) {
                tracing::warn!(%error, "what was read is no message, and is left out");
                continue;
            }
            let head = format!("Content-Length: {}\r\n\r\n", body.len());
            let written = async {
                passed_on.write_all(head.as_bytes()).await?;
                passed_on.write_all(&body).await
            };
            if written.await.is_err() {
                // The server has ended.
                return;
            }
        }
    });
    messages
}

/// The next body; none at the end. A line that is no header is passed over.
async fn body(input: &mut (impl AsyncBufRead + Unpin)) -> Option<Vec<u8>> {
    let mut length: Option<u64> = None;
    let mut line = Vec::new();
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&line);
        match (text.trim(), length) {
            ("", Some(length)) => {
                // Grows as it comes: a length that is no true one asks for no memory.
                let mut body = Vec::new();
                input.take(length).read_to_end(&mut body).await.ok()?;
                return (body.len() as u64 == length).then_some(body);
            }
            ("", None) => {}
            (header, _) => match header.split_once(':') {
                Some((name, value)) if name.trim().eq_ignore_ascii_case("content-length") => {
                    length = value.trim().parse().ok();
                }
                _ => tracing::debug!(header, "passed over"),
            },
        }
    }
}

fn is_message(body: &[u8]) -> Result<(), String> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Id {
        #[allow(dead_code, reason = "only its shape is looked at")]
        Number(i64),
        #[allow(dead_code, reason = "only its shape is looked at")]
        Text(String),
    }
    #[derive(Deserialize)]
    struct Shape {
        jsonrpc: String,
        method: Option<String>,
        #[serde(rename = "id")]
        _id: Option<Id>,
        result: Option<IgnoredAny>,
        error: Option<IgnoredAny>,
    }
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err("no JSON object".into());
    }
    let shape: Shape = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    if shape.jsonrpc != "2.0" {
        return Err("not of JSON-RPC 2.0".into());
    }
    // `"result": null` is an answer too, and cannot be told from none here.
    let is_answer = shape.result.is_some() || shape.error.is_some() || shape._id.is_some();
    if shape.method.is_none() && !is_answer {
        return Err("neither a request nor an answer".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_messages_pass() {
        let good = br#"{"jsonrpc":"2.0","method":"exit"}"#;
        let mut said = Vec::new();
        for body in [&b"{\"a\": nul"[..], b"[]", b"7", br#"{"jsonrpc":"2.0"}"#, b"\xFF\xFE", good] {
            said.extend(format!("content-length: {}\r\nX: y\r\n\r\n", body.len()).into_bytes());
            said.extend(body);
        }
        said.splice(0..0, b"garbage\r\n\r\n".iter().copied());
        said.extend(b"Content-Length: 99\r\n\r\ncut off");
        let mut passed = Vec::new();
        messages(std::io::Cursor::new(said)).read_to_end(&mut passed).await.unwrap();
        let expected = format!("Content-Length: {}\r\n\r\n", good.len());
        assert_eq!(passed, [expected.as_bytes(), good].concat());
    }
}

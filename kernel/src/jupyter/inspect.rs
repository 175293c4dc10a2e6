//! `inspect_request`: the help of a magic, or the interpreter's words on a piece of Rust.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::complete::cursor;
use super::kernel::Kernel;
use super::wire::Request;
use crate::cell::rust_at;

const PATIENCE: Duration = Duration::from_secs(5);

pub async fn reply(kernel: &Kernel, request: &Request) -> Value {
    let code = request.text("code");
    let cursor = cursor(request, code);
    let line = kernel.python_magic(code, cursor).unwrap_or(0..code.len());
    let hover = lazuli_commands::hover(&code[line.clone()], cursor.saturating_sub(line.start));
    let data = match hover {
        Some(hover) => {
            let plain = hover.text.replace("```text\n", "").replace("```", "");
            let markdown = Value::from(hover.text);
            Some(Map::from_iter([
                ("text/plain".to_owned(), plain.into()),
                ("text/markdown".to_owned(), markdown),
            ]))
        }
        None => rust(kernel, code, cursor).await,
    };
    json!({
        "status": "ok",
        "found": data.is_some(),
        "data": data.unwrap_or_default(),
        "metadata": {},
    })
}

async fn rust(kernel: &Kernel, code: &str, cursor: usize) -> Option<Map<String, Value>> {
    let code = rust_at(code, cursor)?;
    if kernel.is_executing().await {
        return None;
    }
    let asked = kernel.interpreter.inspect(&code, cursor);
    tokio::time::timeout(PATIENCE, asked).await.ok().flatten()
}

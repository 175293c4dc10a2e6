//! `complete_request`: magics from the table of commands, Rust from the interpreter.

use std::time::Duration;

use serde_json::{Value, json};

use super::kernel::Kernel;
use super::text::{byte_of_character, character_of_byte};
use super::wire::Request;
use crate::cell::rust_at;
use crate::magic::catalog;

/// Completion that comes later than this is of no use to a person who types.
const PATIENCE: Duration = Duration::from_secs(5);

pub async fn reply(kernel: &Kernel, request: &Request) -> Value {
    let code = request.text("code");
    let cursor = cursor(request, code);
    let (start, end, matches) = if let Some(line) = kernel.python_magic(code, cursor) {
        let found = magic(kernel, &code[line.clone()], cursor - line.start).await;
        let (start, end, matches) = found.unwrap_or_default();
        (line.start + start, line.start + end, matches)
    } else {
        match magic(kernel, code, cursor).await {
            Some(found) => found,
            None => rust(kernel, code, cursor).await,
        }
    };
    let (start, end) = (character_of_byte(code, start), character_of_byte(code, end));
    let texts: Vec<&str> = matches.iter().map(|(text, _)| text.as_str()).collect();
    let types: Vec<Value> = matches
        .iter()
        .map(|(text, kind)| json!({ "text": text, "type": kind, "start": start, "end": end }))
        .collect();
    json!({
        "status": "ok",
        "matches": texts,
        "cursor_start": start,
        "cursor_end": end,
        "metadata": { "_jupyter_types_experimental": types },
    })
}

/// The place of the cursor in bytes; without one it is at the end.
pub fn cursor(request: &Request, code: &str) -> usize {
    match request.number("cursor_pos").and_then(|position| usize::try_from(position).ok()) {
        Some(position) => byte_of_character(code, position),
        None => code.len(),
    }
}

type Found = (usize, usize, Vec<(String, String)>);

/// What a magic may say at the cursor; none outside of magics.
async fn magic(kernel: &Kernel, code: &str, cursor: usize) -> Option<Found> {
    let catalog = match lazuli_commands::wanted(code, cursor) {
        Some(wanted) => catalog::fetch(kernel, wanted).await,
        None => lazuli_commands::Catalog::default(),
    };
    let found = lazuli_commands::complete(code, cursor, &catalog)?;
    let matches =
        found.items.into_iter().map(|item| (item.text, item.kind.as_str().to_owned())).collect();
    Some((found.span.start, found.span.end, matches))
}

/// Nothing while a cell runs: the interpreter is busy with it.
async fn rust(kernel: &Kernel, code: &str, cursor: usize) -> Found {
    let nothing = (cursor, cursor, Vec::new());
    let Some(code) = rust_at(code, cursor) else { return nothing };
    if kernel.is_executing().await {
        return nothing;
    }
    match tokio::time::timeout(PATIENCE, kernel.interpreter.complete(&code, cursor)).await {
        Ok(found) => (found.start, found.end, found.matches),
        Err(_) => nothing,
    }
}

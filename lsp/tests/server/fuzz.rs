//! Random edits and requests: no panic, and after all of them the server has the very text that the
//! editor has, and no range is of an earlier one.

use std::time::Instant;

use lazuli_tests::Home;
use serde_json::{Value, json};

use crate::editor::Editor;

const EDITS: usize = 10_000;
const PIECES: [&str; 26] = [
    "%submit ",
    "train.py",
    "--experiment ",
    "ws.datasets['",
    "'",
    "\"",
    "\n",
    "\r\n",
    "é",
    "🦀",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "df = ",
    "\\",
    "#",
    "%%track\n",
    "run.log('a', 1)\n",
    "Dataset.get_by_name(ws, ",
    "\"\"\"",
    "    ",
    "%run sub",
    "=",
];

/// Numbers that look random and are the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap_or(0) % limit.max(1)
    }
}

/// Lines and UTF-16 units of a byte, counted as plainly as can be.
fn position(text: &str, byte: usize) -> Value {
    let before = &text[..byte];
    let line = before.matches('\n').count();
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    json!({ "line": line, "character": before[start..].encode_utf16().count() })
}

#[test]
fn ten_thousand_random_edits_and_requests() {
    let home = Home::new();
    let mut editor = Editor::start(&home);
    for (language, seed) in [("python", 0x9E37_79B9), ("rust", 0x1234_5678_9ABC)] {
        let mut random = Random(seed);
        let cell = editor.open_notebook(&format!("{language}.ipynb"), language, &[""]).remove(0);
        let notebook = editor.uri(&format!("{language}.ipynb"));
        let mut text = String::new();
        let mut version = 1;
        let mut waiting = Vec::new();
        let begun = Instant::now();
        for edit in 0..EDITS / 2 {
            let (start, end) = place(&mut random, &text);
            let piece = if text.len() > 3_000 { "" } else { PIECES[random.below(PIECES.len())] };
            let range = json!({ "start": position(&text, start), "end": position(&text, end) });
            text.replace_range(start..end, piece);
            version += 1;
            editor.notify(
                "notebookDocument/didChange",
                json!({
                    "notebookDocument": { "uri": notebook, "version": version },
                    "change": { "cells": { "textContent": [{
                        "document": { "uri": cell, "version": version },
                        "changes": [{ "range": range, "text": piece }],
                    }] } },
                }),
            );
            if edit % 5 == 0 {
                let (at, _) = place(&mut random, &text);
                let method =
                    ["completion", "hover", "signatureHelp", "definition"][random.below(4)];
                let params =
                    json!({ "textDocument": { "uri": cell }, "position": position(&text, at) });
                waiting.push(editor.ask(&format!("textDocument/{method}"), params));
            }
            if edit % 50 == 0 {
                let document = json!({ "textDocument": { "uri": cell } });
                waiting.push(editor.ask("textDocument/semanticTokens/full", document.clone()));
                waiting.push(editor.ask("textDocument/documentSymbol", document));
            }
            if waiting.len() > 20 {
                for id in waiting.drain(..) {
                    editor
                        .answer(id)
                        .unwrap_or_else(|error| panic!("edit {edit}: {error}\n{text}"));
                }
            }
        }
        for id in waiting {
            editor.answer(id).unwrap_or_else(|error| panic!("{error}"));
        }
        eprintln!(
            "{language}: {} edits in {:.1} s, {} MB",
            EDITS / 2,
            begun.elapsed().as_secs_f64(),
            editor.memory() >> 20
        );
        // The same text, opened anew, says the same.
        let fresh =
            editor.open_notebook(&format!("fresh-{language}.ipynb"), language, &[&text]).remove(0);
        for method in ["textDocument/semanticTokens/full", "textDocument/documentSymbol"] {
            let ask = |uri: &str| json!({ "textDocument": { "uri": uri } });
            let (edited, opened) =
                (editor.request(method, ask(&cell)), editor.request(method, ask(&fresh)));
            assert_eq!(edited, opened, "{text}");
        }
        // No range is of an earlier text.
        lazuli_tests::until("the same diagnostics", || {
            (editor.shown(&cell) == editor.shown(&fresh)).then_some(())
        });
        for _ in 0..50 {
            let (at, _) = place(&mut random, &text);
            let ask = |uri: &str| json!({ "textDocument": { "uri": uri }, "position": position(&text, at) });
            let edited = editor.request("textDocument/completion", ask(&cell));
            assert_eq!(
                edited,
                editor.request("textDocument/completion", ask(&fresh)),
                "{at} in {text}"
            );
        }
    }
    assert!(editor.memory() < 60 << 20, "{} bytes are resident", editor.memory());
    editor.skip("textDocument/publishDiagnostics");
    editor.finish();
}

fn place(random: &mut Random, text: &str) -> (usize, usize) {
    let start = text.floor_char_boundary(random.below(text.len() + 1));
    let end = text.floor_char_boundary((start + random.below(12)).min(text.len()));
    // A position between a carriage return and its newline is none.
    let fit = |byte: usize| if text[..byte].ends_with('\r') { byte - 1 } else { byte };
    let (start, end) = (fit(start), fit(end.max(start)));
    (start, end.max(start))
}

use lazuli_tests::Home;
use serde_json::{Value, json};

use crate::editor::Editor;

#[test]
fn magics_in_rust_and_python_cells() {
    let home = Home::new();
    home.write("train.py", "print(1)");
    let mut editor = Editor::start(&home);
    let cells =
        ["let x = 5;\n%submit --exp", "%sumbit train.py", "%%submit --wait\nprint(1)\n%run x"];
    let rust = editor.open_notebook("rust.ipynb", "rust", &cells[..2]);
    let python = editor.open_notebook(
        "python.ipynb",
        "python",
        &["for x in y:\n    %submit tr", "%run sub", "%matplotlib in", cells[2]],
    );

    assert_eq!(editor.complete(&rust[0], 1, 13), ["--experiment"]);
    assert_eq!(editor.complete(&python[0], 1, 14), ["train.py"]);
    assert_eq!(editor.complete(&python[1], 0, 8), ["submit"]);
    // IPython's own.
    assert_eq!(editor.at("textDocument/completion", &python[2], 0, 14), Value::Null);
    assert!(editor.hover(&rust[0], 1, 3).contains("Submit a Python script as a run"));
    assert_eq!(editor.hover(&rust[0], 0, 3), "");

    let help = editor.at("textDocument/signatureHelp", &python[0], 1, 14);
    let signature = &help["signatures"][0];
    assert!(
        signature["label"].as_str().unwrap().starts_with("%submit SCRIPT [--source FOLDER]"),
        "{help}"
    );
    assert_eq!(
        (&help["activeParameter"], &signature["parameters"][0]["label"]),
        (&json!(0), &json!([8, 14]))
    );

    // In Rust the second cell, and the first one, whose option is half typed.
    let wrong = editor.diagnostics(&rust[1]);
    assert_eq!(wrong[0]["message"], "there is no magic `%sumbit`; did you mean `%submit`?");
    assert_eq!(
        wrong[0]["range"],
        json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 0, "character": 7 } })
    );
    let half = editor.diagnostics(&rust[0]);
    assert!(half[0]["message"].as_str().unwrap().contains("--exp"), "{half:?}");
    let fixes = editor.request(
        "textDocument/codeAction",
        json!({ "textDocument": { "uri": rust[1] }, "range": wrong[0]["range"], "context": { "diagnostics": wrong } }),
    );
    assert_eq!(fixes[0]["title"], "Change to `%submit`");
    assert_eq!(fixes[0]["edit"]["changes"][&rust[1]][0]["newText"], "%submit");
    assert_eq!(fixes[0]["diagnostics"][0], wrong[0]);

    let tokens = editor.request(
        "textDocument/semanticTokens/full",
        json!({ "textDocument": { "uri": python[0] } }),
    );
    assert_eq!(tokens["data"], json!([1, 4, 7, 0, 0, 0, 8, 2, 3, 0]));
    let wrong = editor.diagnostics(&python[1]);
    assert!(
        wrong[0]["message"].as_str().unwrap().contains("`%run` has no command `sub`"),
        "{wrong:?}"
    );

    // Mended, it is underlined no longer.
    editor.notify(
        "notebookDocument/didChange",
        json!({
            "notebookDocument": { "uri": editor.uri("rust.ipynb"), "version": 2 },
            "change": { "cells": { "textContent": [{
                "document": { "uri": rust[1], "version": 2 },
                "changes": [{ "range": wrong_range(0, 7), "text": "%submit" }],
            }] } },
        }),
    );
    assert_eq!(editor.diagnostics(&rust[1]), [] as [Value; 0]);
    editor.finish();
}

fn wrong_range(start: u32, end: u32) -> Value {
    json!({ "start": { "line": 0, "character": start }, "end": { "line": 0, "character": end } })
}

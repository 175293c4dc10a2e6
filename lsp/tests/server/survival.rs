//! A daemon that goes away, an editor that does, and messages that are none.

use lazuli_tests::Home;
use serde_json::{Value, json};

use crate::editor::Editor;

#[test]
fn a_dead_daemon_is_told_once_and_found_again() {
    let home = Home::new();
    home.write("m.txt", "weights");
    home.ok(&["model", "register", "first", "m.txt"]);
    let mut editor = Editor::start(&home);
    assert_eq!(editor.request("lazuli/status", Value::Null)["daemon"], "running");

    home.kill_daemon();
    let status = editor.notification("lazuli/statusChanged");
    assert_eq!(status["daemon"], "absent");
    editor.notification("window/logMessage");
    // Everything that needs no daemon goes on, and names are still known.
    let cells = editor.open_notebook("n.ipynb", "python", &["%submit --exp", "Model(ws, '"]);
    assert_eq!(editor.complete(&cells[0], 0, 13), ["--experiment"]);
    assert_eq!(editor.complete(&cells[1], 0, 11), ["first"]);
    editor.diagnostics(&cells[0]);
    let error = editor.refused("lazuli/tree", json!({}));
    assert_eq!(
        (&error["code"], &error["data"]["hint"]),
        (&json!(-32001), &json!("`lazuli/start` starts one"))
    );
    // Looking has started none.
    assert!(
        home.processes().iter().all(|process| !process.contains(" serve")),
        "{:?}",
        home.processes()
    );

    home.ok(&["model", "register", "second", "m.txt"]);
    assert_eq!(editor.notification("lazuli/statusChanged")["daemon"], "running");
    lazuli_tests::until("the new name", || {
        (editor.complete(&cells[1], 0, 11) == ["first", "second"]).then_some(())
    });

    home.ok(&["stop"]);
    assert_eq!(editor.notification("lazuli/statusChanged")["daemon"], "absent");
    editor.notification("window/logMessage");
    assert_eq!(editor.request("lazuli/start", Value::Null)["daemon"], "running");
    assert_eq!(editor.notification("lazuli/statusChanged")["daemon"], "running");
    lazuli_tests::until("the tree", || {
        let id = editor.ask("lazuli/tree", json!({}));
        editor.answer(id).ok()
    });
    editor.skip("lazuli/treeChanged");
    editor.finish();
}

#[test]
fn the_workspace_is_that_of_the_folder_and_can_be_changed() {
    let home = Home::new();
    home.write("config.json", "{\"workspace_name\": \"team\"}");
    home.write("m.txt", "weights");
    home.ok(&["workspace", "create", "team"]);
    home.ok(&["model", "register", "theirs", "m.txt"]);
    home.ok(&["model", "register", "mine", "m.txt", "--workspace", "default"]);
    let mut editor = Editor::start(&home);
    assert_eq!(editor.request("lazuli/status", Value::Null)["workspace"], "team");
    let uri = editor.open("a.py", "python", "Model(ws, '')");
    assert_eq!(editor.complete(&uri, 0, 11), ["theirs"]);
    editor.notify(
        "workspace/didChangeConfiguration",
        json!({ "settings": { "lazuli": { "workspace": "default" } } }),
    );
    assert_eq!(editor.notification("lazuli/statusChanged")["workspace"], "default");
    lazuli_tests::until("the other workspace", || {
        (editor.complete(&uri, 0, 11) == ["mine"]).then_some(())
    });
    editor.skip("lazuli/treeChanged");
    editor.finish();
}

#[test]
fn messages_that_are_none_end_nothing() {
    let home = Home::new();
    let mut editor = Editor::start(&home);
    editor.write(b"Content-Length: 9\r\n\r\n{\"a\": nul");
    editor.write(b"Content-Length: 2\r\n\r\n[]");
    let error = editor.refused("lazuli/nothing", json!({}));
    assert_eq!(error["code"], -32601);
    let error = editor.refused("lazuli/log", json!({ "run": 7 }));
    assert_eq!(error["code"], -32602);
    // A change of what is not open, a position that does not exist.
    editor.notify("textDocument/didChange", json!({ "textDocument": { "uri": editor.uri("x.py"), "version": 2 }, "contentChanges": [{ "text": "x" }] }));
    let uri = editor.open("a.py", "python", "Model(ws, 'é🦀')");
    assert_eq!(editor.hover(&uri, 99, 99), "");
    assert_eq!(editor.request("lazuli/status", Value::Null)["daemon"], "absent");
    editor.skip_errors_of_parsing();
    editor.finish();
}

#[test]
fn an_editor_that_vanishes_leaves_no_server() {
    let home = Home::new();
    home.ok(&["workspace", "list"]);
    Editor::start(&home).vanish();
}

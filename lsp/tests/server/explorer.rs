//! The requests beyond LSP: tree, commands, pictures, logs, events.

use lazuli_tests::Home;
use serde_json::{Value, json};

use crate::editor::Editor;

pub fn labels(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["label"].as_str().unwrap()).collect()
}

pub fn children(editor: &mut Editor, parent: &Value) -> Value {
    editor.request("lazuli/tree", json!({ "parent": parent }))
}

#[test]
fn the_tree_is_lazy_paged_and_live() {
    let home = Home::new();
    home.write("t.py", "from azureml.core import Run\nimport os\nRun.get_context().log('a', 1)\nos.makedirs('outputs', exist_ok=True)\nopen('outputs/x.txt', 'w').write('x')\n");
    home.ok(&["submit", "t.py", "--experiment", "a/b", "--wait"]);
    for name in ["one", "two", "three"] {
        home.write("m.txt", name);
        home.ok(&["model", "register", name, "m.txt"]);
    }
    home.ok(&["workspace", "create", "<b>other</b>"]);
    let mut editor = Editor::start(&home);

    let root = editor.request("lazuli/tree", json!({}));
    assert_eq!(labels(&root), ["default", "<b>other</b>"]);
    assert_eq!(root["items"][0]["description"], "current");
    assert_eq!(root["items"][1]["description"], Value::Null);
    let groups = children(&mut editor, &root["items"][0]["id"]);
    assert_eq!(
        labels(&groups),
        ["Experiments", "Models", "Datasets", "Datastores", "Environments", "Compute"]
    );
    let experiments = children(&mut editor, &groups["items"][0]["id"]);
    assert_eq!(labels(&experiments), ["a/b"]);
    assert_eq!(experiments["items"][0]["description"], "1 run");
    let runs = children(&mut editor, &experiments["items"][0]["id"]);
    let run = &runs["items"][0];
    assert_eq!(
        (&run["status"], &run["contextValue"]),
        (&json!("Completed"), &json!("run.Completed"))
    );
    assert!(run["description"].as_str().unwrap().starts_with("a 1, "), "{run}");
    let below = children(&mut editor, &run["id"]);
    assert_eq!(labels(&below), ["Outputs and logs"]);
    let files = children(&mut editor, &below["items"][0]["id"]);
    assert!(labels(&files).contains(&"outputs/x.txt"), "{files}");

    let models = &groups["items"][1]["id"];
    let page = editor.request("lazuli/tree", json!({ "parent": models, "limit": 2 }));
    assert_eq!((labels(&page), &page["nextCursor"]), (vec!["one", "three"], &json!("2")));
    let rest =
        editor.request("lazuli/tree", json!({ "parent": models, "limit": 2, "cursor": "2" }));
    assert_eq!((labels(&rest), &rest["nextCursor"]), (vec!["two"], &Value::Null));
    let stores = children(&mut editor, &groups["items"][3]["id"]);
    assert!(labels(&stores).contains(&"workspaceblobstore"));
    assert_eq!(labels(&children(&mut editor, &groups["items"][5]["id"])), ["local"]);

    editor.request(
        "lazuli/command",
        json!({ "words": ["compute", "create", "desk", "--kind", "instance"] }),
    );
    editor.request("lazuli/command", json!({ "words": ["compute", "stop", "desk"] }));
    editor.request(
        "lazuli/command",
        json!({ "words": ["environment", "create", "training", "--pip", "pandas"] }),
    );
    let compute = children(&mut editor, &groups["items"][5]["id"]);
    assert_eq!(labels(&compute), ["local", "desk"]);
    assert_eq!(compute["items"][1]["contextValue"], "compute.compute_instance.Stopped");
    let environments = children(&mut editor, &groups["items"][4]["id"]);
    assert_eq!(labels(&environments)[0], "training");
    assert_eq!(environments["items"][0]["tooltip"], "environment training, version 1\n  pandas");
    let versions = children(&mut editor, &environments["items"][0]["id"]);
    assert_eq!(labels(&versions), ["version 1"]);
    let version = &versions["items"][0];
    assert_eq!(
        (&version["name"], &version["contextValue"]),
        (&json!("training:1"), &json!("environment_version"))
    );
    // Nothing tells of these; the server looks again after each command.
    let file = editor.open("a.py", "python", "Environment.get(ws, 'trai");
    lazuli_tests::until("the names", || {
        (editor.complete(&file, 0, 25) == ["training"]).then_some(())
    });
    editor.skip("textDocument/publishDiagnostics");
    let file = editor.open("b.py", "python", "Environment.get(ws, 'trainin')\n");
    assert_eq!(
        editor.diagnostics(&file)[0]["message"],
        "no environment `trainin` in workspace `default`; did you mean `training`?"
    );

    let reveal = editor.request("lazuli/reveal", json!({ "kind": "run", "name": run["run"] }));
    assert_eq!(
        reveal["path"],
        json!(["default", "default/experiments", "default/experiments/a%2Fb", run["id"]])
    );

    let reveal =
        editor.request("lazuli/reveal", json!({ "kind": "model", "name": "one", "version": 1 }));
    assert_eq!(
        reveal["path"],
        json!(["default", "default/models", "default/models/one", "default/models/one/1"])
    );

    home.ok(&["model", "register", "four", "m.txt"]);
    assert_eq!(editor.notification("lazuli/treeChanged")["parents"], json!(["default/models"]));
    // An experiment says how many runs it has.
    home.ok(&["submit", "t.py", "--workspace", "<b>other</b>", "--wait"]);
    let changed = editor.notification("lazuli/treeChanged");
    let experiments = json!("<b>other<%2Fb>/experiments");
    assert!(changed["parents"].as_array().unwrap().contains(&experiments), "{changed}");
    editor.skip("lazuli/treeChanged");
    let error = editor.refused("lazuli/tree", json!({ "parent": "default/nothing" }));
    assert_eq!(error["code"], -32002);
    editor.finish();
}

#[test]
fn commands_are_performed_and_told() {
    let home = Home::new();
    home.ok(&["workspace", "list"]);
    let mut editor = Editor::start(&home);
    let folder = home.work();
    let sent = editor.request(
        "lazuli/submitText",
        json!({ "text": "print('from the editor')", "words": ["--experiment", "typed", "--wait"], "folder": folder, "workDoneToken": "t1" }),
    );
    let run = sent["run"].as_str().unwrap().to_owned();
    assert!(sent["text"].as_str().unwrap().contains("completed"), "{sent}");
    let begin = editor.notification("$/progress");
    assert_eq!((&begin["token"], &begin["value"]["kind"]), (&json!("t1"), &json!("begin")));
    while editor.notification("$/progress")["value"]["kind"] != "end" {}

    let log = editor.request("lazuli/log", json!({ "run": run }));
    assert_eq!((&log["text"], &log["offset"]), (&json!("from the editor\n"), &json!(16)));
    let more = editor.request("lazuli/log", json!({ "run": run, "offset": 16 }));
    assert_eq!(more["text"], "");
    let shown = editor.request("lazuli/display", json!({ "run": run }));
    assert_eq!(shown["data"]["application/vnd.lazuli.run+json"]["run"]["status"], "Completed");
    assert_eq!(editor.request("lazuli/watch", json!({ "run": run })), Value::Null);
    let picture = editor.notification("lazuli/runChanged");
    assert_eq!((&picture["run"], &picture["bundle"]["is_final"]), (&json!(run), &json!(true)));

    let listed = editor
        .request("lazuli/command", json!({ "words": ["run", "list", "--experiment", "typed"] }));
    assert!(listed["text"].as_str().unwrap().contains(&run));
    let error = editor.refused("lazuli/command", json!({ "words": ["run", "show", "nothing"] }));
    assert_eq!((&error["code"], &error["data"]["kind"]), (&json!(-32002), &json!("not_found")));
    let error = editor.refused("lazuli/command", json!({ "words": ["run", "shw"] }));
    assert!(error["message"].as_str().unwrap().contains("did you mean `show`?"), "{error}");
    let error = editor.refused("lazuli/command", json!({ "words": ["serve"] }));
    assert_eq!(error["message"], "`serve` is for a terminal");

    editor.request("lazuli/subscribe", Value::Null);
    home.ok(&["run", "tag", "--run", &run, "quality=good"]);
    let event = editor.notification("lazuli/event");
    assert_eq!((&event["type"], &event["run_id"]), (&json!("run_updated"), &json!(run)));
    let token = std::fs::read_to_string(home.path().join("token")).unwrap();
    let told = format!("{sent}{shown}{picture}{listed}{event}");
    assert!(!told.contains(token.trim()));
    editor.skip("lazuli/treeChanged");
    editor.skip("lazuli/event");
    editor.finish();
}

#[test]
fn a_submission_that_is_waited_for_is_cancelled_and_holds_up_nobody() {
    let home = Home::new();
    home.ok(&["workspace", "list"]);
    let mut editor = Editor::start(&home);
    let text = "import time\nprint('begun', flush=True)\ntime.sleep(600)\n";
    let waiting = editor.ask(
        "lazuli/submitText",
        json!({ "text": text, "words": ["--wait"], "folder": home.work() }),
    );
    lazuli_tests::until("the run", || {
        let listed = editor
            .request("lazuli/command", json!({ "words": ["run", "list", "--status", "Running"] }));
        listed["text"].as_str().unwrap().contains("Running").then_some(())
    });
    editor.notify("$/cancelRequest", json!({ "id": waiting }));
    assert_eq!(editor.answer(waiting).unwrap_err()["code"], -32800);
    let running = editor.request("lazuli/command", json!({ "words": ["run", "list"] }));
    let run = running["json"][0]["run_id"].as_str().unwrap().to_owned();
    editor.request("lazuli/command", json!({ "words": ["run", "cancel", run] }));
    editor.skip("lazuli/treeChanged");
    editor.finish();
    // The agent tells it; before that the script may still be there.
    lazuli_tests::until("the run's end", || {
        home.ok(&["run", "show", &run]).contains("Canceled").then_some(())
    });
    assert!(!home.processes().iter().any(|process| process.contains("cell.py")));
}

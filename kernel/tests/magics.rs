//! Magics that need no daemon, as a front end sees them.

mod frontend;

use frontend::Frontend;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_mistyped_magic_is_underlined_and_the_nearest_one_named() {
    let mut frontend = Frontend::start().await;
    let outcome = frontend.execute("%lsmagic\n  %sumbit train.py").await;
    let content = outcome.reply.content;
    assert_eq!(content["ename"], "MagicError");
    assert_eq!(content["evalue"], "there is no magic `%sumbit`\nhint: did you mean `%submit`?");
    let traceback: Vec<&str> = content["traceback"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line.as_str().unwrap())
        .collect();
    assert_eq!(
        traceback[1..],
        [
            "2 |   %sumbit train.py",
            "  |   ^^^^^^^ there is no magic `%sumbit`",
            "hint: did you mean `%submit`?",
        ]
    );
    // Nothing of the cell has happened, not even the magic before it.
    assert_eq!(outcome.outputs.len(), 4, "{:?}", outcome.outputs);
    frontend.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cell_shows_no_secret() {
    let mut frontend = Frontend::start().await;
    let content = frontend.execute("%secret show database").await.reply.content;
    assert_eq!(content["ename"], "Invalid");
    let said = content["evalue"].as_str().unwrap();
    assert!(said.starts_with("a notebook would keep the value of the secret `database`"), "{said}");
    assert!(said.contains("`lazuli secret show database`"), "{said}");
    frontend.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn writefile_writes_replaces_and_appends() {
    let mut frontend = Frontend::start().await;
    for (cell, said, holds) in [
        ("%%writefile a.txt\none\ntwo", "wrote `a.txt` (8 B)\n", "one\ntwo\n"),
        ("%%writefile a.txt\nthree\n", "overwrote `a.txt` (6 B)\n", "three\n"),
        ("%%writefile -a a.txt\nfour", "appended to `a.txt` (5 B)\n", "three\nfour\n"),
    ] {
        let outcome = frontend.execute(cell).await;
        assert_eq!(outcome.text("stdout"), said);
        assert_eq!(std::fs::read_to_string(frontend.file("a.txt")).unwrap(), holds);
    }
    let outcome = frontend.execute("%%writefile a.txt/b.txt\nx").await;
    assert_eq!(outcome.reply.content["ename"], "Unavailable");
    assert_eq!(std::fs::read_to_string(frontend.file("a.txt")).unwrap(), "three\nfour\n");
    frontend.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bash_shows_output_while_it_runs_and_knows_its_arguments() {
    let mut frontend = Frontend::start().await;
    let gate = frontend.file("gate");
    let code = format!(
        "%%bash one two\necho \"$1 $2 é\"\nwhile [ ! -e {} ]; do sleep 0.01; done\necho end",
        gate.display()
    );
    let cell = frontend.send("execute_request", json!({ "code": code })).await;
    let first = loop {
        let message = frontend.next_output().await;
        if message.kind == "stream" {
            break message;
        }
    };
    assert_eq!(first.content, json!({ "name": "stdout", "text": "one two é\n" }));
    std::fs::write(gate, "").unwrap();
    assert_eq!(frontend.shell_reply(&cell).await.content["status"], "ok");
    let outputs = frontend.outputs(&cell).await;
    assert_eq!(outputs[0].content["text"], "end\n");
    frontend.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn completion_counts_characters_and_offers_files() {
    let mut frontend = Frontend::start().await;
    std::fs::write(frontend.file("données.csv"), "").unwrap();
    let mut complete = async |code: &str| {
        let content = json!({ "code": code, "cursor_pos": code.chars().count() });
        frontend.request("complete_request", content).await.reply.content
    };
    let content = complete("%%wri").await;
    assert_eq!(content["status"], "ok");
    assert_eq!(content["matches"], json!(["%%writefile"]));
    assert_eq!((&content["cursor_start"], &content["cursor_end"]), (&json!(0), &json!(5)));
    assert!(content["metadata"].is_object());

    let content = complete("%upload \"é\" don").await;
    assert_eq!(content["matches"], json!(["données.csv"]));
    assert_eq!((&content["cursor_start"], &content["cursor_end"]), (&json!(12), &json!(15)));

    let content = complete("%run start --na").await;
    assert_eq!(content["matches"], json!(["--name"]));
    frontend.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn help_is_there_for_reading_and_for_pointing_at() {
    let mut frontend = Frontend::start().await;
    let listed = frontend.execute("%lsmagic").await.text("stdout");
    for magic in ["%log ", "%run ", "%rundetails", "%%track", "%%bash", "(short for %run submit)"] {
        assert!(listed.contains(magic), "{magic} in {listed}");
    }
    let help = frontend.execute("%help run submit").await.text("stdout");
    assert!(help.starts_with("Submit a Python script as a run\n"), "{help}");
    let inspected =
        frontend.request("inspect_request", json!({ "code": "%submit x", "cursor_pos": 3 })).await;
    let content = inspected.reply.content;
    assert_eq!((&content["status"], &content["found"]), (&json!("ok"), &json!(true)));
    assert!(content["data"]["text/plain"].as_str().unwrap().starts_with("Submit a Python script"));
    let nothing =
        frontend.request("inspect_request", json!({ "code": "nothing", "cursor_pos": 3 })).await;
    assert_eq!(
        nothing.reply.content,
        json!({ "status": "ok", "found": false, "data": {}, "metadata": {} })
    );
    frontend.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cell_is_complete_or_not() {
    let mut frontend = Frontend::start().await;
    for (code, status) in [
        ("%log a=1", "complete"),
        ("%%bash\nls", "incomplete"),
        ("%%bash\nls\n", "complete"),
        ("let x = 5;", "complete"),
        ("fn f() {", "incomplete"),
        ("%log a=1\nfn f() {", "incomplete"),
        ("%%track\nfn f() {", "incomplete"),
        ("%sumbit", "complete"),
    ] {
        let content = frontend.request("is_complete_request", json!({ "code": code })).await;
        assert_eq!(content.reply.content["status"], Value::from(status), "{code}");
    }
    frontend.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_rust_a_rust_cell_says_what_to_install() {
    let mut frontend = Frontend::start().await;
    let outcome = frontend.execute("1 + 1").await;
    let content = outcome.reply.content;
    assert_eq!(content["status"], "error");
    assert_eq!(content["ename"], "NotAvailable");
    assert!(content["traceback"].to_string().contains("rustup"), "{content}");
    assert_eq!(frontend.execute("%lsmagic").await.reply.content["status"], "ok");
    frontend.finish().await;
}

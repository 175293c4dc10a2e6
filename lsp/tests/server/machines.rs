//! Another machine, by a real sshd: what the explorer knows of it.

use lazuli_tests::sshd::Machine;
use lazuli_tests::{Home, until};
use serde_json::{Value, json};

use crate::editor::Editor;
use crate::explorer::{children, labels};

fn attach(machine: &Machine, more: &[&str]) -> Value {
    let address = format!("{}:{}", machine.address(), machine.port);
    let words = ["compute", "attach", "box", &address, "--key", machine.key.to_str().unwrap()];
    let words = [&words, more].concat();
    json!({ "words": words })
}

#[test]
fn a_machine_is_shown_with_its_link() {
    let Some(mut machine) = Machine::start() else { return };
    let home = Home::new();
    home.ok(&["workspace", "list"]);
    let mut editor = Editor::start(&home);
    let error = editor.refused("lazuli/command", attach(&machine, &[]));
    let address = machine.address();
    assert_eq!(
        (&error["data"]["kind"], error["message"].as_str().unwrap()),
        (
            &json!("conflict"),
            &*format!(
                "the host key of `{address}` is not known yet: {} (ssh-ed25519)",
                machine.fingerprint
            )
        )
    );
    let compute = json!("default/compute");
    assert_eq!(labels(&children(&mut editor, &compute)), ["local"]);

    editor.request("lazuli/command", attach(&machine, &["--host-key", &machine.fingerprint]));
    let mut find = |wanted: &str| {
        until(wanted, || {
            let page = children(&mut editor, &compute);
            let item = page["items"].as_array().unwrap().iter().find(|item| item["name"] == "box");
            item.filter(|item| item["status"] == wanted).cloned()
        })
    };
    let connected = find("connected");
    let text = |item: &Value, field: &str| item[field].as_str().unwrap().to_owned();
    assert_eq!(connected["contextValue"], "compute.remote");
    assert!(connected["problem"].is_null());
    let description = text(&connected, "description");
    assert!(description.ends_with(&format!(" free, connected, {address}")), "{description}");
    assert!(description.contains(" core"), "{description}");
    let tooltip = text(&connected, "tooltip");
    let port = format!("\n{address}, port {}\n", machine.port);
    for part in ["machine box, connected\n", &port, " disk free\n", &machine.fingerprint] {
        assert!(tooltip.contains(part), "{part}: {tooltip}");
    }

    machine.go_away();
    let cut = find("cut");
    assert_eq!(cut["description"], format!("cut, {address}"));
    let problem = text(&cut, "problem");
    assert!(text(&cut, "tooltip").contains(&format!("\n{problem}; it is tried again\n")), "{cut}");
    machine.come_back();
    find("connected");

    editor.request("lazuli/command", json!({ "words": ["compute", "detach", "box"] }));
    assert_eq!(labels(&children(&mut editor, &compute)), ["local"]);
    editor.finish();
}

#[test]
fn who_gives_up_while_ssh_connects_finds_nothing_attached() {
    let Some(machine) = Machine::start() else { return };
    let home = Home::new();
    home.ok(&["workspace", "list"]);
    let mut editor = Editor::start(&home);
    let asked =
        editor.ask("lazuli/command", attach(&machine, &["--host-key", &machine.fingerprint]));
    let links = home.path().join("links");
    let count = || std::fs::read_dir(&links).map_or(0, Iterator::count);
    until("the attempt", || (count() > 0).then_some(()));
    editor.notify("$/cancelRequest", json!({ "id": asked }));
    assert_eq!(editor.answer(asked).unwrap_err()["code"], -32800);
    let there = machine.path(".lazuli-remote");
    until("the agent there", || there.exists().then_some(()));
    until("its end", || (!there.exists() && count() == 0).then_some(()));
    assert_eq!(labels(&children(&mut editor, &json!("default/compute"))), ["local"]);
    editor.finish();
}

//! The examples of the documentation are run, and say what they should.

use crate::alone::{Place, built, said};

fn run(example: &str) -> String {
    let program = built(&format!("examples/{example}"));
    let place = Place::new();
    said(&place.command(&program).output().expect("an example can be started"))
}

#[test]
fn track() {
    assert_eq!(run("track"), "x squared began at 10.24\n20 points, Completed\n");
}

#[test]
fn submit() {
    assert_eq!(
        run("submit"),
        "epoch 0\nepoch 1\nepoch 2\ndemo version 1, loss Some(0.3333333333333333)\n1\n"
    );
}

//! Access tokens of programs, as people make them.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::fixture::Place;

/// The status and the body of `GET /api/status` by that token.
fn ask(place: &Place, token: &str) -> (u16, String) {
    let url = place.json(&["status"])["url"].as_str().unwrap().to_owned();
    let host = url.strip_prefix("http://").unwrap();
    let mut connection = TcpStream::connect(host).unwrap();
    let request = format!(
        "GET /api/status HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    );
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

#[test]
fn a_token_is_made_listed_used_and_revoked() {
    let place = Place::new();
    assert_eq!(
        place.ok(&["token", "list"]),
        "there are no access tokens; `lazuli token create NAME` makes one\n"
    );
    // The token alone is data: it may be piped into a file.
    let made = place.run(&["token", "create", "nightly", "--expires-in", "30"]);
    assert_eq!(made.code, 0, "{made:?}");
    let begin = "keep this token now, it is not shown again; it expires on 20";
    assert!(made.talk.starts_with(begin), "{made:?}");
    let token = made.out.trim();
    assert!(token.starts_with("lazuli_") && token.len() == 71, "{made:?}");
    assert_eq!(ask(&place, token).0, 200);

    let json = place.json(&["token", "create", "builds"]);
    assert_eq!(json["access_token"]["name"], "builds");
    let builds = json["token"].as_str().unwrap();
    assert_eq!(ask(&place, builds).0, 200);

    let listed = place.ok(&["token", "list"]);
    let lines: Vec<&str> = listed.lines().collect();
    assert!(lines[0].starts_with("Name     Made  Last used  Expires"), "{listed}");
    assert!(lines[1].starts_with("builds   now   now        never"), "{listed}");
    assert!(lines[2].starts_with("nightly  now   now        20"), "{listed}");
    assert!(!listed.contains(token), "{listed}");

    assert_eq!(place.ok(&["token", "revoke", "nightly"]), "revoked the access token `nightly`\n");
    let (status, body) = ask(&place, token);
    assert_eq!(status, 401);
    assert!(body.contains("the access token `nightly` was revoked"), "{body}");
    assert_eq!(ask(&place, builds).0, 200);
    let names: Vec<String> = place
        .json(&["token", "list"])
        .as_array()
        .unwrap()
        .iter()
        .map(|token| token["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["builds"]);
    // Nothing of it went into the log of the daemon.
    let log = std::fs::read_to_string(place.home.join("daemon.log")).unwrap();
    assert!(!log.contains(token) && !log.contains(builds), "{log}");
}

#[test]
fn a_wrong_token_command_says_what_is_wrong() {
    let place = Place::new();
    place.ok(&["token", "create", "ci"]);
    let said = place.transcript(&[
        &["token", "create", "ci"],
        &["token", "create", "x", "--expires-in", "0"],
        &["token", "create", "x", "--expires-in", "soon"],
        &["token", "revoke", "nobody"],
    ]);
    expect_test::expect![[r#"
        $ lazuli token create ci
        error: there is an access token `ci` already
        hint: choose another name, or revoke that one first
        [1]
        $ lazuli token create x --expires-in 0
        error: an access token cannot expire in 0 days
        hint: give 1 to 3650 days, or none: it lasts until it is revoked
        [1]
        $ lazuli token create x --expires-in soon
        error: `soon` is no whole number, which `--expires-in` wants
        hint: `lazuli token create --help` explains it
        [2]
        $ lazuli token revoke nobody
        error: access token `nobody` not found
        hint: `lazuli token list` shows the names
        [1]
    "#]]
    .assert_eq(&said);
}

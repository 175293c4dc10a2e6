use axum::http::Method;
use lazuli_backend::{process, tracking};
use lazuli_domain::{ErrorKind, Page, Run, RunKind, RunStatus};
use serde_json::{Value, json};

use crate::support::{Daemon, record, scalar};

#[tokio::test]
async fn an_interactive_run_lives_and_ends() {
    let daemon = Daemon::start().await;
    let run = daemon
        .new_run_with(json!({
            "experiment": "diabetes", "name": "first try", "user": "ada",
            "tags": {"stage": "dev"}, "properties": {"commit": "abc"},
        }))
        .await;
    assert_eq!((run.kind, run.status), (RunKind::Interactive, RunStatus::Running));
    assert_eq!((run.name.as_str(), run.user.as_str()), ("first try", "ada"));
    assert_eq!(run.started_at_ms, Some(run.created_at_ms));
    assert_eq!(run.ended_at_ms, None);
    assert!(run.run_id.starts_with("diabetes_"), "{}", run.run_id);
    assert_eq!((run.tags["stage"].as_str(), run.properties["commit"].as_str()), ("dev", "abc"));
    assert_eq!(daemon.files_in("spool"), [format!("{}.jsonl", run.run_id)]);

    let ended = daemon.complete(&run.run_id).await;
    assert_eq!(ended.status, RunStatus::Completed);
    assert!(ended.ended_at_ms >= ended.started_at_ms);
    assert_eq!(daemon.files_in("spool"), [""; 0]);
}

#[tokio::test]
async fn the_same_end_again_is_accepted_and_another_is_refused() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    let ended = daemon.complete(&run.run_id).await;
    assert_eq!(daemon.complete(&run.run_id).await, ended);
    for (end, body) in [("fail", json!({"message": "no"})), ("cancel", Value::Null)] {
        let error =
            daemon.post_refused(&format!("/api/runs/{}/{end}", run.run_id), body, 409).await;
        let message = format!("run `{}` has ended already: it is Completed", run.run_id);
        assert_eq!((error.kind, error.message), (ErrorKind::Conflict, message));
    }
    assert_eq!(daemon.run(&run.run_id).await, ended);
}

#[tokio::test]
async fn a_failed_run_says_why() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    let error = json!({"message": "ValueError: x", "details": "line 1\nline 2", "exit_code": 1});
    let path = format!("/api/runs/{}/fail", run.run_id);
    let failed: Run = daemon.post(&path, error.clone()).await;
    assert_eq!(failed.status, RunStatus::Failed);
    assert_eq!(serde_json::to_value(failed.error).unwrap(), error);
}

#[tokio::test]
async fn an_interactive_run_is_canceled_at_once() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    let canceled: Run = daemon.post(&format!("/api/runs/{}/cancel", run.run_id), Value::Null).await;
    assert_eq!(canceled.status, RunStatus::Canceled);
}

#[tokio::test]
async fn the_beginning_of_an_id_is_enough_when_it_is_unique() {
    let daemon = Daemon::start().await;
    let one = daemon.new_run_with(json!({"experiment": "alpha"})).await;
    let two = daemon.new_run_with(json!({"experiment": "beta"})).await;
    let three = daemon.new_run_with(json!({"experiment": "beta"})).await;
    assert_eq!(daemon.run("alph").await, one);
    assert_eq!(daemon.run(&two.run_id).await, two);

    let error = daemon.get_refused("/api/runs/beta", 409).await;
    assert_eq!(
        error.message,
        format!("`beta` is the beginning of several runs: `{}`, `{}`", three.run_id, two.run_id)
    );
    let error = daemon.get_refused("/api/runs/alp", 404).await;
    assert!(error.hint.unwrap().contains("first 4 characters"));
    let slip = one.run_id.replace("alpha", "alpah");
    let error = daemon.get_refused(&format!("/api/runs/{slip}"), 404).await;
    assert_eq!(error.hint, Some(format!("did you mean `{}`?", one.run_id)));
}

#[tokio::test]
async fn every_route_of_a_run_refuses_an_unknown_one() {
    let daemon = Daemon::start().await;
    let run_error = json!({"message": "x"});
    let agent = json!({"pid": 1, "start_time": 1, "boot_id": "b"});
    let report = json!({"stage": "running", "agent": agent});
    for (method, path, body) in [
        (Method::GET, "", None),
        (Method::PATCH, "", Some(json!({"name": "x"}))),
        (Method::POST, "/flush", None),
        (Method::POST, "/complete", None),
        (Method::POST, "/fail", Some(run_error)),
        (Method::POST, "/cancel", None),
        (Method::GET, "/children", None),
        (Method::GET, "/details", None),
        (Method::GET, "/display", None),
        (Method::GET, "/metrics", None),
        (Method::GET, "/metrics/loss", None),
        (Method::GET, "/artifacts", None),
        (Method::GET, "/artifacts/a.txt", None),
        (Method::PUT, "/artifacts/a.txt", Some(json!("x"))),
        (Method::GET, "/logs", None),
        (Method::GET, "/logs/a.txt", None),
        (Method::POST, "/logs/a.txt", Some(json!("x"))),
        (Method::GET, "/job", None),
        (Method::POST, "/job/report", Some(report)),
    ] {
        let path = format!("/api/runs/nothing_1_abcdef00{path}");
        let error = daemon.call(method.clone(), &path, body).await.refused(404);
        assert_eq!(error.message, "run `nothing_1_abcdef00` not found", "{method} {path}");
        assert_eq!(error.hint.as_deref(), Some("`lazuli run list` shows the runs"));
    }
    assert_eq!(daemon.files_in("blobs/tmp"), [""; 0]);
}

#[tokio::test]
async fn a_list_is_paged_newest_first_and_filtered() {
    let daemon = Daemon::start().await;
    let mut made = Vec::new();
    for number in 0..5 {
        let experiment = if number % 2 == 0 { "even" } else { "odd" };
        made.push(daemon.new_run_with(json!({"experiment": experiment})).await.run_id);
    }
    daemon.complete(&made[1]).await;
    let list = async |query: &str| -> (Vec<String>, Option<String>) {
        let page: Page<Run> = daemon.get(&format!("/api/workspaces/default/runs{query}")).await;
        (page.items.into_iter().map(|run| run.run_id).collect(), page.next_cursor)
    };
    made.reverse();
    assert_eq!(list("").await, (made.clone(), None));
    let (first, cursor) = list("?limit=2").await;
    assert_eq!(first, made[..2]);
    let (second, cursor) = list(&format!("?limit=2&cursor={}", cursor.unwrap())).await;
    assert_eq!(second, made[2..4]);
    let (third, cursor) = list(&format!("?limit=2&cursor={}", cursor.unwrap())).await;
    assert_eq!((third, cursor), (made[4..].to_vec(), None));
    assert_eq!(list("?experiment=odd").await.0, [made[1].clone(), made[3].clone()]);
    assert_eq!(list("?experiment=odd&status=completed").await.0, [made[3].clone()]);

    let path = "/api/workspaces/default/runs";
    daemon.get_refused(&format!("{path}?experiment=none"), 404).await;
    let error = daemon.get_refused(&format!("{path}?status=Done"), 400).await;
    assert!(error.hint.unwrap().starts_with("one of NotStarted, Queued"));
    daemon.get_refused(&format!("{path}?cursor=x"), 400).await;
    daemon.get_refused(&format!("{path}?limit=many"), 400).await;
}

#[tokio::test]
async fn children_know_their_parent() {
    let daemon = Daemon::start().await;
    let parent = daemon.new_run().await;
    let mut children = Vec::new();
    for _ in 0..2 {
        let new = json!({"experiment": "diabetes", "parent_run_id": parent.run_id});
        children.push(daemon.new_run_with(new).await);
    }
    assert_eq!(children[0].parent_run_id.as_deref(), Some(parent.run_id.as_str()));
    let found: Vec<Run> = daemon.get(&format!("/api/runs/{}/children", parent.run_id)).await;
    assert_eq!(found, children);
    let page: Page<Run> =
        daemon.get(&format!("/api/workspaces/default/runs?parent={}", parent.run_id)).await;
    assert_eq!(page.items.len(), 2);

    let new = json!({"experiment": "diabetes", "parent_run_id": "nobody_1"});
    daemon.post_refused("/api/workspaces/default/runs", new, 404).await;
    assert_eq!(daemon.files_in("spool").len(), 3);
}

#[tokio::test]
async fn tags_change_and_properties_do_not() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    let path = format!("/api/runs/{}", run.run_id);
    let patch = async |patch: Value| daemon.call(Method::PATCH, &path, Some(patch)).await;
    let first = json!({
        "name": "renamed", "set_tags": {"a": "1", "b": "2"},
        "add_properties": {"p": "1"}, "add_parameters": {"lr": "0.1"},
    });
    let patched: Run = patch(first.clone()).await.ok("patch");
    assert_eq!((patched.name.as_str(), patched.parameters["lr"].as_str()), ("renamed", "0.1"));
    patch(first).await.ok::<Run>("the same again");
    let patched: Run =
        patch(json!({"set_tags": {"a": "3"}, "remove_tags": ["b"]})).await.ok("tags");
    assert_eq!(serde_json::to_value(patched.tags).unwrap(), json!({"a": "3"}));

    for refused in [
        json!({"set_tags": {"a": "4"}, "add_properties": {"p": "2"}}),
        json!({"set_tags": {"a": "4"}, "add_parameters": {"lr": "0.2"}}),
    ] {
        let error = patch(refused).await.refused(409);
        assert!(error.message.ends_with("and never changes"), "{}", error.message);
    }
    patch(json!({"set_tags": {"a": "4"}, "name": "x".repeat(300)})).await.refused(400);
    let unchanged = daemon.run(&run.run_id).await;
    assert_eq!((unchanged.tags["a"].as_str(), unchanged.name.as_str()), ("3", "renamed"));
}

#[tokio::test]
async fn what_was_spooled_is_read_before_a_patch() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    daemon.log(&run.run_id, &record(json!({"record": "tag", "key": "a", "value": "spooled"})));
    let path = format!("/api/runs/{}", run.run_id);
    let patch = json!({"set_tags": {"a": "patched"}});
    let patched: Run = daemon.call(Method::PATCH, &path, Some(patch)).await.ok("patch");
    assert_eq!(patched.tags["a"], "patched");
    assert_eq!(daemon.run(&run.run_id).await.tags["a"], "patched");
}

#[tokio::test]
async fn a_run_shows_what_was_logged_a_moment_ago() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    daemon.log(&run.run_id, &scalar("loss", 0.5));
    let read = daemon.run(&run.run_id).await;
    assert_eq!((read.metrics[0].name.as_str(), read.metrics[0].count), ("loss", 1));
    daemon.log(&run.run_id, &scalar("loss", 0.25));
    let flushed: Run = daemon.post(&format!("/api/runs/{}/flush", run.run_id), Value::Null).await;
    assert_eq!(flushed.metrics[0].count, 2);
    assert_eq!(flushed.metrics[0].min.map(|it| it.as_f64()), Some(0.25));
    assert_eq!(flushed.metrics[0].max.map(|it| it.as_f64()), Some(0.5));
}

#[tokio::test]
async fn a_run_whose_owner_is_gone_fails() {
    let daemon = Daemon::start().await;
    let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
    let owner = serde_json::to_value(process::identity_of(child.id()).unwrap()).unwrap();
    let own = serde_json::to_value(process::identity_of(std::process::id()).unwrap()).unwrap();
    let abandoned = daemon.new_run_with(json!({"experiment": "x", "owner": owner})).await;
    let kept = daemon.new_run_with(json!({"experiment": "x", "owner": own})).await;
    let unwatched = daemon.new_run_with(json!({"experiment": "x"})).await;
    daemon.log(&abandoned.run_id, &scalar("loss", 1.0));
    child.kill().unwrap();
    child.wait().unwrap();

    let mut events = daemon.app.store.recent().last();
    let watching = tracking::watch_owners(&daemon.app);
    events.changed().await.unwrap();
    daemon.app.request_shutdown();
    watching.await.unwrap();

    let ended = daemon.run(&abandoned.run_id).await;
    assert_eq!((ended.status, ended.metrics[0].count), (RunStatus::Failed, 1));
    assert_eq!(
        ended.error.unwrap().message,
        "the process that started the run ended without completing it"
    );
    assert_eq!(daemon.run(&kept.run_id).await.status, RunStatus::Running);
    assert_eq!(daemon.run(&unwatched.run_id).await.status, RunStatus::Running);
}

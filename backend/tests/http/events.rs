use axum::body::BodyDataStream;
use axum::http::Method;
use futures_util::StreamExt;
use lazuli_domain::{Event, EventKind, Run, RunStatus};
use serde_json::{Value, json};

use crate::support::{Daemon, scalar};

/// Reads a stream of server-sent events as a browser does.
struct Listener {
    body: BodyDataStream,
    text: String,
}

impl Listener {
    async fn open(daemon: &Daemon, query: &str) -> Listener {
        let response = daemon.open(&format!("/api/events{query}")).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Listener { body: response.into_body().into_data_stream(), text: String::new() }
    }

    /// The next event; `None` at the end of the stream.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((message, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    message.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned)
                };
                let (id, kind, data) = (field("id: "), field("event: "), field("data: "));
                self.text = rest.to_owned();
                let Some(data) = data else { continue };
                let event: Event = serde_json::from_str(&data).unwrap();
                assert_eq!(id, Some(event.sequence.to_string()));
                assert_eq!(kind.as_deref(), Some(event.kind.as_str()));
                return Some(event);
            }
            let chunk = self.body.next().await?.unwrap();
            self.text += std::str::from_utf8(&chunk).unwrap();
        }
    }
}

#[tokio::test]
async fn a_listener_hears_a_run_in_order_and_finds_what_it_hears() {
    let daemon = Daemon::start().await;
    let mut listener = Listener::open(&daemon, "").await;
    let run = daemon.new_run().await;
    assert_eq!(listener.next().await.unwrap().kind, EventKind::RunCreated);
    daemon.log(&run.run_id, &scalar("loss", 1.0));
    daemon.run(&run.run_id).await;
    let logged = listener.next().await.unwrap();
    assert_eq!(logged.kind, EventKind::MetricsLogged { names: vec!["loss".into()], points: 1 });
    assert_eq!(logged.run_id.as_deref(), Some(run.run_id.as_str()));
    assert_eq!(logged.experiment.as_deref(), Some("diabetes"));
    let path = format!("/api/runs/{}/artifacts/a.txt", run.run_id);
    daemon.put_bytes(&path, "x").await;
    let added = listener.next().await.unwrap();
    assert_eq!(added.kind, EventKind::ArtifactAdded { path: "a.txt".into() });
    daemon
        .call(Method::PATCH, &format!("/api/runs/{}", run.run_id), Some(json!({"name": "n"})))
        .await;
    assert_eq!(listener.next().await.unwrap().kind, EventKind::RunUpdated);
    daemon.complete(&run.run_id).await;
    let ended = listener.next().await.unwrap();
    assert_eq!(ended.kind, EventKind::RunStatus { status: RunStatus::Completed });
    assert_eq!(ended.sequence, 5);
}

#[tokio::test]
async fn a_listener_goes_on_where_it_was() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    for _ in 0..3 {
        daemon.log(&run.run_id, &scalar("loss", 1.0));
        daemon.run(&run.run_id).await;
    }
    let daemon = daemon.killed_and_started_again().await;
    let mut listener = Listener::open(&daemon, "?after=2").await;
    assert_eq!(listener.next().await.unwrap().sequence, 3);
    assert_eq!(listener.next().await.unwrap().sequence, 4);
    daemon.complete(&run.run_id).await;
    assert_eq!(listener.next().await.unwrap().sequence, 5);
}

#[tokio::test]
async fn a_listener_hears_only_what_it_asked_for() {
    let daemon = Daemon::start().await;
    let one = daemon.new_run_with(json!({"experiment": "alpha"})).await;
    let two = daemon.new_run_with(json!({"experiment": "beta"})).await;
    let mut of_run = Listener::open(&daemon, &format!("?after=0&run={}", &two.run_id[..12])).await;
    let mut of_experiment = Listener::open(&daemon, "?after=0&experiment=alpha").await;
    let mut of_workspace = Listener::open(&daemon, "?after=0&workspace=other").await;
    daemon.complete(&two.run_id).await;
    daemon.complete(&one.run_id).await;
    daemon.post::<Value>("/api/workspaces", json!({"name": "other"})).await;
    let elsewhere: Run =
        daemon.post("/api/workspaces/other/runs", json!({"experiment": "gamma"})).await;
    for (listener, runs) in [
        (&mut of_run, vec![&two, &two]),
        (&mut of_experiment, vec![&one, &one]),
        (&mut of_workspace, vec![&elsewhere]),
    ] {
        for run in runs {
            assert_eq!(listener.next().await.unwrap().run_id.as_ref(), Some(&run.run_id));
        }
    }
    daemon.get_refused("/api/events?run=nobody_1", 404).await;
    daemon.get_refused("/api/events?after=x", 400).await;
}

#[tokio::test]
async fn a_stream_ends_with_the_daemon() {
    let daemon = Daemon::start().await;
    let mut listener = Listener::open(&daemon, "").await;
    daemon.app.request_shutdown();
    assert_eq!(listener.next().await, None);
}

#[tokio::test]
async fn many_events_arrive_complete() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    let path = format!("/api/runs/{}", run.run_id);
    for number in 0..1200 {
        let patch = json!({"set_tags": {"n": number.to_string()}});
        daemon.call(Method::PATCH, &path, Some(patch)).await.ok::<Run>("patch");
    }
    let mut listener = Listener::open(&daemon, "?after=0").await;
    for sequence in 1..=1201 {
        assert_eq!(listener.next().await.unwrap().sequence, sequence);
    }
}

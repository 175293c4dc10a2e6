use lazuli_domain::{DisplayBundle, MIME_RUN, RunDetails, spool_line};
use serde_json::{Value, json};

use crate::support::{Daemon, record, scalar};

#[tokio::test]
async fn details_hold_what_a_picture_needs() {
    let daemon = Daemon::start().await;
    let run = daemon.new_run().await;
    let mut lines = String::new();
    for step in 0..10_000 {
        lines += &spool_line(&scalar("loss", f64::from(step % 10)));
    }
    lines += &spool_line(&scalar("loss", 1e6));
    daemon.append_to_spool(&run.run_id, lines.as_bytes());
    daemon.log(
        &run.run_id,
        &record(json!({
            "record": "metric", "name": "plot", "kind": "image", "time_ms": 1,
            "value": {"artifact": "outputs/plot.png"},
        })),
    );
    let artifacts = format!("/api/runs/{}/artifacts", run.run_id);
    daemon.put_bytes(&format!("{artifacts}/outputs/plot.png"), "not really").await;
    daemon.put_bytes(&format!("{artifacts}/outputs/other.png"), "no metric").await;
    let child = json!({"experiment": "diabetes", "parent_run_id": run.run_id});
    let child = daemon.new_run_with(child).await;
    let log: String = (0..50).map(|line| format!("line {line}\n")).collect();
    daemon
        .post::<Value>(&format!("/api/runs/{}/logs/user_logs/std_log.txt", run.run_id), json!(log))
        .await;

    let details: RunDetails = daemon.get(&format!("/api/runs/{}/details", run.run_id)).await;
    let loss = &details.metrics[0];
    assert!(loss.points.len() <= 400, "{}", loss.points.len());
    assert_eq!(loss.points.last().unwrap().step, 10_000);
    assert_eq!(details.run.metrics[0].count, 10_001);
    assert_eq!(details.children, [child]);
    assert_eq!(details.artifacts.len(), 2);
    assert_eq!(details.log_tail.len(), 1, "a JSON text has no line breaks");
    assert_eq!(details.sequence, *daemon.app.store.recent().last().borrow());
    let images: Vec<&String> = details.images.keys().collect();
    assert_eq!(images, ["outputs/plot.png"]);
    assert_eq!(details.images["outputs/plot.png"], "data:image/png;base64,bm90IHJlYWxseQ==");

    let display = format!("/api/runs/{}/display", run.run_id);
    let bundle: DisplayBundle = daemon.get(&display).await;
    assert!(!bundle.is_final);
    for form in [MIME_RUN, "text/html", "text/plain"] {
        assert!(bundle.data.contains_key(form), "{form}");
    }
    daemon.complete(&run.run_id).await;
    assert!(daemon.get::<DisplayBundle>(&display).await.is_final);
}

//! Long histories, whole, in part, and small enough for a chart.

use axum::body::Body;
use axum::http::Request;
use lazuli_domain::{Metric, MetricValue};
use serde_json::json;

use crate::support::Daemon;

/// Beyond it a history is drawn from what is known of its stretches.
const LONG: i64 = 140_000;

/// A wave with one spike up, one down and one NaN, logged in batches.
async fn run_with_history(daemon: &Daemon, points: i64) -> String {
    let run_id = daemon.new_run().await.run_id;
    for first in (0..points).step_by(1000) {
        let metrics: Vec<_> = (first..(first + 1000).min(points))
            .map(|step| {
                let value = match step {
                    31_007 => json!(1e6),
                    31_009 => json!("NaN"),
                    _ if step == points - 777 => json!(-1e6),
                    _ => json!((step as f64 / 500.0).sin()),
                };
                json!({"key": "loss", "value": value, "timestamp": 1_000 + step, "step": 3 * step})
            })
            .collect();
        let body = json!({"run_id": run_id, "metrics": metrics});
        let request = Request::post("/api/2.0/mlflow/runs/log-batch")
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()));
        let answer = daemon.send(request.unwrap()).await;
        assert!(answer.status.is_success(), "{:?}", answer.body);
    }
    run_id
}

fn value(point: &lazuli_domain::MetricPoint) -> f64 {
    match &point.value {
        MetricValue::Number(number) => number.as_f64(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_long_history_keeps_its_ends_and_spikes_however_few_points_are_asked_for() {
    let daemon = Daemon::start().await;
    for points in [40_000, LONG] {
        let run_id = run_with_history(&daemon, points).await;
        for most in [50, 400, 2000] {
            let path = format!("/api/runs/{run_id}/metrics/loss?max_points={most}");
            let metric: Metric = daemon.get(&path).await;
            assert_eq!(metric.count, points as u64);
            let kept = metric.points.len();
            assert!(
                kept <= most + 2 && kept >= most.min(1000) / 2,
                "{kept} of {points} for {most}"
            );
            let steps: Vec<i64> = metric.points.iter().map(|point| point.step).collect();
            assert!(steps.is_sorted());
            assert_eq!((steps[0], steps[kept - 1]), (0, 3 * (points - 1)));
            let values: Vec<f64> = metric.points.iter().map(value).collect();
            assert!(values.contains(&1e6) && values.contains(&-1e6), "{points}, {most}");
        }
        let run = daemon.run(&run_id).await;
        let summary = &run.metrics[0];
        let bounds = [summary.min, summary.max].map(|number| number.unwrap().as_f64());
        assert_eq!((bounds, summary.count), ([-1e6, 1e6], points as u64));
        assert_eq!(summary.last.step, 3 * (points - 1));
    }
}

#[tokio::test]
async fn a_range_of_steps_is_read_alone() {
    let daemon = Daemon::start().await;
    let run_id = run_with_history(&daemon, LONG).await;
    let path = format!("/api/runs/{run_id}/metrics/loss");
    let part: Metric = daemon.get(&format!("{path}?from_step=93015&to_step=93030")).await;
    let steps: Vec<i64> = part.points.iter().map(|point| point.step).collect();
    assert_eq!(steps, [93_015, 93_018, 93_021, 93_024, 93_027, 93_030]);
    assert_eq!(value(&part.points[2]), 1e6);
    assert!(value(&part.points[4]).is_nan());
    // A part that is long itself is drawn as well.
    let part: Metric = daemon.get(&format!("{path}?from_step=90000&max_points=300")).await;
    assert!(part.points.len() <= 302 && part.points.iter().all(|point| point.step >= 90_000));
    assert!(part.points.iter().any(|point| value(point) == 1e6));
    let nothing: Metric = daemon.get(&format!("{path}?from_step=1000000")).await;
    assert!(nothing.points.is_empty());
}

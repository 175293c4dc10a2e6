//! Search by filter and order. Every case is asked of a few runs that are told in one place.

use axum::http::Method;
use lazuli_domain::{Page, Run};
use serde_json::{Value, json};

use crate::support::{Daemon, record};

const RUNS: &str = "/api/workspaces/default/runs";

/// A daemon with runs `a`, `b` …, made in this order.
struct Searched {
    daemon: Daemon,
}

impl Searched {
    async fn start() -> Searched {
        let searched = Searched { daemon: Daemon::start().await };
        let nan = json!("NaN");
        searched
            .run(
                "a",
                "one",
                json!({"loss": [0.5, 0.1], "acc": [0.9]}),
                json!({"team": "blue", "note": "50%"}),
                json!({"lr": "0.1", "net": "ResNet"}),
                "complete",
            )
            .await;
        searched
            .run(
                "b",
                "one",
                json!({"loss": [0.3]}),
                json!({"team": "red"}),
                json!({"lr": "0.01"}),
                "fail",
            )
            .await;
        searched
            .run(
                "c",
                "one",
                json!({"loss": [nan], "acc": [0.7]}),
                json!({"team": "Blue", "note": "a\\b"}),
                json!({"lr": "0.1", "net": "resnet18"}),
                "complete",
            )
            .await;
        searched
            .run(
                "d",
                "two",
                json!({"acc": ["Infinity"]}),
                json!({"note": "x_y"}),
                json!({}),
                "cancel",
            )
            .await;
        searched
            .run(
                "e",
                "two",
                json!({"loss": ["-Infinity", 0.1, 7]}),
                json!({"team": "it's"}),
                json!({"lr": "1e-3"}),
                "",
            )
            .await;
        searched.run("f", "two", json!({}), json!({"odd `key`": "v"}), json!({}), "").await;
        searched
    }

    async fn run(
        &self,
        name: &str,
        experiment: &str,
        metrics: Value,
        tags: Value,
        parameters: Value,
        end: &str,
    ) {
        let new = json!({"experiment": experiment, "name": name, "user": "ada", "tags": tags});
        let run = self.daemon.new_run_with(new).await;
        for (metric, values) in metrics.as_object().unwrap() {
            for value in values.as_array().unwrap() {
                self.daemon.log(&run.run_id, &record(json!({"record": "metric", "name": metric, "kind": "scalar", "value": value, "time_ms": 1})));
            }
        }
        let path = format!("/api/runs/{}", run.run_id);
        let patch = json!({"add_parameters": parameters});
        self.daemon.call(Method::PATCH, &path, Some(patch)).await.ok::<Run>("patch");
        match end {
            "" => {}
            "fail" => {
                self.daemon.post::<Run>(&format!("{path}/fail"), json!({"message": "no"})).await;
            }
            end => {
                self.daemon.post::<Run>(&format!("{path}/{end}"), Value::Null).await;
            }
        }
    }

    /// The names of the runs that match, in order; on one page and on pages of one and of two.
    async fn check(&self, filter: &str, order_by: &str, expected: &str) {
        let query = format!("filter={}&order_by={}&count=true", encoded(filter), encoded(order_by));
        for limit in [100, 1, 2] {
            let mut names = Vec::new();
            let mut cursor = String::new();
            loop {
                let path = format!("{RUNS}?{query}&limit={limit}{cursor}");
                let page: Page<Run> = self.daemon.get(&path).await;
                names.extend(page.items.into_iter().map(|run| run.name));
                let total = expected.split_whitespace().count() as u64;
                assert_eq!(page.total, Some(total), "{filter}");
                let Some(next) = page.next_cursor else { break };
                cursor = format!("&cursor={next}");
            }
            assert_eq!(names.join(" "), expected, "{filter} | {order_by} | {limit}");
        }
    }
}

pub fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test]
async fn a_filter_finds_what_it_says() {
    let searched = Searched::start().await;
    for (filter, expected) in [
        ("", "f e d c b a"),
        ("metrics.loss < 0.2", "a"),
        ("metrics.loss > 0.2", "e b"),
        ("metrics.loss = 0.1", "a"),
        // What is there and is no number is unlike every number.
        ("metrics.loss != 0.1", "e c b"),
        ("metrics.loss is null", "f d"),
        ("metrics.loss is not null", "e c b a"),
        ("not metrics.loss < 0.2", "f e d c b"),
        ("metrics.loss in (0.1, 0.3)", "b a"),
        ("metrics.loss not in (0.1, 0.3)", "e c"),
        ("metrics.loss between 0.1 and 0.3", "b a"),
        ("metrics.loss not between 0.1 and 0.3", "e c"),
        ("min(metrics.loss) < 0", "e"),
        ("max(metrics.loss) = 0.5", "a"),
        ("count(metrics.loss) > 1", "e a"),
        ("count(metrics.loss) > 1.5 and count(metrics.loss) < 2.5", "a"),
        ("metrics.acc > 1e308", "d"),
        ("params.lr = '0.1'", "c a"),
        ("params.lr != '0.1'", "e b"),
        ("params.net like 'ResNet%'", "a"),
        ("params.net like 'resnet%'", "c"),
        ("params.net ilike 'RESNET%'", "c a"),
        ("params.net not like 'ResNet%'", "c"),
        ("tags.team = 'blue'", "a"),
        ("tags.team ilike 'blue'", "c a"),
        ("tags.team = 'it''s'", "e"),
        ("tags.team in ('blue', 'red')", "b a"),
        ("tags.team is null", "f d"),
        ("tags.`odd ``key``` = 'v'", "f"),
        // No escapes: a backslash is a backslash.
        (r"tags.note like 'a\b'", "c"),
        (r"tags.note like 'x\_y'", ""),
        ("tags.note like 'x_y'", "d"),
        ("tags.note like '50%'", "a"),
        ("status = 'Completed'", "c a"),
        ("status = 'FINISHED'", "c a"),
        ("status != 'FINISHED'", "f e d b"),
        ("status = 'RUNNING'", "f e"),
        ("name = 'a'", "a"),
        ("name in ('a', 'f')", "f a"),
        ("experiment = 'two'", "f e d"),
        ("experiment like 't%' and metrics.loss > 0", "e"),
        ("user = 'ada'", "f e d c b a"),
        ("user = 'eve'", ""),
        ("kind = 'interactive' and compute = 'local'", "f e d c b a"),
        ("ended is null", "f e"),
        ("duration >= 0", "f e d c b a"),
        ("created > '-1h' and started <= 'now'", "f e d c b a"),
        ("created < '-1h'", ""),
        ("parent is null", "f e d c b a"),
        ("artifact_uri like 'mlflow-artifacts:/%/artifacts'", "f e d c b a"),
        ("datasets.name = 'x'", ""),
        ("datasets.name is null", "f e d c b a"),
        ("metrics.loss < 0.2 and tags.team = 'blue' or tags.team = 'red'", "b a"),
        ("not (tags.team = 'blue' or tags.team = 'red')", "f e d c"),
        ("(tags.team = 'blue' or metrics.acc >= 0.7) and not status = 'FAILED'", "d c a"),
    ] {
        searched.check(filter, "", expected).await;
    }
}

#[tokio::test]
async fn an_order_puts_nan_and_absence_last() {
    let searched = Searched::start().await;
    for (filter, order_by, expected) in [
        ("", "metrics.loss", "a b e c f d"),
        ("", "metrics.loss desc", "e b a c f d"),
        ("", "metrics.loss, name", "a b e c d f"),
        ("", "metrics.loss desc, name desc", "e b a c f d"),
        ("", "metrics.acc desc, metrics.loss", "d a c b e f"),
        ("", "min(metrics.loss)", "e a b c f d"),
        ("", "max(metrics.loss) desc", "e a b c f d"),
        ("", "count(metrics.loss) desc, name", "e a b c d f"),
        ("", "tags.team", "c a e b f d"),
        ("", "tags.team desc, name", "b e a c d f"),
        ("", "params.lr, name desc", "b c a e f d"),
        ("", "experiment, name", "a b c d e f"),
        ("", "status, name", "d a c b e f"),
        ("", "started", "a b c d e f"),
        ("", "created desc, name", "f e d c b a"),
        ("", "ended desc, name", "d c b a e f"),
        ("", "properties.none, name", "a b c d e f"),
        ("metrics.loss > 0", "metrics.loss desc", "e b a"),
        ("metrics.loss != 7", "metrics.loss", "a b c"),
        ("tags.team is not null", "tags.team", "c a e b"),
        ("tags.team is not null and experiment = 'one'", "metrics.loss desc", "b a c"),
        ("experiment = 'two'", "metrics.loss, name", "e d f"),
        ("status = 'Running'", "metrics.acc, metrics.loss, tags.team", "e f"),
    ] {
        searched.check(filter, order_by, expected).await;
    }
}

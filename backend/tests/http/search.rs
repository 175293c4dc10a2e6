//! Search by filter and order. Every case is asked of a few runs that are told in one place.

use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
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

impl Searched {
    async fn refused(&self, query: &str) -> String {
        self.daemon.get_refused(&format!("{RUNS}?{query}"), 400).await.to_string()
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

#[tokio::test]
async fn a_cursor_serves_only_the_search_it_came_from() {
    let searched = Searched::start().await;
    let query = "filter=metrics.loss%20is%20not%20null&order_by=metrics.loss&experiment=one";
    let page: Page<Run> = searched.daemon.get(&format!("{RUNS}?{query}&limit=1")).await;
    let cursor = page.next_cursor.unwrap();
    for same in [query.to_owned(), format!("{query}&limit=3"), format!("{query}&fields=name")] {
        let path = format!("{RUNS}?{same}&cursor={cursor}");
        let page: Page<Value> = searched.daemon.get(&path).await;
        assert_eq!(page.items[0]["name"], "b", "{same}");
    }
    for other in [
        "",
        "filter=metrics.loss%20is%20not%20null&order_by=metrics.loss",
        "filter=metrics.loss%20is%20not%20null&order_by=metrics.loss&experiment=two",
        "filter=metrics.loss%20is%20not%20null&order_by=metrics.loss%20desc&experiment=one",
        "filter=metrics.loss%20is%20not%20null&order_by=metrics.acc&experiment=one",
        "filter=metrics.loss%20is%20null&order_by=metrics.loss&experiment=one",
        &format!("{query}&status=completed"),
        &format!("{query}&view=all"),
    ] {
        let refusal = searched.refused(&format!("{other}&cursor={cursor}")).await;
        assert_eq!(
            refusal,
            "the cursor belongs to another search\nhint: ask for the next page with the same filter, \
             order and experiments as for the first, or begin again without a cursor",
            "{other}"
        );
    }
    let forged = |change: &dyn Fn(&mut Value)| {
        let mut json: Value = serde_json::from_slice(&decoded(&cursor)).unwrap();
        change(&mut json);
        base64url(json.to_string().as_bytes())
    };
    assert_eq!(forged(&|_| {}).len(), cursor.len());
    for marks in
        [json!([]), json!([{"t": "x"}]), json!([{"r": f64::NAN.to_bits()}]), json!(["a", "a"])]
    {
        let cursor = forged(&|json| json["m"] = marks.clone());
        let refusal = searched.refused(&format!("{query}&cursor={cursor}")).await;
        assert!(refusal.starts_with("the cursor belongs to another search"), "{refusal}");
    }
    for nonsense in [
        "x",
        "7",
        "%20",
        "%00",
        "e30",
        &cursor[1..],
        &forged(&|json| json["m"] = json!([{"t": "\0"}])),
    ] {
        let refusal = searched.refused(&format!("{query}&cursor={nonsense}")).await;
        assert!(refusal.contains("is not a cursor\nhint: give the one"), "{refusal}");
    }
}

#[tokio::test]
async fn pages_go_on_where_they_were_while_runs_are_added() {
    let searched = Searched::start().await;
    let query = "filter=created%20%3E%20%27-1h%27&order_by=metrics.loss&limit=2";
    let page: Page<Run> = searched.daemon.get(&format!("{RUNS}?{query}")).await;
    assert_eq!(names(&page), ["a", "b"]);
    searched.run("before", "one", json!({"loss": [-5]}), json!({}), json!({}), "").await;
    searched.run("behind", "one", json!({"loss": [5]}), json!({}), json!({}), "").await;
    let mut all = Vec::new();
    let mut next = page.next_cursor;
    while let Some(cursor) = next {
        let page: Page<Run> = searched.daemon.get(&format!("{RUNS}?{query}&cursor={cursor}")).await;
        all.extend(names(&page));
        next = page.next_cursor;
    }
    assert_eq!(all, ["behind", "e", "c", "f", "d"]);
}

#[tokio::test]
async fn a_list_carries_the_fields_that_are_asked_for() {
    let searched = Searched::start().await;
    let list = async |fields: &str| -> Value {
        let query = format!("filter=name%20%3D%20%27a%27&fields={}", encoded(fields));
        let mut page: Value = searched.daemon.get(&format!("{RUNS}?{query}")).await;
        page["items"][0].take()
    };
    assert_eq!(list("name, status").await, json!({"name": "a", "status": "Completed"}));
    let one = list("name,metrics.loss,tags.team,params.lr,tags.none").await;
    assert_eq!(
        (&one["tags"], &one["parameters"]),
        (&json!({"team": "blue"}), &json!({"lr": "0.1"}))
    );
    assert_eq!((one["metrics"].as_array().unwrap().len(), one.as_object().unwrap().len()), (1, 4));
    assert_eq!(one["metrics"][0]["last"]["value"], 0.1);
    let whole = list("").await;
    assert_eq!(
        list("metrics, tags").await,
        json!({"metrics": whole["metrics"], "tags": whole["tags"]})
    );
    assert_eq!(whole["user"], "ada");
    for (fields, refusal) in [
        ("name,", "a field of a run is missing at the end, at character 6"),
        ("datasets.name", "a list of runs does not carry `datasets.name`"),
        ("nme", "unknown attribute `nme` at character 1"),
        ("name status", "expected a comma between two fields, found `status` at character 6"),
        ("tags.`x", "unbalanced quote at character 6"),
    ] {
        let told = searched.refused(&format!("fields={}", encoded(fields))).await;
        assert!(told.contains(refusal), "{told}");
    }
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_in_one_sentence() {
    let searched = Searched::start().await;
    let long = format!("name = '{}'", "x".repeat(16 * 1024));
    let deep = format!("{}name = 'a'", "not ".repeat(101));
    for (query, refusal) in [
        (format!("filter={}", encoded("name = 'a")), "unbalanced quote at character 8"),
        (
            format!("filter={}", encoded("(name = 'a'")),
            "`and`, `or` or a `)` is missing at the end, at character 12",
        ),
        (format!("filter={}", encoded("name = 'a\0'")), "a NUL character at character 10"),
        (format!("filter={}", encoded("tags.a\0b = 'x'")), "unexpected `\\u{0}` at character 7"),
        (format!("filter={}", encoded("lss < 1")), "unknown attribute `lss` at character 1"),
        (
            format!("filter={}", encoded("metrics.loss < 'x'")),
            "`metrics.loss` compares with numbers, got the text 'x' at character 16",
        ),
        (format!("filter={}", encoded(&long)), "the filter has 16393 bytes, at most 16384"),
        (format!("filter={}", encoded(&deep)), "nest deeper than 100 levels"),
        (
            format!("order_by={}", encoded("metrics.loss sideways")),
            "expected `asc`, `desc` or a comma, found `sideways`",
        ),
        (format!("order_by={}", encoded("datasets.name")), "datasets cannot be ordered by"),
        ("limit=0".to_owned(), "a page of 0 is not possible, it has 1 to 1000"),
        ("limit=1001".to_owned(), "a page of 1001 is not possible, it has 1 to 1000"),
        ("limit=-1".to_owned(), "the query is malformed"),
        ("limit=99999999999999999999".to_owned(), "the query is malformed"),
        ("view=hidden".to_owned(), "the query is malformed"),
        ("count=perhaps".to_owned(), "the query is malformed"),
    ] {
        let told = searched.refused(&query).await;
        assert!(told.contains(refusal), "{told}\nshould say: {refusal}");
    }
}

#[tokio::test]
async fn the_largest_filters_are_answered() {
    let searched = Searched::start().await;
    let broad = vec!["tags.team != 'x'"; 500].join(" and ");
    searched.check(&broad, "name", "a b c e").await;
    let either = vec!["metrics.loss = 0.1"; 400].join(" or ");
    searched.check(&either, "name", "a").await;
    let deep = format!("{}name = 'a'", "not (".repeat(50)) + &")".repeat(50);
    searched.check(&deep, "name", "a").await;
    let many: Vec<String> = (0..1900).map(|number| format!("'{number}'")).collect();
    searched.check(&format!("name in ({}, 'b')", many.join(",")), "", "b").await;
    let order: Vec<String> = (0..49).map(|number| format!("metrics.m{number} desc")).collect();
    searched.check("", &format!("{}, name", order.join(",")), "a b c d e f").await;
}

fn decoded(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn names(page: &Page<Run>) -> Vec<String> {
    page.items.iter().map(|run| run.name.clone()).collect()
}

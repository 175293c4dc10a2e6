//! What Lazuli adds.

use super::*;

#[test]
fn attributes_of_our_own() {
    check("status = 'Completed'", expect!["status = 'Completed'"]);
    check(
        "name = 'first' and experiment = 'churn' and user != 'me'",
        expect!["name = 'first' and experiment = 'churn' and user != 'me'"],
    );
    check("compute = 'local' or kind = 'script'", expect!["compute = 'local' or kind = 'script'"]);
    check("parent is null", expect!["parent is null"]);
    check(
        "ended is null and started is not null",
        expect!["ended is null and started is not null"],
    );
    check("duration > '1h30m'", expect!["duration > 5400000"]);
    check("duration <= 5000", expect!["duration <= 5000"]);
    check("properties.`git commit` = 'abc'", expect!["properties.`git commit` = 'abc'"]);
    check("id = 'a'", expect!["id = 'a'"]);
}

#[test]
fn or_not_and_parentheses() {
    check(
        "metrics.a > 1 or metrics.b > 2 and metrics.c > 3",
        expect!["metrics.`a` > 1 or metrics.`b` > 2 and metrics.`c` > 3"],
    );
    check(
        "(metrics.a > 1 or metrics.b > 2) and metrics.c > 3",
        expect!["(metrics.`a` > 1 or metrics.`b` > 2) and metrics.`c` > 3"],
    );
    check("NOT status = 'Failed'", expect!["not status = 'Failed'"]);
    check("not not status = 'Failed'", expect!["status = 'Failed'"]);
    check(
        "not (kind = 'a' and (kind = 'b' or not kind = 'c'))",
        expect!["not (kind = 'a' and (kind = 'b' or not kind = 'c'))"],
    );
    check(
        "((kind = 'a' and kind = 'b') and kind = 'c') or (kind = 'd' or kind = 'e')",
        expect!["kind = 'a' and kind = 'b' and kind = 'c' or kind = 'd' or kind = 'e'"],
    );
    check(
        "metrics.A > 0.1 AND (params.B = 'LR')",
        expect!["metrics.`A` > 0.1 and params.`B` = 'LR'"],
    );
}

#[test]
fn aggregates_of_metrics() {
    check("min(metrics.loss) < 0.1", expect!["min(metrics.`loss`) < 0.1"]);
    check(
        "MAX( metrics.`val loss` ) >= 1 and last(metric.a) = 2",
        expect!["max(metrics.`val loss`) >= 1 and metrics.`a` = 2"],
    );
    check(
        "count(metrics.loss) > 10 and metrics.loss.min < 3",
        expect!["count(metrics.`loss`) > 10 and metrics.`loss.min` < 3"],
    );
    check("max(metrics.a) is null", expect!["max(metrics.`a`) is null"]);
}

#[test]
fn between_and_negated_operators() {
    check(
        "metrics.loss between 0.1 and 0.2 and kind = 'a'",
        expect!["metrics.`loss` between 0.1 and 0.2 and kind = 'a'"],
    );
    check(
        "metrics.loss not between -1 and 1e-5",
        expect!["metrics.`loss` is not null and not metrics.`loss` between -1 and 0.00001"],
    );
    check(
        "name not like 'a%' or name NOT ILIKE 'b%'",
        expect![
            "name is not null and not name like 'a%' or name is not null and not name ilike 'b%'"
        ],
    );
    check("metrics.a in (1, 2.5, -3)", expect!["metrics.`a` in (1, 2.5, -3)"]);
    check("params.lr not in ('0.1')", expect!["params.`lr` not in ('0.1')"]);
}

#[test]
fn times() {
    check("created >= '2026-11-25'", expect!["created >= 1795564800000"]);
    check(
        "created > '2026-11-25T10:00:00Z' and ended < '2026-11-25 12:30+02:00'",
        expect!["created > 1795600800000 and ended < 1795602600000"],
    );
    check("started > '-7d'", expect!["started > 1794996000000"]);
    check(
        "created between '-3h' and 'now'",
        expect!["created between 1795590000000 and 1795600800000"],
    );
    check("attributes.start_time > '-1h30m'", expect!["started > 1795595400000"]);
}

#[test]
fn words_of_status() {
    check("status = 'RUNNING'", expect!["status in ('Running', 'Finalizing', 'CancelRequested')"]);
    check("status = 'Running'", expect!["status = 'Running'"]);
    check("status = 'running'", expect!["status = 'Running'"]);
    check("status = 'finished'", expect!["status = 'Completed'"]);
    check("status != 'SCHEDULED'", expect!["status not in ('NotStarted', 'Queued', 'Preparing')"]);
    check("status in ('KILLED', 'Queued', 'queued')", expect!["status in ('Queued', 'Canceled')"]);
    check(
        "status not in ('RUNNING')",
        expect!["status not in ('Running', 'Finalizing', 'CancelRequested')"],
    );
    check("status like 'F%'", expect!["status in ('Finalizing', 'Completed', 'Failed')"]);
    check("status ilike 'can%'", expect!["status in ('CancelRequested', 'Canceled')"]);
    check(
        "status not like '%ED'",
        expect![
            "status is not null and not status in ('NotStarted', 'Queued', 'Preparing', 'Completed', 'Failed', 'Canceled')"
        ],
    );
    check("status is not null", expect!["status is not null"]);
}

#[test]
fn names_and_texts_as_they_are_written() {
    check(
        "metrics.val-loss < 1 and metrics.train/acc>-1",
        expect!["metrics.`val-loss` < 1 and metrics.`train/acc` > -1"],
    );
    check("metrics.`a``b` = 1", expect!["metrics.`a``b` = 1"]);
    check(r#"params."a""b" = 'it''s'"#, expect![[r#"params.`a"b` = 'it''s'"#]]);
    check(r#"tags.path = "C:\dir\""#, expect![[r#"tags.`path` = 'C:\dir\'"#]]);
    check(r#"tags.q = "say ""hi""""#, expect![[r#"tags.`q` = 'say "hi"'"#]]);
    check(
        "metrics.in > 1 and params.and = 'or'",
        expect!["metrics.`in` > 1 and params.`and` = 'or'"],
    );
    check("tags.`a.b`='x'", expect!["tags.`a.b` = 'x'"]);
    check("metrics.1st = 1", expect!["metrics.`1st` = 1"]);
}

#[test]
fn order_in_one_text() {
    check_order(
        Entity::Run,
        &["metrics.acc desc, created, min(metrics.`a, b`) asc"],
        expect!["metrics.`acc` desc, created, min(metrics.`a, b`)"],
    );
    check_order(
        Entity::Run,
        &["created, attributes.created, started desc"],
        expect!["created, started"],
    );
    check_order(Entity::Run, &["name,name desc"], expect!["name"]);
    check_order(
        Entity::Run,
        &["duration desc", "properties.x,tags.y"],
        expect!["duration desc, properties.`x`, tags.`y`"],
    );
}

fn check_words(text: &str, expect: Expect) {
    let known = Known { metrics: vec!["loss".into(), "val loss".into()], ..Known::default() };
    let cursor = text.find('|').unwrap();
    let (start, words) = complete_filter(Entity::Run, text, cursor, &known);
    let words: Vec<String> = words.into_iter().map(|word| word.text).collect();
    expect.assert_eq(&format!("{start}: {}", words.join(" ")));
}

#[test]
fn completion_of_filters() {
    check_words(
        "|",
        expect![
            "0: status name run_id experiment user created started ended duration compute kind parent artifact_uri metrics.loss metrics.`val loss` metrics. params. tags. properties. datasets.name datasets.digest datasets.context min( max( last( count( not ("
        ],
    );
    check_words("sta|", expect!["0: status started"]);
    check_words("metrics.|", expect!["0: metrics.loss metrics.`val loss` metrics."]);
    check_words("metrics.v| > 3", expect!["0: "]);
    check_words("min(|", expect!["4: metrics.loss metrics.`val loss` metrics."]);
    check_words("min(metrics.loss| ) > 3", expect!["4: metrics.loss"]);
    check_words("status |", expect!["7: = != like ilike in not in is null is not null"]);
    check_words("status n|", expect!["7: not in"]);
    check_words("status not |", expect!["11: in like ilike"]);
    check_words("status is |", expect!["10: null not null"]);
    check_words(
        "status = |",
        expect![
            "9: 'NotStarted' 'Queued' 'Preparing' 'Running' 'Finalizing' 'CancelRequested' 'Completed' 'Failed' 'Canceled' 'SCHEDULED' 'RUNNING' 'FINISHED' 'FAILED' 'KILLED'"
        ],
    );
    check_words("status = 'F|", expect!["9: 'Finalizing' 'Failed' 'FINISHED' 'FAILED'"]);
    check_words(
        "status in (|",
        expect![
            "11: 'NotStarted' 'Queued' 'Preparing' 'Running' 'Finalizing' 'CancelRequested' 'Completed' 'Failed' 'Canceled' 'SCHEDULED' 'RUNNING' 'FINISHED' 'FAILED' 'KILLED'"
        ],
    );
    check_words("status = 'Failed' |", expect!["18: and or"]);
    check_words("(status = 'Failed' |", expect!["19: and or )"]);
    check_words("status = 'Failed' o|", expect!["18: or"]);
    check_words("created > |", expect!["10: 'now' '-1h' '-1d' '-7d'"]);
    check_words(
        "not |",
        expect![
            "4: status name run_id experiment user created started ended duration compute kind parent artifact_uri metrics.loss metrics.`val loss` metrics. params. tags. properties. datasets.name datasets.digest datasets.context min( max( last( count( not ("
        ],
    );
    check_words("metrics.a between 1 |", expect!["20: and"]);
    check_words("nonsense > |", expect!["11: "]);
    check_words("metrics.`va|", expect!["9: "]);
    check_words(
        "status = 'Failed' and |",
        expect![
            "22: status name run_id experiment user created started ended duration compute kind parent artifact_uri metrics.loss metrics.`val loss` metrics. params. tags. properties. datasets.name datasets.digest datasets.context min( max( last( count( not ("
        ],
    );
}

#[test]
fn completion_of_orders() {
    let words = |text: &str| -> Vec<String> {
        let words = complete_order_by(Entity::Experiment, text, text.len(), &Known::default()).1;
        words.into_iter().map(|word| word.text).collect()
    };
    assert_eq!(words(""), ["name", "experiment_id", "created", "updated", "tags."]);
    assert_eq!(words("name d"), ["desc"]);
    assert_eq!(words("name desc, u"), ["updated"]);
    assert_eq!(words("name desc "), [""; 0]);
}

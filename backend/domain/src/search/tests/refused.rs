//! Each refusal names what is wrong, where, and what is allowed.

use super::*;

#[test]
fn fields() {
    check(
        "statu = 'x'",
        expect![[r#"
        unknown attribute `statu` at character 1
        hint: did you mean `status`?"#]],
    );
    check(
        "m.acc >= 0.94",
        expect![[r#"
        unknown kind of field `m` at character 1
        hint: fields of runs begin with attributes., metrics., params., tags., properties., datasets."#]],
    );
    check(
        "acc >= 0.94",
        expect![[r#"
        unknown attribute `acc` at character 1
        hint: attributes of runs are status, name, run_id, experiment, user, created, started, ended, duration, compute, kind, parent, artifact_uri; otherwise write metrics.acc or params.acc or tags.acc or properties.acc"#]],
    );
    check(
        "p.model >= 'LR'",
        expect![[r#"
        unknown kind of field `p` at character 1
        hint: fields of runs begin with attributes., metrics., params., tags., properties., datasets."#]],
    );
    check(
        "attri.x != 1",
        expect![[r#"
        unknown kind of field `attri` at character 1
        hint: did you mean `attr.x`?"#]],
    );
    check(
        "model >= 'LR'",
        expect![[r#"
        unknown attribute `model` at character 1
        hint: attributes of runs are status, name, run_id, experiment, user, created, started, ended, duration, compute, kind, parent, artifact_uri; otherwise write metrics.model or params.model or tags.model or properties.model"#]],
    );
    check(
        "attribute.start != 1",
        expect![[r#"
        unknown attribute `start` at character 1
        hint: did you mean `started`?"#]],
    );
    check(
        "attribute._status != 'RUNNING'",
        expect![[r#"
        unknown attribute `_status` at character 1
        hint: did you mean `status`?"#]],
    );
    check(
        "dataset.status = 'true'",
        expect![[r#"
        datasets have no `status` at character 1
        hint: ask for datasets.name, datasets.digest or datasets.context"#]],
    );
    check(
        "`metrics.A` > 1",
        expect![[r#"
            unknown attribute `metrics.A` at character 1
            hint: quote the name alone: metrics.`A`"#]],
    );
    check(
        "Metrics.a > 1",
        expect![[r#"
        unknown kind of field `Metrics` at character 1
        hint: did you mean `metrics.a`?"#]],
    );
    check(
        "1.0 > metrics.acc",
        expect![[r#"
        a condition begins with its field, not with `1.0` at character 1
        hint: write the field first: metrics.acc > 0.9"#]],
    );
    check(
        "1=1",
        expect![[r#"
        a condition begins with its field, not with `1` at character 1
        hint: write the field first: metrics.acc > 0.9"#]],
    );
    check(
        "'a' = 'b'",
        expect![[r#"
        a condition begins with its field, not with `'a'` at character 1
        hint: write the field first: metrics.acc > 0.9"#]],
    );
    check(
        "min(params.a) > 1",
        expect![[r#"
        expected a metric in `min(…)`, found `params.a` at character 5
        hint: write min(metrics.loss)"#]],
    );
    check(
        "mni(metrics.a) > 1",
        expect![[r#"
        unknown attribute `mni` at character 1
        hint: write min(metrics.loss)"#]],
    );
    check(
        "metrics. > 1",
        expect![[r#"
        a dot without a name at character 8
        hint: write the name right after the dot, as in metrics.loss"#]],
    );
    check("metrics.`` > 1", expect!["an empty name at character 8"]);
    check(
        "tags.'foo' = 'a'",
        expect![[r#"
        a name in single quotes at character 5
        hint: names take backticks or double quotes: metrics.`val loss`"#]],
    );
    check(
        "metrics.`a`b > 1",
        expect![[r#"
        a quoted name that goes on after its quote at character 8
        hint: put the whole name between the quotes"#]],
    );
    check(
        "1st > 2",
        expect![[r#"
        `1st` is not a number at character 1
        hint: a text takes quotes: '1st'; a name that begins with a digit takes backticks"#]],
    );
}

#[test]
fn fields_of_other_entities() {
    check_of(
        Entity::RegisteredModel,
        "metrics.acc > 1",
        expect![[r#"
        registered models have no `metrics.` at character 1
        hint: fields of registered models begin with attributes., tags."#]],
    );
    check_of(
        Entity::RegisteredModel,
        "run_id = 'a'",
        expect![[r#"
        unknown attribute `run_id` at character 1
        hint: attributes of registered models are name, created, updated, alias; otherwise write tags.run_id"#]],
    );
    check_of(
        Entity::RegisteredModel,
        "min(metrics.a) > 1",
        expect![[r#"
            unknown attribute `min` at character 1
            hint: attributes of registered models are name, created, updated, alias; otherwise write tags.min"#]],
    );
    check_of(
        Entity::RegisteredModel,
        "properties.a = 'b'",
        expect![[r#"
        registered models have no `properties.` at character 1
        hint: fields of registered models begin with attributes., tags."#]],
    );
}

#[test]
fn operators() {
    check(
        "params.acc > '3'",
        expect![[r#"
        `params.acc` is text and does not take `>` at character 12
        hint: it takes =, !=, like, ilike, in, not in, is null, is not null"#]],
    );
    check(
        "metrics.a like 'x'",
        expect![[r#"
        `metrics.a` is a number and does not take `like` at character 11
        hint: it takes =, !=, <, <=, >, >=, between, in, not in, is null, is not null"#]],
    );
    check(
        "start_time ilike '3'",
        expect![[r#"
        `start_time` is a time and does not take `ilike` at character 12
        hint: it takes =, !=, <, <=, >, >=, between, in, not in, is null, is not null"#]],
    );
    check(
        "metrics.a ~ 1",
        expect![[r#"
        unknown operator `~` at character 11
        hint: write `like`"#]],
    );
    check(
        "metrics.a == 1",
        expect![[r#"
        unknown operator `==` at character 11
        hint: write `=`"#]],
    );
    check(
        "metrics.a <> 1",
        expect![[r#"
        unknown operator `<>` at character 11
        hint: write `!=`"#]],
    );
    check(
        "metrics.a > 1 && metrics.b > 2",
        expect![[r#"
        unknown operator `&&` at character 15
        hint: write `and`"#]],
    );
    check(
        "params.acc LR !=",
        expect![[r#"
        expected an operator after `params.acc`, found `LR` at character 12
        hint: `params.acc` takes =, !=, like, ilike, in, not in, is null, is not null"#]],
    );
    check(
        "params.acc LR",
        expect![[r#"
        expected an operator after `params.acc`, found `LR` at character 12
        hint: `params.acc` takes =, !=, like, ilike, in, not in, is null, is not null"#]],
    );
    check(
        "name between 'a' and 'b'",
        expect![[r#"
        `name` is text and does not take `between` at character 6
        hint: it takes =, !=, like, ilike, in, not in, is null, is not null"#]],
    );
    check(
        "tags.acc = = 'LR'",
        expect![[r#"
        `tags.acc` compares with texts, and this is none at character 12
        hint: put a text in single or double quotes"#]],
    );
    check(
        "attribute.status IS 'RUNNING'",
        expect!["expected `null` or `not null`, found `'RUNNING'` at character 21"],
    );
    check(
        "status not 'x'",
        expect!["expected `in`, `like`, `ilike` or `between`, found `'x'` at character 12"],
    );
    check(
        "metrics.a",
        expect![[r#"
        an operator after `metrics.a` is missing at the end, at character 10
        hint: `metrics.a` takes =, !=, <, <=, >, >=, between, in, not in, is null, is not null"#]],
    );
    check(
        "params.p RLIKE 'x'",
        expect![[r#"
        expected an operator after `params.p`, found `RLIKE` at character 10
        hint: `params.p` takes =, !=, like, ilike, in, not in, is null, is not null"#]],
    );
}

#[test]
fn values() {
    check(
        "metric.model = 'LR'",
        expect![[r#"
        `metrics.model` compares with numbers, got the text 'LR' at character 16
        hint: write a number such as 0.9, -3 or 1e-5"#]],
    );
    check(
        "metric.model = '5'",
        expect![[r#"
        `metrics.model` compares with numbers, got the text '5' at character 16
        hint: write it without quotes: 5"#]],
    );
    check(
        "params.acc = 5",
        expect![[r#"
        `params.acc` compares with texts, got the number 5 at character 14
        hint: put it in quotes: '5'"#]],
    );
    check(
        "tags.acc = LR",
        expect![[r#"
        the text LR is not quoted at character 12
        hint: put it in quotes: 'LR'"#]],
    );
    check(
        "params.acc = `LR`",
        expect![[r#"
        `params.acc` compares with texts, got the name `LR` at character 14
        hint: backticks are for names; put a text in single or double quotes"#]],
    );
    check(
        "metrics.acc != metrics.acc",
        expect![[r#"
        `metrics.acc` compares with numbers, and this is none at character 16
        hint: write a number such as 0.9, -3 or 1e-5"#]],
    );
    check(
        "attribute.status = 1",
        expect![[r#"
        `status` compares with texts, got the number 1 at character 20
        hint: put it in quotes: '1'"#]],
    );
    check(
        "attribute.status = true",
        expect![[r#"
        the text true is not quoted at character 20
        hint: put it in quotes: 'true'"#]],
    );
    check(
        "status = 'FINISHD'",
        expect![[r#"
        no run has the status 'FINISHD' at character 10
        hint: did you mean 'FINISHED'?"#]],
    );
    check(
        "status = 'ACTIVE'",
        expect![[r#"
        no run has the status 'ACTIVE' at character 10
        hint: a status is one of NotStarted, Queued, Preparing, Running, Finalizing, CancelRequested, Completed, Failed, Canceled, SCHEDULED, RUNNING, FINISHED, FAILED, KILLED"#]],
    );
    check(
        "status like 'X%'",
        expect![[r#"
        no status is like 'X%' at character 13
        hint: a status is one of NotStarted, Queued, Preparing, Running, Finalizing, CancelRequested, Completed, Failed, Canceled, SCHEDULED, RUNNING, FINISHED, FAILED, KILLED"#]],
    );
    check(
        "metric.acc !=",
        expect!["a value for `metrics.acc` is missing at the end, at character 14"],
    );
    check("metrics.a > 1e999", expect!["the number `1e999` is too large at character 13"]);
    check(
        "metrics.a > 1x",
        expect![[r#"
        `1x` is not a number at character 13
        hint: a text takes quotes: '1x'; a name that begins with a digit takes backticks"#]],
    );
    check(
        "created > -7d",
        expect![[r#"
        `-7d` is not a number at character 11
        hint: a text takes quotes: '-7d'; a name that begins with a digit takes backticks"#]],
    );
    check(
        "created > '7 days'",
        expect![[r#"
        `created` is a time, and '7 days' is none at character 11
        hint: write milliseconds, '2026-11-25', '2026-11-25T10:00:00Z', 'now' or an age such as '-7d' or '-3h'"#]],
    );
    check(
        "created > 1.5",
        expect![[r#"
        `created` is a time, and 1.5 is none at character 11
        hint: times are whole milliseconds since the Unix epoch"#]],
    );
    check(
        "created = '2026-11-25'",
        expect![[r#"
        `created` is a time, which never equals a whole day at character 11
        hint: ask for the day's beginning and end: created >= '2026-11-25' and created < '2026-11-26'"#]],
    );
    check(
        "created > `a`",
        expect![[r#"
        `created` is a time and cannot be compared with that at character 11
        hint: write a number of milliseconds, or a text in quotes"#]],
    );
    check(
        "duration > 'long'",
        expect![[r#"
        `duration` is a duration, and 'long' is none at character 12
        hint: write milliseconds, or a text such as '90s' or '1h30m'"#]],
    );
    check(
        "status in ('Failed', 'Nope')",
        expect![[r#"
        no run has the status 'Nope' at character 22
        hint: a status is one of NotStarted, Queued, Preparing, Running, Finalizing, CancelRequested, Completed, Failed, Canceled, SCHEDULED, RUNNING, FINISHED, FAILED, KILLED"#]],
    );
}

#[test]
fn lists() {
    check(
        "run_id IN ()",
        expect![[r#"
        an empty list at character 12
        hint: name at least one value"#]],
    );
    check("run_id IN (", expect!["a value for `run_id` is missing at the end, at character 12"]);
    check("run_id IN", expect!["the `(` of a list is missing at the end, at character 10"]);
    check(
        "run_id IN (,)",
        expect![[r#"
        `run_id` compares with texts, and this is none at character 12
        hint: put a text in single or double quotes"#]],
    );
    check(
        "run_id IN ('a',, 'b')",
        expect![[r#"
        `run_id` compares with texts, and this is none at character 16
        hint: put a text in single or double quotes"#]],
    );
    check(
        "run_id IN ('a' 'b')",
        expect!["expected a comma or the `)` of the list, found `'b'` at character 16"],
    );
    check(
        "run_id IN ('a', 5)",
        expect![[r#"
        `run_id` compares with texts, got the number 5 at character 17
        hint: put it in quotes: '5'"#]],
    );
    check("run_id IN 'a'", expect!["expected the `(` of a list, found `'a'` at character 11"]);
    check(
        "metrics.foo IN ('a')",
        expect![[r#"
        `metrics.foo` compares with numbers, got the text 'a' at character 17
        hint: write a number such as 0.9, -3 or 1e-5"#]],
    );
}

#[test]
fn quotes() {
    check(
        "params.acc = 'LR",
        expect![[r#"
            unbalanced quote at character 14
            hint: close it with '; inside, write the quote twice"#]],
    );
    check(
        "params.acc = LR'",
        expect![[r#"
            unbalanced quote at character 16
            hint: close it with '; inside, write the quote twice"#]],
    );
    check(
        r#"params.acc = "LR'"#,
        expect![[r#"
            unbalanced quote at character 14
            hint: close it with "; inside, write the quote twice"#]],
    );
    check(
        "params.'acc = LR",
        expect![[r#"
            unbalanced quote at character 8
            hint: close it with '; inside, write the quote twice"#]],
    );
    check(
        "`metrics.A > 0.1",
        expect![[r#"
            unbalanced quote at character 1
            hint: close it with `; inside, write the quote twice"#]],
    );
    check(
        "param`.A > 0.1",
        expect![[r#"
            unbalanced quote at character 6
            hint: close it with `; inside, write the quote twice"#]],
    );
    check(
        "name = 'ünï",
        expect![[r#"
            unbalanced quote at character 8
            hint: close it with '; inside, write the quote twice"#]],
    );
    check(
        r#"metrics."a > 1"#,
        expect![[r#"
            unbalanced quote at character 9
            hint: close it with "; inside, write the quote twice"#]],
    );
}

#[test]
fn structure() {
    check(
        "metric.acc >= 0.94; metrics.rmse < 1",
        expect![[r#"
        more than one filter: a `;` at character 19
        hint: join conditions with `and` or `or`"#]],
    );
    check(
        "metrics.A > 0.1 NAND params.B = 'LR'",
        expect!["expected `and`, `or` or the end of the filter, found `NAND` at character 17"],
    );
    check("(metrics.a > 1", expect!["`and`, `or` or a `)` is missing at the end, at character 15"]);
    check("metrics.a > 1)", expect!["a `)` that nothing opened at character 14"]);
    check("()", expect!["expected a field, found `)` at character 2"]);
    check("and", expect!["expected a field, found `and` at character 1"]);
    check("metrics.a > 1 and", expect!["a field is missing at the end, at character 18"]);
    check(
        "metrics.a > 1 and or metrics.b > 1",
        expect!["expected a field, found `or` at character 19"],
    );
    check(
        "metrics.a between 1",
        expect!["the `and` of `between` is missing at the end, at character 20"],
    );
    check("not", expect!["a field is missing at the end, at character 4"]);
    check(
        "metrics.a > 1 ünd metrics.b > 1",
        expect!["expected `and`, `or` or the end of the filter, found `ünd` at character 15"],
    );
    check(
        "metrics.a > 1 % 2",
        expect![[r#"
        unexpected `%` at character 15
        hint: put names with such characters between backticks, texts in quotes"#]],
    );
    check("name = 'a\0b'", expect!["a NUL character at character 10"]);
}

#[test]
fn order() {
    check_order(
        Entity::Run,
        &["m.acc"],
        expect![[r#"
        unknown kind of field `m` at character 1
        hint: fields of runs begin with attributes., metrics., params., tags., properties., datasets."#]],
    );
    check_order(
        Entity::Run,
        &["acc"],
        expect![[r#"
        unknown attribute `acc` at character 1
        hint: attributes of runs are status, name, run_id, experiment, user, created, started, ended, duration, compute, kind, parent, artifact_uri; otherwise write metrics.acc or params.acc or tags.acc or properties.acc"#]],
    );
    check_order(
        Entity::Run,
        &["`metrics.A"],
        expect![[r#"
            unbalanced quote at character 1
            hint: close it with `; inside, write the quote twice"#]],
    );
    check_order(
        Entity::Run,
        &["`metrics.A`"],
        expect![[r#"
            unknown attribute `metrics.A` at character 1
            hint: quote the name alone: metrics.`A`"#]],
    );
    check_order(
        Entity::Run,
        &["metrics.A != 1"],
        expect!["expected `asc`, `desc` or a comma, found `!=` at character 11"],
    );
    check_order(
        Entity::Run,
        &["attribute.run_id ACS"],
        expect!["expected `asc`, `desc` or a comma, found `ACS` at character 18"],
    );
    check_order(
        Entity::Run,
        &["name", "attribute.run_id decs"],
        expect!["expected `asc`, `desc` or a comma, found `decs` at character 18 of item 2"],
    );
    check_order(
        Entity::Run,
        &["datasets.name"],
        expect![[r#"
        datasets cannot be ordered by, a run may have several at character 1
        hint: order by an attribute, metric, parameter or tag"#]],
    );
    check_order(
        Entity::Run,
        &["name,,created"],
        expect!["expected a field to order by, found `,` at character 6"],
    );
    check_order(
        Entity::Run,
        &["name desc asc"],
        expect!["expected `asc`, `desc` or a comma, found `asc` at character 11"],
    );
    check_order(
        Entity::Run,
        &["name,"],
        expect!["a field to order by is missing at the end, at character 6"],
    );
    check_order(
        Entity::Run,
        &["5"],
        expect!["expected a field to order by, found `5` at character 1"],
    );
}

#[test]
fn order_of_models() {
    check_order(
        Entity::RegisteredModel,
        &["timestamp somerandomstuff ASC"],
        expect!["expected `asc`, `desc` or a comma, found `somerandomstuff` at character 11"],
    );
    check_order(
        Entity::RegisteredModel,
        &["metrics.a"],
        expect![[r#"
        registered models have no `metrics.` at character 1
        hint: fields of registered models begin with attributes., tags."#]],
    );
}

#[test]
fn what_is_too_much() {
    let error = |filter: &str| parse_filter(Entity::Run, filter, NOW).unwrap_err().to_string();
    expect![[r#"
        the filter has 16393 bytes, at most 16384 are allowed
        hint: search in several steps"#]]
    .assert_eq(&error(&format!("name = '{}'", "x".repeat(MAX_LENGTH))));
    expect!["parentheses and `not` nest deeper than 100 levels at character 101"]
        .assert_eq(&error(&"(".repeat(MAX_LENGTH)));
    expect!["parentheses and `not` nest deeper than 100 levels at character 401"]
        .assert_eq(&error(&"not ".repeat(4_000)));
    expect![[r#"
        more than 500 conditions at character 5501
        hint: many values of one field fit in one `in (…)`"#]]
    .assert_eq(&error(&vec!["id = ''"; MAX_COMPARISONS + 1].join(" or ")));
    let list = vec!["1"; MAX_VALUES + 1].join(",");
    expect!["more than 5000 values in lists at character 10015"]
        .assert_eq(&error(&format!("metrics.a in ({list})")));
    expect![[r#"
        the order has 16388 bytes, at most 16384 are allowed
        hint: search in several steps"#]]
    .assert_eq(&parse_order_by(Entity::Run, &vec!["name"; MAX_LENGTH]).unwrap_err().to_string());
    let many: Vec<String> = (0..=MAX_ORDER).map(|number| format!("metrics.m{number}")).collect();
    expect!["a search orders by at most 50 fields"]
        .assert_eq(&parse_order_by(Entity::Run, &many).unwrap_err().to_string());
}

#[test]
fn the_most_that_is_allowed_is_read() {
    let read = |filter: String| parse_filter(Entity::Run, &filter, NOW).unwrap().unwrap();
    let (open, close) = ("(".repeat(MAX_DEPTH), ")".repeat(MAX_DEPTH));
    read(format!("{open}id = ''{close}"));
    let nested = "not (id='' or ".repeat(MAX_DEPTH / 2) + "id=''" + &")".repeat(MAX_DEPTH / 2);
    let tree = read(nested);
    assert_eq!(read(tree.to_string()), tree);
    let Filter::Or(parts) = read(vec!["id = ''"; MAX_COMPARISONS].join(" or ")) else { panic!() };
    assert_eq!(parts.len(), MAX_COMPARISONS);
    read(format!("metrics.a in ({})", vec!["1"; MAX_VALUES].join(",")));
}

#[test]
fn an_error_says_where_in_characters() {
    let error = parse_filter(Entity::Run, "name = 'ü' and statu = 'x'", NOW).unwrap_err();
    assert_eq!((error.position, error.piece.as_str()), (16, "statu"));
    let answer = crate::ApiError::from(error);
    assert_eq!(answer.kind, crate::ErrorKind::Invalid);
    assert_eq!(answer.hint.as_deref(), Some("did you mean `status`?"));
}

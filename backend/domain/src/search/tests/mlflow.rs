//! MLflow's grammar, as its documentation and its own parser's cases state it.

use super::*;

#[test]
fn metrics() {
    check("metric.acc >= 0.94", expect!["metrics.`acc` >= 0.94"]);
    check("metric.acc>=100", expect!["metrics.`acc` >= 100"]);
    check(r#"metric."legit name" >= 0.243"#, expect!["metrics.`legit name` >= 0.243"]);
    check("metrics.XYZ = 3", expect!["metrics.`XYZ` = 3"]);
    check(r#"metrics."X-Y-Z" = 3"#, expect!["metrics.`X-Y-Z` = 3"]);
    check(r#"metrics."X//Y#$$@&Z" = 3"#, expect!["metrics.`X//Y#$$@&Z` = 3"]);
    check("`metric`.a >= 0.1", expect!["metrics.`a` >= 0.1"]);
    check(r#"metrics."accuracy.2.0" > 5"#, expect!["metrics.`accuracy.2.0` > 5"]);
    check("metrics.`spacey name` > 5", expect!["metrics.`spacey name` > 5"]);
    check("metrics.foo = 1e10", expect!["metrics.`foo` = 10000000000"]);
    check("metrics.foo = -5", expect!["metrics.`foo` = -5"]);
    check("metrics.foo = .5", expect!["metrics.`foo` = 0.5"]);
    check("metrics.foo != 0.0", expect!["metrics.`foo` != 0"]);
    check("metrics.日本 = 3", expect!["metrics.`日本` = 3"]);
    check("metrics.cross.entropy <= 1.5", expect!["metrics.`cross.entropy` <= 1.5"]);
}

#[test]
fn parameters_and_tags() {
    check("params.m!='tf'", expect!["params.`m` != 'tf'"]);
    check(r#"params."m"!="tf""#, expect!["params.`m` != 'tf'"]);
    check(r#"params."cat dog" = "pets""#, expect!["params.`cat dog` = 'pets'"]);
    check("param.model = 'LinearRegression'", expect!["params.`model` = 'LinearRegression'"]);
    check("parameter.model LIKE 'GPT%'", expect!["params.`model` like 'GPT%'"]);
    check(r#"parameters.model ILIKE "gPt%""#, expect!["params.`model` ilike 'gPt%'"]);
    check(r#"params."p.a.r.a.m" != "a""#, expect!["params.`p.a.r.a.m` != 'a'"]);
    check(r#"params.m = "L'Hosp""#, expect!["params.`m` = 'L''Hosp'"]);
    check("params.k = ''", expect!["params.`k` = ''"]);
    check("params.k = 'trailing space '", expect!["params.`k` = 'trailing space '"]);
    check("params.café = 'value'", expect!["params.`café` = 'value'"]);
    check("tags.emoji = '🚀'", expect!["tags.`emoji` = '🚀'"]);
    check("tags.version = 'commit-hash'", expect!["tags.`version` = 'commit-hash'"]);
    check("`tags`.source_name = 'a notebook'", expect!["tags.`source_name` = 'a notebook'"]);
    check("tag.mlflow.parentRunId = 'abc'", expect!["tags.`mlflow.parentRunId` = 'abc'"]);
    check("tags.`mlflow.user` LIKE 'x%'", expect!["tags.`mlflow.user` like 'x%'"]);
    check("tags.version IS NULL", expect!["tags.`version` is null"]);
    check("params.lr is not Null", expect!["params.`lr` is not null"]);
    check(
        "tags.a IS NULL AND params.b = 'val'",
        expect!["tags.`a` is null and params.`b` = 'val'"],
    );
}

#[test]
fn attributes_of_runs() {
    check("attribute.artifact_uri = '1/23/4'", expect!["artifact_uri = '1/23/4'"]);
    check("attribute.start_time >= 1664000000000", expect!["started >= 1664000000000"]);
    check("attributes.end_time < 1664067852747", expect!["ended < 1664067852747"]);
    check("attributes.created > 1664067852747", expect!["started > 1664067852747"]);
    check("Created > 1", expect!["started > 1"]);
    check(
        "run.status = 'RUNNING'",
        expect!["status in ('Running', 'Finalizing', 'CancelRequested')"],
    );
    check(
        "attr.status != 'RUNNING'",
        expect!["status not in ('Running', 'Finalizing', 'CancelRequested')"],
    );
    check(r#"attributes.status = "FINISHED""#, expect!["status = 'Completed'"]);
    check("status = 'KILLED'", expect!["status = 'Canceled'"]);
    check(
        "status IN ('RUNNING')",
        expect!["status in ('Running', 'Finalizing', 'CancelRequested')"],
    );
    check("attributes.user_id LIKE 'user1'", expect!["user like 'user1'"]);
    check("run_name ILIKE '%x'", expect!["name ilike '%x'"]);
    check("attributes.`run name` = 'a'", expect!["name = 'a'"]);
    check(r#""Run Name" = "a""#, expect!["name = 'a'"]);
    check("run_id = 'a1'", expect!["id = 'a1'"]);
    check(
        "attributes.run_id IN ('a1b2c3d4', 'e5f6g7h8')",
        expect!["id in ('a1b2c3d4', 'e5f6g7h8')"],
    );
    check("run_id NOT IN ('a',)", expect!["id not in ('a')"]);
}

#[test]
fn datasets() {
    check("dataset.name = 'my_dataset'", expect!["datasets.name = 'my_dataset'"]);
    check(
        "datasets.digest IN ('s8ds293b', 'jks834s2')",
        expect!["datasets.digest in ('s8ds293b', 'jks834s2')"],
    );
    check(r#"datasets.context = "train""#, expect!["datasets.context = 'train'"]);
    check("datasets.name LIKE 'custom%'", expect!["datasets.name like 'custom%'"]);
}

#[test]
fn conditions_joined_by_and() {
    check("", expect!["everything"]);
    check(
        "  
 ",
        expect!["everything"],
    );
    check(
        "metrics.rmse < 1 and params.model_class = 'LR'",
        expect!["metrics.`rmse` < 1 and params.`model_class` = 'LR'"],
    );
    check(
        "metrics.accuracy > 0.72 AND metrics.batch_size != 0 AND attributes.run_id IN ('a1b2c3d4', 'e5f6g7h8')",
        expect![
            "metrics.`accuracy` > 0.72 and metrics.`batch_size` != 0 and id in ('a1b2c3d4', 'e5f6g7h8')"
        ],
    );
}

#[test]
fn experiments() {
    check_of(Entity::Experiment, "attributes.name = 'x'", expect!["name = 'x'"]);
    check_of(
        Entity::Experiment,
        "name LIKE 'x%' AND tags.group = 'y'",
        expect!["name like 'x%' and tags.`group` = 'y'"],
    );
    check_of(Entity::Experiment, "attribute.creation_time > 1000", expect!["created > 1000"]);
    check_of(Entity::Experiment, "last_update_time <= 5", expect!["updated <= 5"]);
    check_of(Entity::Experiment, "tags.group ILIKE '%x%'", expect!["tags.`group` ilike '%x%'"]);
}

#[test]
fn registered_models() {
    check_of(Entity::RegisteredModel, "name ILIKE '%boston%'", expect!["name ilike '%boston%'"]);
    check_of(
        Entity::RegisteredModel,
        "name = 'a' and tags.`mlflow.prompt.is_prompt` != 'true'",
        expect!["name = 'a' and tags.`mlflow.prompt.is_prompt` != 'true'"],
    );
}

#[test]
fn model_versions() {
    check_of(Entity::ModelVersion, "run_id IN ('a', 'b')", expect!["run_id in ('a', 'b')"]);
    check_of(
        Entity::ModelVersion,
        "name='m' AND version_number > 2",
        expect!["name = 'm' and version > 2"],
    );
    check_of(Entity::ModelVersion, "version_number = '3'", expect!["version = 3"]);
    check_of(Entity::ModelVersion, "source_path = 'A/D'", expect!["source = 'A/D'"]);
    check_of(Entity::ModelVersion, "tags.key = 'x'", expect!["tags.`key` = 'x'"]);
}

#[test]
fn logged_models() {
    check_of(
        Entity::LoggedModel,
        "name LIKE 'm%' AND metrics.accuracy > 0.9",
        expect!["name like 'm%' and metrics.`accuracy` > 0.9"],
    );
    check_of(
        Entity::LoggedModel,
        "creation_time > 5 and last_updated_timestamp <= 6",
        expect!["created > 5 and updated <= 6"],
    );
    check_of(
        Entity::LoggedModel,
        "model_type = 'agent' and source_run_id != 'r'",
        expect!["model_type = 'agent' and run_id != 'r'"],
    );
    check_of(
        Entity::LoggedModel,
        "status IN ('READY', 'PENDING') and params.a = '1'",
        expect!["status in ('READY', 'PENDING') and params.`a` = '1'"],
    );
    check_of(Entity::LoggedModel, "model_id not in ('m-1')", expect!["id not in ('m-1')"]);
}

#[test]
fn order_of_runs() {
    check_order(Entity::Run, &[], expect![[r#""#]]);
    check_order(Entity::Run, &[""], expect![[r#""#]]);
    check_order(Entity::Run, &["tags.noSuchTag"], expect!["tags.`noSuchTag`"]);
    check_order(Entity::Run, &["attributes.start_time"], expect!["started"]);
    check_order(Entity::Run, &["metrics.key1 asc"], expect!["metrics.`key1`"]);
    check_order(Entity::Run, &[r#"metrics."key1"  desc"#], expect!["metrics.`key1` desc"]);
    check_order(
        Entity::Run,
        &["params.my_param aSc", "attributes.status  ASC"],
        expect!["params.`my_param`, status"],
    );
    check_order(
        Entity::Run,
        &["params.`my_param` DESC", "attributes.status DESC"],
        expect!["params.`my_param` desc, status desc"],
    );
    check_order(
        Entity::Run,
        &["metrics.`Mean Square Error` DESC"],
        expect!["metrics.`Mean Square Error` desc"],
    );
    check_order(Entity::Run, &["start_time DESC", "attribute.run_id"], expect!["started desc, id"]);
    check_order(Entity::Run, &["params.my_param "], expect!["params.`my_param`"]);
}

#[test]
fn order_of_models() {
    check_order(Entity::RegisteredModel, &["name"], expect!["name"]);
    check_order(
        Entity::RegisteredModel,
        &["timestamp DESC", "name ASC"],
        expect!["updated desc, name"],
    );
    check_order(
        Entity::RegisteredModel,
        &["last_updated_timestamp", "creation_timestamp desc"],
        expect!["updated, created desc"],
    );
}

#[test]
fn order_of_versions() {
    check_order(
        Entity::ModelVersion,
        &["version_number DESC", "name"],
        expect!["version desc, name"],
    );
}

#[test]
fn order_of_experiments() {
    check_order(
        Entity::Experiment,
        &["experiment_id DESC", "last_update_time", "creation_time asc"],
        expect!["id desc, updated, created"],
    );
}

use lazuli::domain::{MetricKind, MetricValue, Number};
use lazuli::prelude::*;

use crate::alone::{alone, check_error};

fn start() -> Run {
    Workspace::from_config().unwrap().experiment("diabetes").unwrap().start_logging().unwrap()
}

#[test]
fn everything_logged_is_there_in_order() {
    alone("runs::everything_logged_is_there_in_order", || {
        let run = start();
        run.log("accuracy", 0.5).unwrap();
        run.log("accuracy", f64::NAN).unwrap();
        run.log("accuracy", f32::INFINITY).unwrap();
        run.log("epochs", 10_000).unwrap();
        run.log("solver", "liblinear").unwrap();
        run.log_at_step("loss", 0.25, 7).unwrap();
        run.log_list("folds", [0.1, f64::NAN]).unwrap();
        run.log_row("point", [("x", MetricValue::from(1)), ("label", "a".into())]).unwrap();
        run.log_table("table", [("x", vec![1, 2]), ("y", vec![3, 4])]).unwrap();
        let matrix = confusion_matrix(&["a", "b"], &[vec![1, 2], vec![3, 4]]);
        run.log_confusion_matrix("matrix", matrix.clone()).unwrap();
        for (kind, log) in [
            ("accuracy_table", Run::log_accuracy_table as fn(&Run, &str, _) -> _),
            ("predictions", Run::log_predictions),
            ("residuals", Run::log_residuals),
        ] {
            let value = json!({"schema_type": kind, "schema_version": "v1", "data": {"a": [1]}});
            log(&run, kind, value).unwrap();
        }

        let metrics = run.metrics().unwrap();
        let accuracy = metrics.series("accuracy");
        assert_eq!((accuracy[0], accuracy[2], accuracy.len()), (0.5, f64::INFINITY, 3));
        assert!(accuracy[1].is_nan());
        let steps: Vec<i64> =
            metrics.get("accuracy").unwrap().points.iter().map(|point| point.step).collect();
        assert_eq!(steps, [0, 1, 2]);
        assert_eq!(metrics.get("loss").unwrap().points[0].step, 7);
        let only = |name: &str| {
            let metric = metrics.get(name).unwrap();
            assert_eq!(metric.points.len(), 1);
            (metric.kind, metric.points[0].value.clone())
        };
        let whole = MetricValue::Number(Number::Integer(10_000));
        assert_eq!(only("epochs"), (MetricKind::Scalar, whole));
        assert_eq!(only("solver"), (MetricKind::Scalar, MetricValue::Text("liblinear".into())));
        let json_of = |value| MetricValue::Json(value);
        assert_eq!(only("folds"), (MetricKind::List, json_of(json!([0.1, "NaN"]))));
        assert_eq!(only("point"), (MetricKind::Row, json_of(json!({"label": "a", "x": 1}))));
        let table = json!({"x": [1, 2], "y": [3, 4]});
        assert_eq!(only("table"), (MetricKind::Table, json_of(table)));
        assert_eq!(only("matrix"), (MetricKind::ConfusionMatrix, json_of(matrix)));
        let names: Vec<&str> = metrics.names().collect();
        assert_eq!(
            names,
            [
                "accuracy",
                "epochs",
                "solver",
                "loss",
                "folds",
                "point",
                "table",
                "matrix",
                "accuracy_table",
                "predictions",
                "residuals"
            ]
        );
        run.complete().unwrap();
        assert_eq!(run.status().unwrap(), RunStatus::Completed);
        assert_eq!(run.metrics().unwrap().names().count(), 11);
    });
}

#[test]
fn an_ended_run_refuses_metrics_and_takes_tags() {
    alone("runs::an_ended_run_refuses_metrics_and_takes_tags", || {
        let run = start();
        run.complete().unwrap();
        run.complete().unwrap();
        let message =
            format!("run `{}` has ended (Completed); nothing more can be logged", run.id());
        check_error(run.log("accuracy", 0.5), &message);
        assert!(run.metrics().unwrap().is_empty());
        run.tag("quality", "good").unwrap();
        assert_eq!(run.tags().unwrap()["quality"], "good");
        run.fail("too late").unwrap_err();
        assert_eq!(run.status().unwrap(), RunStatus::Completed);
    });
}

#[test]
fn tags_change_and_properties_do_not() {
    alone("runs::tags_change_and_properties_do_not", || {
        let run = start();
        run.tag("quality", "bad").unwrap();
        run.tag("quality", "good").unwrap();
        run.tag("stray", "x").unwrap();
        assert_eq!(run.tags().unwrap().len(), 2);
        run.remove_tag("stray").unwrap();
        assert_eq!(run.tags().unwrap(), [("quality".to_owned(), "good".to_owned())].into());
        run.set_parameter("lr", 0.1).unwrap();
        assert_eq!(run.parameters().unwrap()["lr"], "0.1");
        run.add_property("data", "v1").unwrap();
        run.add_property("data", "v1").unwrap();
        run.add_property("data", "v2").unwrap_err();
        assert_eq!(run.properties().unwrap()["data"], "v1");
        run.rename("the best").unwrap();
        assert_eq!(run.details().unwrap().name, "the best");
        run.cancel().unwrap();
        assert_eq!(run.status().unwrap(), RunStatus::Canceled);
    });
}

#[test]
fn children_belong_to_their_parent() {
    alone("runs::children_belong_to_their_parent", || {
        let run = start();
        let first = run.child_run().unwrap();
        let second = run.child_run_named("second").unwrap();
        second.log("loss", 1).unwrap();
        second.fail("diverged").unwrap();
        first.complete().unwrap();
        let children = run.children().unwrap();
        let mut ids: Vec<&str> = children.iter().map(|child| child.id()).collect();
        ids.sort_unstable();
        let mut expected = [first.id(), second.id()];
        expected.sort_unstable();
        assert_eq!(ids, expected);
        let found = second.details().unwrap();
        assert_eq!(found.parent_run_id.as_deref(), Some(run.id()));
        assert_eq!(found.error.unwrap().message, "diverged");
        assert!(children.to_string().contains("Failed"), "{children}");
        run.complete().unwrap();
    });
}

#[test]
fn bad_input_is_explained_and_changes_nothing() {
    alone("runs::bad_input_is_explained_and_changes_nothing", || {
        let workspace = Workspace::from_config().unwrap();
        let run = start();
        let long = "x".repeat(300);
        let shown = format!("`{}…`", "x".repeat(40));
        let too_long = |what: &str| {
            format!("the {what} name {shown} has 300 characters, at most 250 are allowed")
        };
        check_error(run.log(&long, 1), &too_long("metric"));
        check_error(run.log_list("", [1]), "the metric name `` is empty");
        check_error(run.tag(&long, ""), &too_long("tag"));
        check_error(run.rename(&long), &too_long("run"));
        check_error(workspace.experiment(&long), &too_long("experiment"));
        check_error(Workspace::create(&long), &too_long("workspace"));
        let columns: [(&str, f64); 0] = [];
        check_error(
            run.log_row("point", columns),
            "`log_row` of metric `point` was given no columns",
        );
        check_error(
            run.log_residuals("r", json!({"schema_type": "residuals"})),
            "the value of metric `r` has no `data`",
        );
        assert!(run.metrics().unwrap().is_empty());
        assert_eq!(workspace.experiments().unwrap().len(), 1);

        workspace.run("nosuchrun").unwrap_err();
        Workspace::get("nowhere").unwrap_err();

        run.log("loss", 0.5).unwrap();
        run.flush().unwrap();
        run.log_list("loss", [1, 2]).unwrap();
        let error = run.flush().unwrap_err();
        let start = format!("1 record of run `{}` could not be kept: ", run.id());
        assert!(error.message().starts_with(&start), "{error}");
        assert_eq!(run.metrics().unwrap().series("loss"), [0.5]);
        run.complete().unwrap();
    });
}

#[test]
fn a_run_whose_program_ended_has_failed() {
    alone("runs::a_run_whose_program_ended_has_failed", || {
        if std::env::var_os("STARTS_AND_ENDS").is_some() {
            println!("started {}", start().id());
            return;
        }
        let this = std::env::current_exe().unwrap();
        let output = std::process::Command::new(this)
            .args(["runs::a_run_whose_program_ended_has_failed", "--exact", "--nocapture"])
            .env("STARTS_AND_ENDS", "1")
            .output()
            .unwrap();
        let said = crate::alone::said(&output);
        let id = said.lines().find_map(|line| line.split_once("started ")).unwrap().1;
        let run = Workspace::from_config().unwrap().run(id).unwrap();
        check_error(
            run.wait_for_completion(false),
            &format!(
                "run `{id}` ended as Failed: the process that started the run ended without completing it"
            ),
        );
    });
}

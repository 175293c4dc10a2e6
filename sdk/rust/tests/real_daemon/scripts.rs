use std::fs;

use lazuli::prelude::*;

use crate::alone::{alone, check_error};

#[test]
fn a_script_is_run_and_followed() {
    let said = alone("scripts::a_script_is_run_and_followed", || {
        // Ends the line that the test harness has begun.
        println!();
        fs::create_dir("training").unwrap();
        fs::write(
            "training/train.py",
            "import os, sys\n\
             from azureml.core import Run\n\
             run = Run.get_context()\n\
             for step in range(3):\n    run.log('loss', 1 / (step + 1))\n    print('step', step)\n\
             print('arguments', sys.argv[1:], file=sys.stderr)\n\
             open('outputs/model.txt', 'w').write(os.environ['FLAVOUR'])\n",
        )
        .unwrap();
        let workspace = Workspace::from_config().unwrap();
        let experiment = workspace.experiment("train").unwrap();
        let config = ScriptRunConfig::new("training", "train.py")
            .arguments(["--lr", "0.5"])
            .environment_variable("FLAVOUR", "sweet")
            .name("the first")
            .tag("kind", "demo");
        let run = experiment.submit(&config).unwrap();
        let run = run.wait_for_completion(true).unwrap();
        assert_eq!(run.metrics().unwrap().series("loss"), [1.0, 0.5, 1.0 / 3.0]);
        let found = run.details().unwrap();
        assert_eq!((found.name.as_str(), found.tags["kind"].as_str()), ("the first", "demo"));
        let file = run.download_file("outputs/model.txt", "model.txt").unwrap();
        assert_eq!(fs::read_to_string(file).unwrap(), "sweet");
        let model = run.register_model(("demo", "outputs/model.txt")).unwrap();
        assert_eq!(model.files[0].path, "model.txt");
        let text = RunDetails::new(&run).text().unwrap();
        assert!(text.contains("loss") && text.contains("Completed"), "{text}");
    });
    if let Some(said) = said {
        for line in ["step 0", "step 1", "step 2", "arguments ['--lr', '0.5']"] {
            assert_eq!(said.lines().filter(|found| *found == line).count(), 1, "{line}\n{said}");
        }
    }
}

#[test]
fn a_script_that_fails_says_why() {
    alone("scripts::a_script_that_fails_says_why", || {
        fs::create_dir("training").unwrap();
        fs::write("training/train.py", "raise ValueError('no data')\n").unwrap();
        let experiment = Workspace::from_config().unwrap().experiment("train").unwrap();
        let run = experiment.submit(&Estimator::new("training")).unwrap();
        let id = run.id().to_owned();
        check_error(
            run.wait_for_completion(false),
            &format!("run `{id}` ended as Failed: ValueError: no data"),
        );
    });
}

#[test]
fn a_script_that_is_not_there_starts_nothing() {
    alone("scripts::a_script_that_is_not_there_starts_nothing", || {
        let experiment = Workspace::from_config().unwrap().experiment("train").unwrap();
        check_error(
            experiment.submit(&ScriptRunConfig::new("nowhere", "train.py")),
            "the source folder `nowhere` is not there",
        );
        check_error(
            experiment.submit(&ScriptRunConfig::new(".", "train.py")),
            "the script `train.py` is not in `.`",
        );
        assert!(experiment.runs().unwrap().is_empty());
    });
}

#[test]
fn a_canceled_script_has_ended() {
    alone("scripts::a_canceled_script_has_ended", || {
        fs::create_dir("training").unwrap();
        fs::write(
            "training/train.py",
            "import time\nprint('ready', flush=True)\ntime.sleep(600)\n",
        )
        .unwrap();
        let experiment = Workspace::from_config().unwrap().experiment("train").unwrap();
        let run = experiment.submit(&Estimator::new("training")).unwrap();
        run.cancel().unwrap();
        let message = format!("run `{}` ended as Canceled", run.id());
        let error = run.wait_for_completion(false).unwrap_err();
        assert!(error.message().starts_with(&message), "{error}");
    });
}

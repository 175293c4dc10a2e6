use expect_test::expect;

use crate::fixture::Place;

#[test]
fn each_gets_one_sentence_and_a_next_step() {
    let place = Place::new();
    place.write("train.py", "print('hello')\n");
    place.write("sub/empty/.amlignore", "*\n");
    let long = "x".repeat(300);
    let transcript = place.transcript(&[
        &["rnu", "list"],
        &["run", "lst"],
        &["run", "list", "--limt", "3"],
        &["run", "show", "churn_1764"],
        &["run", "show"],
        &["run", "complete"],
        &["run", "list", "--experiment", "churn"],
        &["log", "accuracy=1"],
        &["log", "accuracy"],
        &["log", "accuracy={1 + 1}", "--run", "x"],
        &["submit", "trian.py"],
        &["submit", "train.py", "--source", "sub"],
        &["submit", "train.py", "--python", "python9"],
        &["submit", "train.py", "--source", "nowhere"],
        &["submit", "train.py", "--lr", "0.1"],
        &["snapshot", "create", "sub/empty"],
        &["experiment", "create", &long],
        &["experiment", "use", "churn"],
        &["workspace", "use", "defualt"],
        &["model", "show", "churn"],
        &["model", "list", "churn"],
        &["register_model", "m", "trian.py"],
        &["register_model", "m", "../../..", "--run", "none"],
        &["upload", "nothing.txt"],
        &["compute", "show", "locl"],
        &["environment", "show", "abc"],
        &["secret", "show", "password"],
        &["secret", "set", "password"],
        &["run", "compare", "a"],
    ]);
    expect![[r#"
        $ lazuli rnu list
        error: there is no command `rnu`
        hint: did you mean `run`?
        [2]
        $ lazuli run lst
        error: `lazuli run` has no command `lst`
        hint: did you mean `list`?
        [2]
        $ lazuli run list --limt 3
        error: `lazuli run list` has no option `--limt`
        hint: did you mean `--limit`?
        [2]
        $ lazuli run show churn_1764
        error: run `churn_1764` not found
        hint: `lazuli run list` shows the runs
        [1]
        $ lazuli run show
        error: workspace `default` has no run
        hint: start one with `lazuli run start` or `lazuli submit SCRIPT`
        [1]
        $ lazuli run complete
        error: no run is active
        hint: name one, `lazuli run list` lists them, or start one with `lazuli run start`
        [1]
        $ lazuli run list --experiment churn
        error: experiment `churn` not found
        hint: `lazuli experiment list` shows what exists
        [1]
        $ lazuli log accuracy=1
        error: a shell has no active run
        hint: say which with `--run RUN`, or set `LAZULI_RUN_ID`; `lazuli run start` starts one
        [1]
        $ lazuli log accuracy
        error: `accuracy` does not say what to log, write `accuracy=value`
        hint: `lazuli log --help` explains it
        [2]
        $ lazuli log accuracy={1 + 1} --run x
        error: the value of `accuracy` is a Rust expression, `{1 + 1}`
        hint: only a cell of the Rust kernel evaluates those; give a number
        [1]
        $ lazuli submit trian.py
        error: `trian.py` does not exist
        hint: did you mean `train.py`?
        [1]
        $ lazuli submit train.py --source sub
        error: the script `train.py` lies outside of the source folder `sub`
        hint: name a script in it
        [1]
        $ lazuli submit train.py --python python9
        error: Python interpreter `python9` not found
        hint: install it, or give `--python` the path of one
        [1]
        $ lazuli submit train.py --source nowhere
        error: `nowhere` does not exist
        hint: relative paths start at the current folder
        [1]
        $ lazuli submit train.py --lr 0.1
        error: `lazuli submit` has no option `--lr`
        hint: write `-- --lr` when it is an argument for the script
        [2]
        $ lazuli snapshot create sub/empty
        error: `sub/empty` holds no file to take along
        hint: look at its `.amlignore` or `.gitignore`
        [1]
        $ lazuli experiment create (300 characters)
        error: the experiment name `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…` has 300 characters, at most 250 are allowed
        hint: choose a name of 1 to 250 printable characters
        [1]
        $ lazuli experiment use churn
        error: a shell keeps no experiment between two commands
        hint: give `--experiment churn` with a command, or set `LAZULI_EXPERIMENT`
        [1]
        $ lazuli workspace use defualt
        error: workspace `defualt` not found
        hint: did you mean `default`?
        [1]
        $ lazuli model show churn
        error: model `churn` not found
        hint: `lazuli model list` shows what is registered
        [1]
        $ lazuli model list churn
        error: model `churn` not found
        hint: `lazuli model list` shows what is registered
        [1]
        $ lazuli register_model m trian.py
        error: `trian.py` does not exist
        hint: did you mean `train.py`?
        [1]
        $ lazuli register_model m ../../.. --run none
        error: run `none` not found
        hint: `lazuli run list` shows the runs
        [1]
        $ lazuli upload nothing.txt
        error: `nothing.txt` does not exist
        hint: relative paths start at the current folder
        [1]
        $ lazuli compute show locl
        error: compute target `locl` not found
        hint: did you mean `local`?
        [1]
        $ lazuli environment show abc
        error: environment `abc` not found
        hint: `lazuli environment list --all` shows what there is
        [1]
        $ lazuli secret show password
        error: secret `password` not found
        hint: `lazuli secret list` shows the names
        [1]
        $ lazuli secret set password
        error: the secret `password` has no value
        hint: type it when asked, or give it after the name
        [1]
        $ lazuli run compare a
        error: a comparison needs two runs or more
        hint: name them, or take the newest of an experiment: `lazuli run compare --experiment NAME`
        [1]
    "#]].assert_eq(&transcript.replace(&long, "(300 characters)"));
    // Nothing of it has changed anything.
    assert_eq!(place.json(&["run", "list"]).as_array().unwrap().len(), 0);
    assert_eq!(place.json(&["experiment", "list"]).as_array().unwrap().len(), 0);
    assert_eq!(place.json(&["model", "list"]).as_array().unwrap().len(), 0);
}

#[test]
fn a_wrong_value_changes_nothing() {
    let place = Place::new();
    let run_id = place.start_run(&["--experiment", "churn"]);
    place.ok(&["log", "loss=1", "--run", &run_id]);
    place.write("model.pkl", "weights");
    let transcript = place.transcript(&[
        &["log_row", "loss", "a=1", "--run", &run_id],
        &["log", "fine=1", &format!("{}=1", "x".repeat(300)), "--run", &run_id],
        &["upload", "model.pkl", "--name", "../model.pkl", "--run", &run_id],
        &["run", "download", "../../etc/passwd"],
        &["run", "logs", "--file", "other.txt"],
        &["run", "metrics", "--name", "los"],
        &["run", "list", "--experiment", "chrun"],
        &["model", "download", "churn", "--version", "2"],
        &["run", "start", "--parent", "unknown"],
    ]);
    expect![[r#"
        $ lazuli log_row loss a=1 --run RUN
        error: the metric `loss` of run `RUN` is of kind scalar, not row
        hint: log it by another name
        [1]
        $ lazuli log fine=1 (300 characters)=1 --run RUN
        error: the metric name `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…` has 300 characters, at most 250 are allowed
        hint: choose a name of 1 to 250 printable characters
        [1]
        $ lazuli upload model.pkl --name ../model.pkl --run RUN
        error: the artifact name `../model.pkl` contains `..`
        hint: use a relative path such as `outputs/model.pkl`
        [1]
        $ lazuli run download ../../etc/passwd
        error: the artifact name `../../etc/passwd` contains `..`
        hint: use a relative path such as `outputs/model.pkl`
        [1]
        $ lazuli run logs --file other.txt
        error: run `RUN` has no log `other.txt`
        hint: it has no log at all
        [1]
        $ lazuli run metrics --name los
        error: metric `los` not found
        hint: did you mean `loss`?
        [1]
        $ lazuli run list --experiment chrun
        error: experiment `chrun` not found
        hint: did you mean `churn`?
        [1]
        $ lazuli model download churn --version 2
        error: model `churn` not found
        hint: `lazuli model list` shows what is registered
        [1]
        $ lazuli run start --parent unknown
        error: run `unknown` not found
        hint: `lazuli run list` shows the runs
        [1]
    "#]].assert_eq(
        &transcript.replace(&run_id, "RUN").replace(&"x".repeat(300), "(300 characters)"),
    );
    let run = place.json(&["run", "show", &run_id]);
    assert_eq!(run["metrics"].as_array().unwrap().len(), 1);
    assert_eq!(run["artifacts"].as_array().unwrap().len(), 0);
    assert_eq!(place.json(&["run", "list"]).as_array().unwrap().len(), 1);
}

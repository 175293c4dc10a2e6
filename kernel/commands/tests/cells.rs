//! What cells mean.

use expect_test::{Expect, expect};
use lazuli_commands::{Cell, LineCommand, Piece, parse_cell};

/// Shows what a cell was understood as, or what is wrong with it and where.
#[track_caller]
fn check(cell: &str, expected: Expect) {
    let mut shown = String::new();
    match parse_cell(cell) {
        Ok(Cell::Pieces(pieces)) => {
            for piece in pieces {
                match piece {
                    Piece::Rust(span) => shown.push_str(&format!("rust {:?}\n", &cell[span])),
                    Piece::Magic(magic) => {
                        shown.push_str(&match &magic.command {
                            LineCommand::Shared(command) => format!("{command:?}\n"),
                            other => format!("{other:?}\n"),
                        });
                        if magic.options != Default::default() {
                            shown.push_str(&format!("{:?}\n", magic.options));
                        }
                        for expression in &magic.expressions {
                            assert_eq!(cell[expression.span.clone()].trim(), expression.code);
                            shown.push_str(&format!("evaluate {:?}\n", expression.code));
                        }
                    }
                }
            }
        }
        Ok(Cell::Body(magic)) => {
            shown = format!("{:?}\nbody {:?}\n", magic.command, &cell[magic.body.clone()]);
        }
        Err(error) => {
            shown = error.render(cell);
            if let Some(suggestion) = &error.suggestion {
                shown.push_str(&format!("\nsuggests: {suggestion}"));
            }
            shown.push('\n');
        }
    }
    expected.assert_eq(&shown);
}

#[test]
fn values_are_logged() {
    check(
        "%log accuracy=0.93 loss=-2",
        expect![[r#"
        Run(Log(Log { values: [Assignment { name: "accuracy", value: Text("0.93") }, Assignment { name: "loss", value: Text("-2") }], step: None, run: None }))
    "#]],
    );
    check(
        "%run log accuracy=0.93 --step 3",
        expect![[r#"
        Run(Log(Log { values: [Assignment { name: "accuracy", value: Text("0.93") }], step: Some(3), run: None }))
    "#]],
    );
    check(
        "%log 'validation accuracy'=1 --run churn_17",
        expect![[r#"
        Run(Log(Log { values: [Assignment { name: "validation accuracy", value: Text("1") }], step: None, run: Some("churn_17") }))
    "#]],
    );
    check(
        "%log_row epochs epoch=1 loss=0.31",
        expect![[r#"
        Run(LogRow(LogRow { name: "epochs", values: [Assignment { name: "epoch", value: Text("1") }, Assignment { name: "loss", value: Text("0.31") }], run: None }))
    "#]],
    );
    check(
        "%log-row epochs epoch=1",
        expect![[r#"
        Run(LogRow(LogRow { name: "epochs", values: [Assignment { name: "epoch", value: Text("1") }], run: None }))
    "#]],
    );
    check(
        "%log_image roc outputs/roc.png",
        expect![[r#"
        Run(LogImage(LogImage { name: "roc", file: "outputs/roc.png", run: None }))
    "#]],
    );
    check(
        "%upload a.txt b --name data",
        expect![[r#"
        Run(Upload(Upload { files: ["a.txt", "b"], name: Some("data"), run: None }))
    "#]],
    );
}

#[test]
fn expressions_are_taken_whole() {
    check(
        "%log accuracy={correct as f64 / total as f64} n={v.len()} plain=1",
        expect![[r#"
        Run(Log(Log { values: [Assignment { name: "accuracy", value: Expression("correct as f64 / total as f64") }, Assignment { name: "n", value: Expression("v.len()") }, Assignment { name: "plain", value: Text("1") }], step: None, run: None }))
        evaluate "correct as f64 / total as f64"
        evaluate "v.len()"
    "#]],
    );
    check(
        "%log x={ format!(\"}}{}\", '}') } --step 2",
        expect![[r#"
        Run(Log(Log { values: [Assignment { name: "x", value: Expression("format!(\"}}{}\", '}')") }], step: Some(2), run: None }))
        evaluate "format!(\"}}{}\", '}')"
    "#]],
    );
    check(
        "%log x={\n  a +\n  b\n}\nlet y = 1;",
        expect![[r#"
        Run(Log(Log { values: [Assignment { name: "x", value: Expression("a +\n  b") }], step: None, run: None }))
        evaluate "a +\n  b"
        rust "\nlet y = 1;"
    "#]],
    );
    check(
        "%log x={}",
        expect![[r#"
        1 | %log x={}
          |      ^^^^ `x` has an empty expression
        hint: `%help log` explains it
    "#]],
    );
    check(
        "%log x={a",
        expect![[r#"
        1 | %log x={a
          |        ^^ the brace { is never closed
        hint: close it with }
    "#]],
    );
}

#[test]
fn scripts_are_submitted() {
    check(
        "%submit train.py --source src --pip scikit-learn==1.7.2 --pip pandas --wait -- --epochs 10 'a b'",
        expect![[r#"
            Run(Submit(Submit { script: "train.py", options: SubmitOptions { source: Some("src"), packages: ["scikit-learn==1.7.2", "pandas"], environment: None, python: None, compute: "local", experiment: None, name: None, tags: [], variables: [], max_seconds: None, wait: true, leading_arguments: [], trailing_arguments: ["--epochs", "10", "a b"] } }))
        "#]],
    );
    check(
        "%run submit train.py \\\n  --experiment churn \\\n  --argument --lr --argument=0.1\nlet a = 1;",
        expect![[r#"
            Run(Submit(Submit { script: "train.py", options: SubmitOptions { source: None, packages: [], environment: None, python: None, compute: "local", experiment: Some("churn"), name: None, tags: [], variables: [], max_seconds: None, wait: false, leading_arguments: ["--lr", "0.1"], trailing_arguments: [] } }))
            rust "\nlet a = 1;"
        "#]],
    );
    check(
        "%submit train.py -- {\"lr\": 0.1}",
        expect![[r#"
            Run(Submit(Submit { script: "train.py", options: SubmitOptions { source: None, packages: [], environment: None, python: None, compute: "local", experiment: None, name: None, tags: [], variables: [], max_seconds: None, wait: false, leading_arguments: [], trailing_arguments: ["{\"lr\": 0.1}"] } }))
        "#]],
    );
    check(
        "%submit train.py --lr 0.1",
        expect![[r#"
        1 | %submit train.py --lr 0.1
          |                  ^^^^ `%submit` has no option `--lr`
        hint: write `-- --lr` when it is an argument for the script
    "#]],
    );
    check(
        "%submit train.py 0.1",
        expect![[r#"
        1 | %submit train.py 0.1
          |                  ^^^ `%submit` takes no further word `0.1`
        hint: write `-- 0.1` when it is an argument for the script
    "#]],
    );
    check(
        "%submit",
        expect![[r#"
            1 | %submit
              |        ^ `%submit` needs SCRIPT
            hint: for example `%submit train.py`
        "#]],
    );
}

#[test]
fn cell_magics_take_the_rest_as_their_body() {
    check(
        "%%submit\nprint('hello')\n",
        expect![[r#"
            Submit(SubmitBody { script: "cell.py", options: SubmitOptions { source: None, packages: [], environment: None, python: None, compute: "local", experiment: None, name: None, tags: [], variables: [], max_seconds: None, wait: false, leading_arguments: [], trailing_arguments: [] } })
            body "print('hello')\n"
        "#]],
    );
    check(
        "%%track --experiment churn\nlet a = 1;\na",
        expect![[r#"
        Track(Track { experiment: Some("churn"), name: None })
        body "let a = 1;\na"
    "#]],
    );
    check(
        "\n%%writefile src/train.py\n%not a magic\n",
        expect![[r#"
        Writefile(Writefile { file: "src/train.py", append: false })
        body "%not a magic\n"
    "#]],
    );
    check(
        "%%writefile -a notes.txt",
        expect![[r#"
        Writefile(Writefile { file: "notes.txt", append: true })
        body ""
    "#]],
    );
    check(
        "%%bash -x first\nls \"$1\"",
        expect![[r#"
        Bash(Bash { arguments: ["-x", "first"] })
        body "ls \"$1\""
    "#]],
    );
    check(
        "let a = 1;\n%%bash\nls",
        expect![[r#"
        2 | %%bash
          | ^^^^^^ a magic with `%%` must stand in the first line of its cell
        hint: put it in a cell of its own
    "#]],
    );
    check(
        "%%writfile a.txt\nx",
        expect![[r#"
        1 | %%writfile a.txt
          | ^^^^^^^^^^ there is no magic `%%writfile`
        hint: did you mean `%%writefile`?
        suggests: %%writefile
    "#]],
    );
    check(
        "%%log a=1",
        expect![[r#"
        1 | %%log a=1
          | ^^^^^ there is no magic `%%log`
        hint: `%log` stands on a line of its own
        suggests: %log
    "#]],
    );
    check(
        "%track",
        expect![[r#"
        1 | %track
          | ^^^^^^ there is no magic `%track`
        hint: `%%track` is a cell magic: write it in the first line of the cell it is for
        suggests: %%track
    "#]],
    );
    check(
        "%%writefile\nx",
        expect![[r#"
            1 | %%writefile
              |            ^ `%%writefile` needs FILE
            hint: for example `%%writefile train.py`
        "#]],
    );
}

#[test]
fn magics_stand_among_rust() {
    check(
        "let a = 1;\n%log a={a}\nlet b = 2;\n\n%run list\n",
        expect![[r#"
            rust "let a = 1;\n"
            Run(Log(Log { values: [Assignment { name: "a", value: Expression("a") }], step: None, run: None }))
            evaluate "a"
            rust "\nlet b = 2;\n\n"
            Run(List { experiment: None, status: None, parent: None, filter: None, order_by: None, count: false, deleted: false, limit: 20 })
        "#]],
    );
    check(
        "let text = \"\n%log x=1\n\"; // %log\n/*\n%log y=2\n*/\n%log z=3",
        expect![[r#"
        rust "let text = \"\n%log x=1\n\"; // %log\n/*\n%log y=2\n*/\n"
        Run(Log(Log { values: [Assignment { name: "z", value: Text("3") }], step: None, run: None }))
    "#]],
    );
    check(
        "let c = a\n    %b;",
        expect![[r#"
        rust "let c = a\n    %b;"
    "#]],
    );
    check(
        "let c = a\n    % log;",
        expect![[r#"
        rust "let c = a\n    % log;"
    "#]],
    );
    check(
        "fn f() {}\n%lsmagic",
        expect![[r#"
        rust "fn f() {}\n"
        Lsmagic
    "#]],
    );
    check(
        "for i in 0..3 {\n    %log i={i}\n}",
        expect![[r#"
        2 |     %log i={i}
          |     ^^^^ the magic `%log` stands inside of brackets
        hint: put it on a line outside of them, or call the method of `run` there
    "#]],
    );
    check(
        "let c = 'a'; let d: &'static str = \"'\";\n%run show",
        expect![[r#"
        rust "let c = 'a'; let d: &'static str = \"'\";\n"
        Run(Show { run: None })
    "#]],
    );
    check(
        "let x = r#\"\n\"%log a=1\n%log b=1\"#;\n%help",
        expect![[r##"
        rust "let x = r#\"\n\"%log a=1\n%log b=1\"#;\n"
        Help { topic: "" }
    "##]],
    );
    check("", expect![[""]]);
}

#[test]
fn runs_are_named() {
    check(
        "%run start --experiment diabetes --tag model=ridge --name 'first try'",
        expect![[r#"
        Run(Start { name: Some("first try"), experiment: Some("diabetes"), parent: None, tags: [KeyValue { key: "model", value: "ridge" }] })
    "#]],
    );
    check(
        "%run list --status failed --limit 5 --json -w other",
        expect![[r#"
            Run(List { experiment: None, status: Some(Failed), parent: None, filter: None, order_by: None, count: false, deleted: false, limit: 5 })
            Options { json: true, workspace: Some("other") }
        "#]],
    );
    check(
        "%run show",
        expect![[r#"
        Run(Show { run: None })
    "#]],
    );
    check(
        "%rundetails churn_1",
        expect![[r#"
        Run(Details(RunDetails { run: Some("churn_1") }))
    "#]],
    );
    check(
        "%run fail -m 'no data'",
        expect![[r#"
        Run(Fail { run: None, message: Some("no data") })
    "#]],
    );
    check(
        "%run logs --follow",
        expect![[r#"
        Run(Logs { run: None, follow: true, file: None, tail: None })
    "#]],
    );
    check(
        "%run compare a b --all",
        expect![[r#"
        Run(Compare { runs: ["a", "b"], experiment: None, limit: 5, all: true })
    "#]],
    );
    check(
        "%run tag quality=good --remove draft",
        expect![[r#"
        Run(Tag { tags: [KeyValue { key: "quality", value: "good" }], remove: ["draft"], run: None })
    "#]],
    );
    check(
        "%run metrics --name loss",
        expect![[r#"
        Run(Metrics { run: None, name: Some("loss") })
    "#]],
    );
    check(
        "%run download outputs/model.pkl --to models",
        expect![[r#"
        Run(Download { path: "outputs/model.pkl", run: None, to: "models", force: false })
    "#]],
    );
    check(
        "%run cancel",
        expect![[r#"
        Run(Cancel { run: None })
    "#]],
    );
    check(
        "%run complete churn_1",
        expect![[r#"
        Run(Complete { run: Some("churn_1") })
    "#]],
    );
}

#[test]
fn the_rest_of_the_table() {
    check(
        "%workspace use churn",
        expect![[r#"
        Workspace(Use { name: "churn" })
    "#]],
    );
    check(
        "%experiment create diabetes --tag a=b=c",
        expect![[r#"
        Experiment(Create { name: "diabetes", tags: [KeyValue { key: "a", value: "b=c" }] })
    "#]],
    );
    check(
        "%register_model churn outputs/model.pkl --run churn_1 --framework ScikitLearn",
        expect![[r#"
        Model(Register(RegisterModel { name: "churn", path: "outputs/model.pkl", run: Some("churn_1"), description: None, tags: [], properties: [], framework: Some("ScikitLearn"), framework_version: None }))
    "#]],
    );
    check(
        "%model download churn --version 2",
        expect![[r#"
        Model(Download { name: "churn", version: Some(2), to: ".", force: false })
    "#]],
    );
    check(
        "%compute list",
        expect![[r#"
        Compute(List)
    "#]],
    );
    check(
        "%environment show 0a1b",
        expect![[r#"
            Environment(Show { name: "0a1b" })
        "#]],
    );
    check(
        "%secret set password",
        expect![[r#"
        Secret(Set { name: "password", value: None })
    "#]],
    );
    check(
        "%help run submit",
        expect![[r#"
        Help { topic: "run submit" }
    "#]],
    );
    check(
        "%run submit --help",
        expect![[r#"
        Help { topic: "run submit" }
    "#]],
    );
    check(
        "%log?",
        expect![[r#"
        Help { topic: "log" }
    "#]],
    );
}

#[test]
fn a_mistyped_name_is_underlined_and_the_right_one_named() {
    check(
        "let a = 1;\n  %lgo a=1",
        expect![[r#"
        2 |   %lgo a=1
          |   ^^^^ there is no magic `%lgo`
        hint: did you mean `%log`?
        suggests: %log
    "#]],
    );
    check(
        "%submti train.py",
        expect![[r#"
        1 | %submti train.py
          | ^^^^^^^ there is no magic `%submti`
        hint: did you mean `%submit`?
        suggests: %submit
    "#]],
    );
    check(
        "%bassh",
        expect![[r#"
        1 | %bassh
          | ^^^^^^ there is no magic `%bassh`
        hint: did you mean `%%bash`?
        suggests: %%bash
    "#]],
    );
    check(
        "%matplotlib inline",
        expect![[r#"
        1 | %matplotlib inline
          | ^^^^^^^^^^^ there is no magic `%matplotlib`
        hint: `%lsmagic` lists the magics
    "#]],
    );
    check(
        "%run strat",
        expect![[r#"
        1 | %run strat
          |      ^^^^^ `%run` has no command `strat`
        hint: did you mean `start`?
        suggests: start
    "#]],
    );
    check(
        "%run train.py",
        expect![[r#"
        1 | %run train.py
          |      ^^^^^^^^ `%run` has no command `train.py`
        hint: `%submit train.py` runs a script
        suggests: submit train.py
    "#]],
    );
    check(
        "%run xyz",
        expect![[r#"
            1 | %run xyz
              |      ^^^ `%run` has no command `xyz`
            hint: it is one of start, list, show, verify, complete, fail, cancel, delete, restore, submit, logs, compare, tag, metrics, download, export, details, log, log_row, log_image, upload
        "#]],
    );
    check(
        "%run",
        expect![[r#"
            1 | %run
              |     ^ `%run` needs a command
            hint: it is one of start, list, show, verify, complete, fail, cancel, delete, restore, submit, logs, compare, tag, metrics, download, export, details, log, log_row, log_image, upload
        "#]],
    );
    check(
        "%run list --exprimnt churn",
        expect![[r#"
        1 | %run list --exprimnt churn
          |           ^^^^^^^^^^ `%run list` has no option `--exprimnt`
        hint: did you mean `--experiment`?
        suggests: --experiment
    "#]],
    );
    check(
        "%run list --nonsense",
        expect![[r#"
        1 | %run list --nonsense
          |           ^^^^^^^^^^ `%run list` has no option `--nonsense`
        hint: `%help run list` explains it
    "#]],
    );
    check(
        "%run list --status runing",
        expect![[r#"
            1 | %run list --status runing
              |                    ^^^^^^ `runing` is no value for `--status`
            hint: did you mean `Running`?
            suggests: Running
        "#]],
    );
    check(
        "%run list --limit many",
        expect![[r#"
            1 | %run list --limit many
              |                   ^^^^ `many` is no whole number, which `--limit` wants
            hint: `%help run list` explains it
        "#]],
    );
    check(
        "%run list --limit 0",
        expect![[r#"
        1 | %run list --limit 0
          |                   ^ `0` is no value for `--limit`: 0 is not in 1..=100000
        hint: `%help run list` explains it
    "#]],
    );
    check(
        "%run list --experiment",
        expect![[r#"
        1 | %run list --experiment
          |           ^^^^^^^^^^^^ `--experiment` needs a value
        hint: `%help run list` explains it
    "#]],
    );
    check(
        "%run show a b",
        expect![[r#"
        1 | %run show a b
          |             ^ `%run show` takes no further word `b`
        hint: `%help run show` explains it
    "#]],
    );
    check(
        "%log",
        expect![[r#"
            1 | %log
              |     ^ `%log` needs NAME=VALUE
            hint: for example `%log accuracy=0.93 loss=0.21`
        "#]],
    );
    check(
        "%log accuracy",
        expect![[r#"
        1 | %log accuracy
          |      ^^^^^^^^ `accuracy` does not say what to log, write `accuracy=value`
        hint: `%help log` explains it
    "#]],
    );
    check(
        "%log =1",
        expect![[r#"
        1 | %log =1
          |      ^^ `=1` has no name before `=`
        hint: `%help log` explains it
    "#]],
    );
    check(
        "%log a=",
        expect![[r#"
        1 | %log a=
          |      ^^ `a` has no value after `=`
        hint: `%help log` explains it
    "#]],
    );
    check(
        "%log a=1 --step x",
        expect![[r#"
            1 | %log a=1 --step x
              |                 ^ `x` is no whole number, which `--step` wants
            hint: `%help log` explains it
        "#]],
    );
    check(
        "%log größe=1 --stpe 3",
        expect![[r#"
        1 | %log größe=1 --stpe 3
          |              ^^^^^^ `%log` has no option `--stpe`
        hint: did you mean `--step`?
        suggests: --step
    "#]],
    );
    check(
        "%log a='1",
        expect![[r#"
        1 | %log a='1
          |        ^^ the quote ' is never closed
        hint: close it with another '
    "#]],
    );
    check(
        "%run logs --follow --tail 3",
        expect![[r#"
        1 | %run logs --follow --tail 3
          |           ^^^^^^^^ `--follow` and `--tail` exclude each other
        hint: `%help run logs` explains it
    "#]],
    );
    check(
        "%run list --limit 3 --limit 4",
        expect![[r#"
        1 | %run list --limit 3 --limit 4
          |           ^^^^^^^ `--limit` is given twice
        hint: `%help run list` explains it
    "#]],
    );
    check(
        "%model show",
        expect![[r#"
            1 | %model show
              |            ^ `%model show` needs MODEL
            hint: `%help model show` explains it
        "#]],
    );
    check(
        "%",
        expect![[r#"
        rust "%"
    "#]],
    );
    check(
        "%serve",
        expect![[r#"
        1 | %serve
          | ^^^^^^ there is no magic `%serve`
        hint: `%lsmagic` lists the magics
    "#]],
    );
}

#[test]
fn a_query_keeps_its_quotes() {
    check(
        "%sql SELECT \"my col\", 'a b' FROM t -o rows --plot bar",
        expect![[r#"
        Sql(Sql { query: ["SELECT \"my col\", 'a b' FROM t"], options: SqlOptions { plot: Some("bar"), x: None, y: [], limit: None, output: Some("rows"), csv: false } })
    "#]],
    );
    check(
        "%sql \"SELECT 1\" --csv",
        expect![[r#"
        Sql(Sql { query: ["SELECT 1"], options: SqlOptions { plot: None, x: None, y: [], limit: None, output: None, csv: true } })
    "#]],
    );
    check(
        "%%sql --x day\nSELECT day\nFROM t@2",
        expect![[r#"
        Sql(SqlBody { options: SqlOptions { plot: None, x: Some("day"), y: [], limit: None, output: None, csv: false } })
        body "SELECT day\nFROM t@2"
    "#]],
    );
    check(
        "%sql",
        expect![[r#"
        1 | %sql
          |     ^ `%sql` needs QUERY
        hint: for example `%sql "SELECT count(*) FROM diabetes"`
    "#]],
    );
}

#[test]
fn datasets_are_registered_as_they_are_said() {
    check(
        "%dataset show diabetes@2",
        expect![[r#"
        Dataset(Show(OneDataset { name: "diabetes@2", version: None }))
    "#]],
    );
    check(
        "%dataset register d 'data/*.csv' --datastore s --new-version",
        expect![[r#"
        Dataset(Register(RegisterDataset { name: "d", paths: ["data/*.csv"], datastore: Some("s"), format: None, separator: None, header: "same", encoding: "utf8", description: None, tags: [], new_version: true }))
    "#]],
    );
    check(
        "%dataset register d a.csv --format cvs",
        expect![[r#"
        1 | %dataset register d a.csv --format cvs
          |                                    ^^^ `cvs` is no value for `--format`
        hint: it is one of delimited, json_lines, parquet, file
    "#]],
    );
}

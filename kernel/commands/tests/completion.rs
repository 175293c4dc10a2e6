//! Completion, hover and help.

use expect_test::{Expect, expect};
use lazuli_commands::{Candidate, Catalog, complete, help, hover, magics, wanted};

fn catalog() -> Catalog {
    Catalog {
        workspaces: vec!["default".into(), "other".into()],
        experiments: vec!["churn".into(), "diabetes training".into()],
        runs: vec![Candidate::new("churn_1764_a1", "Completed"), "diabetes_17_b2".into()],
        metrics: vec!["accuracy".into()],
        models: vec!["churn-model".into()],
        datastores: vec![Candidate::new("workspaceblobstore", "folder")],
        datasets: vec!["diabetes".into(), "diabetes dataset".into()],
        compute: vec!["local".into()],
        environments: vec!["0a1b2c".into()],
        secrets: vec!["password".into()],
        files: vec!["src/".into(), "train.py".into(), "my file.py".into()],
        artifacts: vec!["outputs/model.pkl".into()],
    }
}

/// `$0` is the cursor; shows what is replaced and with what.
#[track_caller]
fn check(cell: &str, expected: Expect) {
    let cursor = cell.find("$0").expect("a cursor");
    let cell = cell.replace("$0", "");
    let shown = match complete(&cell, cursor, &catalog()) {
        None => "not in a magic".to_owned(),
        Some(found) => {
            let items: Vec<String> = found
                .items
                .iter()
                .map(|item| format!("{} ({})", item.text, item.kind.as_str()))
                .collect();
            format!("{:?} -> {}", &cell[found.span.clone()], items.join(", "))
        }
    };
    let wanted = match wanted(&cell, cursor) {
        Some(wanted) => format!("; wants {} {:?}", wanted.kind.as_str(), wanted.prefix),
        None => String::new(),
    };
    expected.assert_eq(&format!("{shown}{wanted}"));
}

#[test]
fn magics_complete() {
    check(
        "%$0",
        expect![[
            r#""%" -> %workspace (magic), %experiment (magic), %run (magic), %model (magic), %datastore (magic), %dataset (magic), %sql (magic), %compute (magic), %environment (magic), %secret (magic), %gc (magic), %backup (magic), %restore (magic), %log (magic), %log_row (magic), %log_image (magic), %upload (magic), %submit (magic), %rundetails (magic), %register_model (magic), %lsmagic (magic), %help (magic)"#
        ]],
    );
    check("%ru$0", expect![[r#""%ru" -> %run (magic), %rundetails (magic)"#]]);
    check("let a = 1;\n%log_$0", expect![[r#""%log_" -> %log_row (magic), %log_image (magic)"#]]);
    check(
        "%%$0",
        expect![[
            r#""%%" -> %%submit (magic), %%sql (magic), %%track (magic), %%writefile (magic), %%bash (magic), %%python (magic)"#
        ]],
    );
    check("%%wri$0te", expect![[r#""%%wri" -> %%writefile (magic)"#]]);
    check("let a = b %$0", expect!["not in a magic"]);
    check("let a = 1;$0\n%log a=1", expect!["not in a magic"]);
}

#[test]
fn commands_and_options_complete() {
    check(
        "%run $0",
        expect![[
            r#""" -> start (command), list (command), show (command), verify (command), complete (command), fail (command), cancel (command), delete (command), restore (command), submit (command), logs (command), compare (command), tag (command), metrics (command), download (command), export (command), details (command), log (command), log_row (command), log_image (command), upload (command)"#
        ]],
    );
    check("%run co$0", expect![[r#""co" -> complete (command), compare (command)"#]]);
    check(
        "%run list --$0",
        expect![[
            r#""--" -> --experiment (option), --status (option), --parent (option), --filter (option), --order-by (option), --count (option), --deleted (option), --limit (option), --json (option), --workspace (option)"#
        ]],
    );
    check("%submit train.py --p$0", expect![[r#""--p" -> --pip (option), --python (option)"#]]);
    check("%submit train.py -- --p$0", expect![[r#""--p" -> "#]]);
    check("%%track --e$0\nlet a = 1;", expect![[r#""--e" -> --experiment (option)"#]]);
    check("%run list --status f$0", expect![[r#""f" -> Finalizing (value), Failed (value)"#]]);
    check(
        "%help r$0",
        expect![[
            r#""r" -> run (command), restore (command), rundetails (command), register_model (command); wants command "r""#
        ]],
    );
}

#[test]
fn names_complete() {
    check(
        "%run show $0",
        expect![[r#""" -> churn_1764_a1 (run), diabetes_17_b2 (run); wants run """#]],
    );
    check(
        "%run show churn_1$0",
        expect![[r#""churn_1" -> churn_1764_a1 (run); wants run "churn_1""#]],
    );
    check("%run show churn_1764_a1 $0", expect![[r#""" -> "#]]);
    check(
        "%run compare churn_1764_a1 $0",
        expect![[r#""" -> churn_1764_a1 (run), diabetes_17_b2 (run); wants run """#]],
    );
    check(
        "%run list --experiment $0",
        expect![[
            r#""" -> churn (experiment), 'diabetes training' (experiment); wants experiment """#
        ]],
    );
    check(
        "%run list --experiment=ch$0",
        expect![[r#""ch" -> churn (experiment); wants experiment "ch""#]],
    );
    check(
        "%run list -e 'diab$0",
        expect![[r#""'diab" -> 'diabetes training' (experiment); wants experiment "diab""#]],
    );
    check(
        "%submit $0",
        expect![[r#""" -> src/ (file), train.py (file), 'my file.py' (file); wants file """#]],
    );
    check("%submit tr$0", expect![[r#""tr" -> train.py (file); wants file "tr""#]]);
    check(
        "%submit train.py --compute $0",
        expect![[r#""" -> local (compute target); wants compute target """#]],
    );
    check(
        "%run list -w $0",
        expect![[r#""" -> default (workspace), other (workspace); wants workspace """#]],
    );
    check("%model show $0", expect![[r#""" -> churn-model (model); wants model """#]]);
    check(
        "%register_model churn-model $0",
        expect![[r#""" -> src/ (file), train.py (file), 'my file.py' (file); wants file """#]],
    );
    check(
        "%run download $0",
        expect![[r#""" -> outputs/model.pkl (artifact); wants artifact """#]],
    );
    check(
        "%log --run $0",
        expect![[r#""" -> churn_1764_a1 (run), diabetes_17_b2 (run); wants run """#]],
    );
    check("%log acc$0", expect![[r#""acc" -> "#]]);
    check("%run metrics --name $0", expect![[r#""" -> accuracy (metric); wants metric """#]]);
    check("%secret show $0", expect![[r#""" -> password (secret); wants secret """#]]);
    check("%environment show $0", expect![[r#""" -> 0a1b2c (environment); wants environment """#]]);
    check(
        "%workspace use $0",
        expect![[r#""" -> default (workspace), other (workspace); wants workspace """#]],
    );
}

#[track_caller]
fn check_hover(cell: &str, expected: Expect) {
    let cursor = cell.find("$0").expect("a cursor");
    let cell = cell.replace("$0", "");
    let shown = match hover(&cell, cursor) {
        None => "nothing".to_owned(),
        Some(hover) => format!("{:?}\n{}", &cell[hover.span.clone()], hover.text),
    };
    expected.assert_eq(&shown);
}

#[test]
fn hover_explains_the_word() {
    check_hover(
        "%ru$0n show",
        expect![[r#"
            "%run"
            ```text
            Runs: start, watch, compare and end them

            Usage: %run [OPTIONS] <COMMAND>

            Commands:
              start      Start a run by hand and make it the active one
              list       List runs, newest first
              show       Show a run: status, times, metrics, files
              verify     Count what was logged to a run, shipped and committed, and say whether it agrees
              complete   Complete the active run
              fail       End the active run as failed
              cancel     Cancel a run; a script's processes are ended
              delete     Hide ended runs, and those below them, until they are restored or `gc` removes them for good
              restore    Bring deleted runs back
              submit     Submit a Python script as a run
              logs       Print a run's log
              compare    Put runs side by side and show what differs
              tag        Set or remove tags of a run
              metrics    Show the metrics of a run
              download   Download a file that a run kept, or a folder of them
              export     Write a run as an HTML file that shows it anywhere, without a daemon
              details    Show a run and follow it until it ends
              log        Log metrics of the active run; without one, a run is started
              log_row    Log one row of a table
              log_image  Log a picture
              upload     Keep files with the active run

            Options:
                  --json                   Answer in JSON
              -w, --workspace <WORKSPACE>  Work in this workspace instead of the current one
            ```"#]],
    );
    check_hover(
        "%run sh$0ow",
        expect![[r#"
        "show"
        ```text
        Show a run: status, times, metrics, files

        Usage: %run show [OPTIONS] [RUN]

        Arguments:
          [RUN]  Its id, or the first characters of it; the active or last run when absent

        Options:
              --json                   Answer in JSON
          -w, --workspace <WORKSPACE>  Work in this workspace instead of the current one

        Examples:
          %run show
          %run show churn_1764 --json
        ```"#]],
    );
    check_hover(
        "%run list --lim$0it 3",
        expect![[r#"
        "--limit"
        `--limit COUNT`

        How many at most"#]],
    );
    check_hover(
        "%%tra$0ck --name x\nlet a = 1;",
        expect![[r#"
            "%%track"
            ```text
            Run the cell as a run: its duration, output and source are kept

            Usage: %%track [OPTIONS]

            Options:
              -e, --experiment <EXPERIMENT>  The experiment it belongs to
                  --name <NAME>              What to call the run
                  --json                     Answer in JSON
              -w, --workspace <WORKSPACE>    Work in this workspace instead of the current one

            Examples:
              %%track --experiment churn --name "feature check"
            ```"#]],
    );
    check_hover("%log x$0=1", expect!["nothing"]);
    check_hover("let ru$0n = 1;", expect!["nothing"]);
}

#[test]
fn help_explains_commands() {
    expect![[r#"
        Submit a Python script as a run

        Usage: %submit [OPTIONS] <SCRIPT> [-- <ARGUMENTS>...]

        Arguments:
          <SCRIPT>        The script, in the source folder
          [ARGUMENTS]...  Arguments for the script, after `--`

        Options:
              --source <FOLDER>            Folder the run gets a copy of; the current folder when absent. `.amlignore` or `.gitignore` say what to leave out
              --pip <PACKAGE>              A pip requirement; with any, the script runs in an environment made of exactly these
              --environment <ENVIRONMENT>  The environment to run in, `NAME` or `NAME:VERSION`
              --python <PROGRAM>           The interpreter to use
              --compute <COMPUTE>          Where to run [default: local]
          -e, --experiment <EXPERIMENT>    The experiment it belongs to
              --name <NAME>                What to call the run
              --tag <KEY=VALUE>            A tag; may be given several times
              --variable <KEY=VALUE>       An environment variable for the script; may be given several times
              --max-seconds <SECONDS>      End the script, and let its run fail, after so many seconds
              --wait                       Show the log until the run has ended; fail when the run fails
              --argument <ARGUMENT>        An argument for the script; may be given several times, before those after `--`
              --json                       Answer in JSON
          -w, --workspace <WORKSPACE>      Work in this workspace instead of the current one

        Examples:
          %submit train.py
          %submit train.py --experiment churn --wait -- --epochs 10
          %submit train.py --source src --pip scikit-learn==1.7.2 --pip pandas
          %submit train.py --environment training --compute cpu-cluster

        Short for `%run submit`.
    "#]].assert_eq(&help("submit").unwrap());
    expect![[r#"
        Write the cell to a file

        Usage: %%writefile [OPTIONS] <FILE>

        Arguments:
          <FILE>  The file; folders on the way are made

        Options:
          -a, --append                 Add to the file instead of replacing it
              --json                   Answer in JSON
          -w, --workspace <WORKSPACE>  Work in this workspace instead of the current one

        Examples:
          %%writefile train.py
          %%writefile --append notes.txt
    "#]]
    .assert_eq(&help("%%writefile").unwrap());
    expect![[r#"
        A line that begins with % is a magic; %% makes the whole cell the magic's body.
        `%help NAME` explains one, `--json` answers in JSON.

        %workspace       Workspaces: what holds experiments, runs and models
        %experiment      Experiments: named series of runs
        %run             Runs: start, watch, compare and end them
        %model           Registered models and their versions
        %datastore       Datastores: places where data lies
        %dataset         Datasets: data by name and version
        %sql             Ask registered datasets in SQL
        %compute         Compute targets: where submitted scripts run
        %environment     Environments: the Python and the packages that scripts run in
        %secret          Secrets of the workspace
        %gc              Remove for good what was deleted long ago, and every file and environment that nothing refers to
        %backup          Keep everything in one file: rows and files, not the tokens and not the key of the secrets
        %restore         Bring back what a backup holds
        %log             Log metrics of the active run; without one, a run is started
        %log_row         Log one row of a table
        %log_image       Log a picture
        %upload          Keep files with the active run
        %submit          Submit a Python script as a run
        %rundetails      Show a run and follow it until it ends
        %register_model  Register a file or folder as the next version of a model
        %lsmagic         List the magics
        %help            Explain a magic, or list them all
        %%submit         Submit the cell as a Python script
        %%sql            Ask registered datasets in SQL: the cell is a SELECT
        %%track          Run the cell as a run: its duration, output and source are kept
        %%writefile      Write the cell to a file
        %%bash           Run the cell in bash
        %%python         Run the cell in Python; its variables stay for the next `%%python`
    "#]]
    .assert_eq(&help("").unwrap());
    let error = help("run sumbit").unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no help for `run sumbit`\nhint: did you mean `%help run submit`?"
    );
}

#[test]
fn every_magic_is_explained() {
    for magic in magics() {
        assert!(!magic.about.is_empty(), "{}", magic.name);
        assert!(help(&magic.name).unwrap().contains(&magic.name), "{}", magic.name);
    }
}

#[test]
fn names_of_datasets_complete() {
    check(
        "%dataset show diab$0",
        expect![[
            r#""diab" -> diabetes (dataset), 'diabetes dataset' (dataset); wants dataset "diab""#
        ]],
    );
    check(
        "%dataset register d a.csv --datastore $0",
        expect![[r#""" -> workspaceblobstore (datastore); wants datastore """#]],
    );
    check(
        "%sql SELECT * FROM di$0",
        expect![[
            r#""di" -> diabetes (dataset), "diabetes dataset" (dataset); wants dataset "di""#
        ]],
    );
}

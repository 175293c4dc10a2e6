//! Names of the workspace inside of code.

use lazuli_tests::Home;
use serde_json::{Value, json};

use crate::editor::Editor;

const TRAIN: &str = "import argparse\nfrom azureml.core import Run\n\
    parser = argparse.ArgumentParser()\nparser.add_argument('--rate', type=float)\n\
    parser.add_argument('--epochs', type=int, required=True)\nargs = parser.parse_args()\n\
    run = Run.get_context()\nrun.log('accuracy', 0.75)\n";

fn home() -> Home {
    let home = Home::new();
    home.write("data/csv table.csv", "name,age\na,1\n");
    home.write("data/numbers.csv", "x,y\n1,2\n");
    home.ok(&[
        "dataset",
        "register",
        "csv_table",
        "data/csv table.csv",
        "--description",
        "<b>bold</b> **x**",
    ]);
    home.ok(&["dataset", "register", "numbers", "data/numbers.csv"]);
    home.write("src/train.py", TRAIN);
    home.write("m.txt", "weights");
    home.ok(&["model", "register", "churn-model", "m.txt"]);
    home
}

#[test]
fn names_of_the_workspace_in_python() {
    let home = home();
    let mut editor = Editor::start(&home);
    let cells = editor.open_notebook(
        "n.ipynb",
        "python",
        &[
            "df = ws.datasets['csv_table'].to_pandas_dataframe()",
            "df['",
            "Dataset.get_by_name(ws, 'csv_tabel')\nModel(ws, 'churn-model')",
            "new.register(workspace=ws, name='mine')",
            "ws.datasets['mine']\nws.datasets['']\nrun = Run.get_context()\nrun.log('accuracy', 1)",
            "%dataset show csv_tble",
        ],
    );
    assert_eq!(editor.complete(&cells[4], 1, 13), ["csv_table", "numbers", "mine"]);
    lazuli_tests::until("the columns", || {
        (editor.complete(&cells[1], 0, 4) == ["name", "age"]).then_some(())
    });
    let hover = editor.hover(&cells[0], 0, 20);
    assert!(hover.starts_with("dataset csv_table version 1\n"), "{hover}");
    assert!(hover.contains("<b>bold</b> **x**") && hover.contains("age: integer"), "{hover}");
    assert!(editor.hover(&cells[2], 1, 12).starts_with("model churn-model version 1"));

    let missing = editor.diagnostics(&cells[2]);
    assert_eq!(missing.len(), 1, "{missing:?}");
    assert_eq!(
        missing[0]["message"],
        "no dataset `csv_tabel` in workspace `default`; did you mean `csv_table`?"
    );
    assert_eq!(missing[0]["severity"], 2);
    let magic = editor.diagnostics(&cells[5]);
    assert_eq!(
        magic[0]["message"],
        "no dataset `csv_tble` in workspace `default`; did you mean `csv_table`?"
    );

    let definition = editor.at("textDocument/definition", &cells[0], 0, 20);
    assert_eq!(definition["uri"], "lazuli:/default/dataset/csv_table");
    let content = editor.request("lazuli/content", json!({ "uri": definition["uri"] }));
    assert!(content["text"].as_str().unwrap().starts_with("dataset csv_table"));

    // What becomes known while the notebook is open is not missing any more.
    home.ok(&["dataset", "register", "csv_tabel", "data/numbers.csv"]);
    assert_eq!(editor.diagnostics(&cells[2]), [] as [Value; 0]);
    editor.notification("lazuli/treeChanged");
    editor.finish();
}

#[test]
fn names_in_rust_and_in_job_files() {
    let home = home();
    let mut editor = Editor::start(&home);
    let rust =
        editor.open("main.rs", "rust", "fn main() { let d = workspace.dataset(\"numbrs\"); }\n");
    let wrong = editor.diagnostics(&rust);
    assert_eq!(
        wrong[0]["message"],
        "no dataset `numbrs` in workspace `default`; did you mean `numbers`?"
    );
    let job = editor.open("job.yml", "yaml", "experiment: churn\ncompute: \n");
    assert_eq!(editor.complete(&job, 1, 9), ["local"]);
    // As JupyterLab sends a notebook.
    let whole = editor.open("n.ipynb", "rust", "let x = 1;\n\n\n%sumbit\n\n\n%%submit --wa");
    let wrong = editor.diagnostics(&whole);
    assert_eq!(wrong[0]["message"], "there is no magic `%sumbit`; did you mean `%submit`?");
    assert_eq!(wrong[0]["range"]["start"], json!({ "line": 3, "character": 0 }));
    editor.notify("textDocument/didClose", json!({ "textDocument": { "uri": rust } }));
    assert_eq!(editor.diagnostics(&rust), [] as [Value; 0]);
    editor.finish();
}

#[test]
fn scripts_are_known_to_what_submits_them() {
    let home = home();
    let mut editor = Editor::start(&home);
    let text = "from azureml.core import ScriptRunConfig\n\
        c = ScriptRunConfig(source_directory='src', script='train.py', arguments=['--rat', 'high', '--epoch', 'x'],\n\
        \x20                   compute_target='local')\n\
        d = ScriptRunConfig('src', 'missing.py')\n\
        e = ScriptRunConfig('src', 'train.py', arguments=['--lr', 1])\n";
    let uri = editor.open("submit.py", "python", text);
    let found: Vec<Value> =
        editor.diagnostics(&uri).iter().map(|wrong| wrong["message"].clone()).collect();
    assert_eq!(
        found,
        [
            "`--rat` takes a number, not `high`",
            "`--epoch` takes a whole number, not `x`",
            "there is no script `missing.py` in `src`",
            "`train.py` requires the argument `--epochs`",
            "`train.py` has no argument `--lr`",
        ]
    );
    let typed = editor.open(
        "typed.py",
        "python",
        "ScriptRunConfig('src', 'train.py', arguments=['--rate', 1, '",
    );
    assert_eq!(editor.complete(&typed, 0, 60), ["--rate", "--epochs"]);
    assert_eq!(editor.hover(&typed, 0, 48), "--rate float");
    editor.diagnostics(&typed);
    let script = editor.at("textDocument/definition", &uri, 1, 60);
    assert_eq!(script["uri"], editor.uri("src/train.py"));
    editor.finish();
}

#[test]
fn a_script_shows_its_last_run() {
    let home = home();
    let mut editor = Editor::start(&home);
    let uri = editor.open("src/train.py", "python", TRAIN);
    let lenses = |editor: &mut Editor| -> Vec<String> {
        let found =
            editor.request("textDocument/codeLens", json!({ "textDocument": { "uri": uri } }));
        found
            .as_array()
            .unwrap()
            .iter()
            .map(|lens| lens["command"]["title"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(lenses(&mut editor), ["Submit to local", "▾"]);
    home.ok(&["submit", "src/train.py", "--wait", "--", "--epochs", "3"]);
    lazuli_tests::until("the last run", || {
        (lenses(&mut editor) == ["Submit to local", "▾", "last run ✓ accuracy 0.75"]).then_some(())
    });
    let range =
        json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 99, "character": 0 } });
    let hints = editor.request(
        "textDocument/inlayHint",
        json!({ "textDocument": { "uri": uri }, "range": range }),
    );
    assert_eq!(hints[0]["label"], "last 0.75");
    assert_eq!(hints[0]["position"], json!({ "line": 7, "character": 25 }));
    let symbols = editor.request("workspace/symbol", json!({ "query": "churn" }));
    assert_eq!(
        (&symbols[0]["name"], &symbols[0]["location"]["uri"]),
        (&json!("churn-model"), &json!("lazuli:/default/model/churn-model"))
    );
    editor.skip("lazuli/treeChanged");
    editor.finish();
}

#[test]
fn a_script_that_keeps_nothing_is_told_so() {
    let home = Home::new();
    let mut editor = Editor::start(&home);
    let uri =
        editor.open("bad.py", "python", "run = Run.get_context()\njoblib.dump(m, 'model.pkl')\n");
    let found = editor.diagnostics(&uri);
    assert!(found[0]["message"].as_str().unwrap().contains("logs nothing"), "{found:?}");
    assert_eq!(
        found[1]["message"],
        "`model.pkl` is not kept with the run; what lies in `outputs/` is"
    );
    let symbols =
        editor.request("textDocument/documentSymbol", json!({ "textDocument": { "uri": uri } }));
    assert_eq!(symbols, json!([]));
    editor.finish();
}

//! Data for scripts and from them.

use lazuli::client::{StoreName, StoredFileQuery};
use lazuli::domain::{
    Credential, DataDirection, DatastorePlace, JobSpec, NewDatastore, Run, RunStatus,
};
use lazuli_tests::stores::ObjectStore;
use serde_json::{Value, json};

use super::{Daemon, failure, present_python};

const BLOBS: StoreName<'static> =
    StoreName { workspace: "default", datastore: "workspaceblobstore" };

/// Prints what it finds below the path that it is given.
const LOOK: &str = r#"
import os, sys
for root in sys.argv[1:]:
    if os.path.isfile(root):
        print("file", os.path.basename(root), repr(open(root).read()))
        continue
    for folder, _, names in sorted(os.walk(root, followlinks=True)):
        for name in sorted(names):
            path = os.path.join(folder, name)
            print(os.path.relpath(path, root), repr(open(path).read()))
"#;

impl Daemon {
    fn put(&self, store: StoreName<'_>, path: &str, content: &str) {
        let file = self.folder.path().join("to-send");
        std::fs::write(&file, content).expect("a file");
        self.client.put_stored_file(store, path, &file, true, None).expect("a stored file");
    }

    fn run_with(&self, script: &str, change: impl FnOnce(&mut JobSpec)) -> Run {
        self.ended(&self.submit_with(script, present_python(), change))
    }

    /// What a script said for itself.
    fn said(&self, run: &Run) -> Vec<String> {
        let log = self.log(&run.run_id);
        assert_eq!(run.status, RunStatus::Completed, "{log}");
        let lines = log.lines().filter(|line| !line.starts_with("[lazuli]"));
        lines.map(str::to_owned).collect()
    }

    fn stored(&self, store: StoreName<'_>) -> Vec<String> {
        let files = self.client.stored_files(store, &StoredFileQuery::default()).expect("a list");
        files.into_iter().map(|file| file.path).collect()
    }

    fn content(&self, store: StoreName<'_>, path: &str) -> String {
        let file = self.folder.path().join("received");
        self.client.download_stored_file(store, path, &file, None).expect("a file");
        std::fs::read_to_string(file).expect("a text")
    }
}

fn input(name: &str, mode: &str, datastore: &str, path: &str) -> Value {
    let paths = json!([{"datastore": datastore, "path": path}]);
    json!({"name": name, "mode": mode, "source": {"definition": {"type": "file", "paths": paths}}})
}

fn of<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("as the API has it")
}

fn reference(name: &str) -> String {
    format!("$AZUREML_DATAREFERENCE_{name}")
}

/// The same from a folder of this machine and from a store elsewhere.
fn inputs(daemon: &Daemon, store: StoreName<'_>) {
    daemon.put(store, "in/a b.csv", "one");
    daemon.put(store, "in/deep/ü#1.csv", "two");
    daemon.put(store, "in/other.txt", "three");
    for mode in ["download", "mount"] {
        let run = daemon.run_with(LOOK, |job| {
            for (name, path) in [("all", "in"), ("some", "in/**/*.csv"), ("one", "in/other.txt")] {
                job.inputs.push(of(input(name, mode, store.datastore, path)));
            }
            let mut named = input("named", mode, store.datastore, "in/deep");
            named["path_on_compute"] = json!("data/here");
            job.inputs.push(of(named));
            job.arguments = ["all", "some", "one"].map(reference).to_vec();
            job.arguments.push("data/here".to_owned());
        });
        let all = ["a b.csv 'one'", "other.txt 'three'", "deep/ü#1.csv 'two'"];
        let some = ["a b.csv 'one'", "deep/ü#1.csv 'two'"];
        let rest = ["file other.txt 'three'", "ü#1.csv 'two'"];
        assert_eq!(daemon.said(&run), [&all[..], &some, &rest].concat(), "{mode}");
    }
    // Where nothing is, the job says so before its script begins.
    let run = daemon.run_with("print('never')", |job| {
        job.inputs.push(of(input("none", "download", store.datastore, "nothing/*.csv")));
    });
    let run_id = run.run_id.clone();
    let error = failure(run);
    assert!(error.message.starts_with("the input `none` cannot be made ready: "), "{error:?}");
    assert!(!daemon.log(&run_id).contains("never"));
}

/// What a script wrote comes back, also when it failed.
fn outputs(daemon: &Daemon, store: StoreName<'_>) {
    let script = r#"
import os, sys
out = sys.argv[1]
assert os.environ["OUT"] == out and os.environ["AZUREML_DATAREFERENCE_out"] == out
os.makedirs(os.path.join(out, "deep"))
open(os.path.join(out, "a b.csv"), "w").write("written")
open(os.path.join(out, "deep/b.csv"), "w").write("")
open(os.path.join(out, "c.tmp"), "w").write("scratch")
sys.exit(sys.argv[2])
"#;
    for mode in ["upload", "mount"] {
        let run = daemon.run_with(script, |job| {
            let path = format!("{mode}/{{run-id}}/{{output-name}}");
            job.outputs.push(of(json!({
                "name": "out", "datastore": store.datastore, "path": path, "mode": mode,
                "source_globs": ["**/*.csv"],
            })));
            job.arguments = vec![reference("out"), "it went wrong".to_owned()];
            job.environment_variables.insert("OUT".to_owned(), reference("out"));
        });
        let path = format!("{mode}/{}/out", run.run_id);
        let log = daemon.log(&run.run_id);
        assert_eq!(
            failure(run).message,
            "the script ended with exit code 1: it went wrong",
            "{log}"
        );
        assert_eq!(daemon.content(store, &format!("{path}/a b.csv")), "written");
        assert_eq!(daemon.content(store, &format!("{path}/deep/b.csv")), "");
    }
    // A file that is there is not replaced unless that was said, and the run tells it.
    daemon.put(store, "fixed/a", "old");
    let write = "open('made', 'w').write('new')";
    let output = |overwrite: bool| {
        json!({
            "name": "out", "datastore": store.datastore, "path": "fixed", "mode": "upload",
            "path_on_compute": "made", "overwrite": overwrite,
        })
    };
    daemon.put(store, "fixed/made", "old");
    let run = daemon.run_with(write, |job| job.outputs.push(of(output(false))));
    let error = failure(run);
    assert!(error.message.contains("`fixed/made` for one"), "{error:?}");
    assert_eq!(daemon.content(store, "fixed/made"), "old");
    let run = daemon.run_with(write, |job| job.outputs.push(of(output(true))));
    assert_eq!(daemon.said(&run), [""; 0]);
    assert_eq!(daemon.content(store, "fixed/made"), "new");
}

#[test]
fn data_of_a_folder() {
    let daemon = Daemon::start(|_| {});
    inputs(&daemon, BLOBS);
    outputs(&daemon, BLOBS);
    // The folder itself is shown, not a copy of it.
    let run = daemon.run_with("import os, sys\nprint(os.path.realpath(sys.argv[1]))", |job| {
        job.inputs.push(of(input("all", "mount", BLOBS.datastore, "in")));
        job.arguments = vec![reference("all")];
    });
    let folder = daemon.home().join("datastores/default/workspaceblobstore/in");
    assert_eq!(daemon.said(&run), [folder.display().to_string()]);
    // When the run is over, what was shown is still there.
    assert!(daemon.stored(BLOBS).contains(&"in/a b.csv".to_owned()));
}

#[test]
fn data_of_a_store_elsewhere() {
    let Some(azure) = ObjectStore::azure() else { return };
    let daemon = Daemon::start(|_| {});
    let place: DatastorePlace = of(azure.datastore_place());
    let credential: Credential = of(azure.credential());
    let new = NewDatastore { credential: Some(credential), ..NewDatastore::new("lake", place) };
    daemon.client.register_datastore("default", &new).expect("a datastore");
    let lake = StoreName { workspace: "default", datastore: "lake" };
    inputs(&daemon, lake);
    outputs(&daemon, lake);
    // What was shown is kept for the next run, and nobody can write into it.
    let copies = || std::fs::read_dir(daemon.home().join("mounts")).expect("copies").count();
    let before = copies();
    let script = "import sys\ntry:\n    open(sys.argv[1], 'a')\n    import os\n    print('root' if os.getuid() == 0 else 'written')\nexcept PermissionError:\n    print('closed')";
    let run = daemon.run_with(script, |job| {
        job.inputs.push(of(input("one", "mount", "lake", "in/other.txt")));
        job.arguments = vec![reference("one")];
    });
    assert!(["closed", "root"].contains(&daemon.said(&run)[0].as_str()));
    assert_eq!(copies(), before);
    // Another content has another copy.
    daemon.put(lake, "in/other.txt", "changed since");
    let run = daemon.run_with(LOOK, |job| {
        job.inputs.push(of(input("one", "mount", "lake", "in/other.txt")));
        job.arguments = vec![reference("one")];
    });
    assert_eq!(daemon.said(&run), ["file other.txt 'changed since'"]);
}

#[test]
fn an_output_is_registered_when_the_run_completes() {
    let daemon = Daemon::start(|_| {});
    let script = "import os, sys\nopen(os.path.join(sys.argv[1], 'a.csv'), 'w').write('x\\n1\\n')";
    let run = daemon.run_with(script, |job| {
        job.outputs.push(of(json!({
            "name": "out", "datastore": BLOBS.datastore, "path": "made/{run-id}", "mode": "upload",
            "register": {"name": "made", "tags": {"by": "a test"}},
        })));
        job.arguments = vec![reference("out")];
    });
    daemon.said(&run);
    let made = daemon.client.dataset("default", "made", None).expect("a dataset");
    assert_eq!((made.version, made.file_count, made.run_id.as_ref()), (1, 1, Some(&run.run_id)));
    let uses = daemon.client.run_datasets(&run.run_id).expect("a list");
    assert_eq!((uses.len(), uses[0].direction), (1, DataDirection::Output));
    // Another run reads that version by its id.
    let reading = daemon.run_with(LOOK, |job| {
        let source = json!({"dataset_id": made.id});
        job.inputs.push(of(json!({"name": "data", "mode": "download", "source": source})));
        job.inputs.push(of(json!({"name": "direct", "mode": "direct", "source": source})));
        job.arguments = vec![reference("data")];
    });
    assert_eq!(daemon.said(&reading), ["a.csv 'x\\n1\\n'"]);
    let uses = daemon.client.run_datasets(&reading.run_id).expect("a list");
    let uses: Vec<_> = uses.iter().map(|it| (it.input_name.as_str(), it.direction)).collect();
    assert_eq!(uses, [("data", DataDirection::Input), ("direct", DataDirection::Input)]);
}

use std::path::Path;

use axum::http::{Method, StatusCode};
use lazuli_domain::{
    Dataset, DatasetFile, DatasetKind, DatasetUse, ErrorKind, Event, GcReport, Page, Run,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::Daemon;

const DATASETS: &str = "/api/workspaces/default/datasets";

impl Daemon {
    async fn register_dataset(&self, name: &str, definition: Value) -> Dataset {
        self.post(DATASETS, new(name, definition)).await
    }

    async fn files_of(&self, dataset: &Dataset) -> Vec<DatasetFile> {
        let path = format!("{DATASETS}/{}/{}/files", dataset.name, dataset.version);
        self.get::<Page<DatasetFile>>(&path).await.items
    }

    async fn dataset_names(&self, query: &str) -> Vec<String> {
        let page: Page<Dataset> = self.get(&format!("{DATASETS}{query}")).await;
        page.items.into_iter().map(|dataset| dataset.name).collect()
    }

    async fn put_file(&self, path: &str, content: &str) {
        let path = format!("/api/workspaces/default/datastores/workspaceblobstore/files/{path}");
        let answer = self.put_bytes(&path, content.to_owned()).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {:?}", answer.body);
    }
}

fn new(name: &str, definition: Value) -> Value {
    json!({"name": name, "definition": definition, "create_new_version": true})
}

fn csv(paths: Value) -> Value {
    json!({"type": "tabular", "source": {"format": "delimited", "paths": paths}})
}

fn files(paths: Value) -> Value {
    json!({"type": "file", "paths": paths})
}

fn stored(path: &str) -> Value {
    json!([{"datastore": "workspaceblobstore", "path": path}])
}

fn local(folder: &Path, path: &str) -> Value {
    json!([{"local": folder.join(path)}])
}

fn relative(files: &[DatasetFile]) -> Vec<&str> {
    files.iter().map(|file| file.relative_path.as_str()).collect()
}

/// A folder with these files, each holding its own name.
fn folder(names: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in names {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, name).unwrap();
    }
    folder
}

#[tokio::test]
async fn a_version_keeps_the_files_that_it_found() {
    let daemon = Daemon::start().await;
    for name in ["b.csv", "a.csv", "a b.csv", "other.txt", "sub/c.csv"] {
        daemon.put_file(&format!("data/{}", name.replace(' ', "%20")), name).await;
    }
    let first = daemon.register_dataset("diabetes", csv(stored("data/*.csv"))).await;
    assert_eq!((first.version, first.kind), (1, DatasetKind::Tabular));
    assert_eq!((first.file_count, first.size), (3, 17));
    assert_eq!(relative(&daemon.files_of(&first).await), ["a b.csv", "a.csv", "b.csv"]);

    // The same again is the same version, whatever is said of it, unless another one is asked for.
    let mut again = new("diabetes", csv(stored("data/*.csv")));
    again["create_new_version"] = json!(false);
    again["tags"] = json!({"year": "2026"});
    again["description"] = json!("of patients");
    let same: Dataset = daemon.post(DATASETS, again).await;
    assert_eq!((same.version, same.id.as_str()), (1, first.id.as_str()));
    assert_eq!((same.description.as_str(), same.tags["year"].as_str()), ("of patients", "2026"));
    let asked = daemon.register_dataset("diabetes", csv(stored("data/*.csv"))).await;
    assert_eq!((asked.version, asked.file_count), (2, 3));

    // Another file makes the next one, and the first one stays what it was.
    daemon.put_file("data/c.csv", "c.csv").await;
    let second = daemon.register_dataset("diabetes", csv(stored("data/*.csv"))).await;
    assert_eq!((second.version, second.file_count), (3, 4));
    assert_eq!(daemon.files_of(&first).await.len(), 3);
    let third = daemon.register_dataset("diabetes", csv(stored("data/**/*.csv"))).await;
    assert_eq!(
        relative(&daemon.files_of(&third).await),
        ["a b.csv", "a.csv", "b.csv", "c.csv", "sub/c.csv"]
    );

    let newest: Dataset = daemon.get(&format!("{DATASETS}/diabetes")).await;
    assert_eq!(newest, third);
    let versions: Page<Dataset> = daemon.get(&format!("{DATASETS}/diabetes/versions")).await;
    assert_eq!(versions.items, [third, second, asked, same]);
    let by_id = format!("/api/workspaces/default/dataset-ids/{}", first.id);
    assert_eq!(daemon.get::<Dataset>(&by_id).await.version, 1);
    let error = daemon.get_refused(&format!("{DATASETS}/diabetes/9"), 404).await;
    assert_eq!(error.to_string(), "dataset `diabetes@9` not found\nhint: its newest version is 4");
    let error = daemon.get_refused(&format!("{DATASETS}/diabets"), 404).await;
    assert_eq!(error.hint.as_deref(), Some("did you mean `diabetes`?"));
}

#[tokio::test]
async fn a_name_that_is_taken_is_not_defined_anew_by_accident() {
    let daemon = Daemon::start().await;
    let folder = folder(&["a.csv", "b.csv"]);
    let register = |definition: Value| json!({"name": "d", "definition": definition});
    let first: Dataset = daemon.post(DATASETS, register(csv(local(folder.path(), "a.csv")))).await;
    let same: Dataset = daemon.post(DATASETS, register(csv(local(folder.path(), "a.csv")))).await;
    assert_eq!(same, first);
    let other = register(csv(local(folder.path(), "b.csv")));
    let error = daemon.post_refused(DATASETS, other, 409).await;
    assert_eq!(error.message, "the dataset `d` exists already and is defined otherwise");
    assert!(error.hint.unwrap().contains("create_new_version"));
    assert_eq!(daemon.get::<Dataset>(&format!("{DATASETS}/d")).await, first);
}

#[tokio::test]
async fn what_cannot_be_found_is_not_half_registered() {
    let daemon = Daemon::start().await;
    let folder = folder(&["a.csv"]);
    let here = |path: &str| local(folder.path(), path);
    let missing = folder.path().join("b.csv").display().to_string();
    let wild = folder.path().join("*.tsv").display().to_string();
    for (name, definition, status, message) in [
        ("d", csv(here("b.csv")), 404, format!("file `{missing}` not found")),
        ("d", csv(here("*.tsv")), 404, format!("file `{wild}` not found")),
        ("d", csv(json!([{"local": "a.csv"}])), 400, "the path `a.csv` is not absolute".into()),
        ("d", csv(json!([])), 400, "the dataset names no files".into()),
        ("d", csv(stored("nothing/*.csv")), 404, "file `nothing/*.csv` not found".into()),
        ("d", csv(stored("../x")), 400, "the path `../x` contains `..`".into()),
        (
            "d",
            csv(json!([{"datastore": "workspaceblobstor", "path": "x"}])),
            404,
            "datastore `workspaceblobstor` not found".into(),
        ),
        (
            "d",
            csv(json!([{"url": "ftp://host/x"}])),
            400,
            "`ftp://host/x` is no web address".into(),
        ),
        ("a@2", csv(here("a.csv")), 400, "the dataset name `a@2` contains `@`".into()),
        (
            "d",
            json!({"type": "file", "paths": here("a.csv"),
                "steps": [{"step": "sample", "probability": 2.0, "seed": 1}]}),
            400,
            "the probability 2 is not between 0 and 1".into(),
        ),
        (
            "d",
            json!({"type": "tabular", "source": {"format": "delimited", "paths": here("a.csv"),
                "separator": "::"}}),
            400,
            "the separator `::` is not one character".into(),
        ),
    ] {
        let error = daemon.post_refused(DATASETS, new(name, definition.clone()), status).await;
        assert_eq!(error.message, message);
        assert!(error.hint.is_some(), "{message}");
        if name == "d" {
            let asked = json!({"definition": definition});
            let path = "/api/workspaces/default/dataset-files";
            assert_eq!(daemon.post_refused(path, asked, status).await.message, message);
        }
    }
    let mut of_run = new("d", csv(here("a.csv")));
    of_run["run_id"] = json!("nothing_1");
    daemon.post_refused(DATASETS, of_run, 404).await;
    assert_eq!(daemon.dataset_names("").await, [""; 0]);
}

#[tokio::test]
async fn paths_are_read_in_the_order_in_which_they_are_given() {
    let daemon = Daemon::start().await;
    let folder = folder(&["z/1.txt", "z/2.txt", "a/1.txt", "a/deep/3.txt", "top.txt"]);
    let at = |path: &str| json!({"local": folder.path().join(path)});
    let resolve = async |definition: Value| -> Vec<DatasetFile> {
        let path = "/api/workspaces/default/dataset-files";
        daemon.post(path, json!({"definition": definition})).await
    };
    let found = resolve(csv(json!([at("z/*.txt"), at("top.txt")]))).await;
    assert_eq!(relative(&found), ["1.txt", "2.txt", "top.txt"]);
    let found = resolve(files(json!([at("a")]))).await;
    assert_eq!(relative(&found), ["1.txt", "deep/3.txt"]);
    // Two files of one name are put where their whole paths say.
    let found = resolve(files(json!([at("z/1.txt"), at("a/1.txt")]))).await;
    let whole = folder.path().display().to_string();
    let whole = whole.trim_start_matches('/');
    assert_eq!(relative(&found), [format!("{whole}/z/1.txt"), format!("{whole}/a/1.txt")]);
    // A file that is named twice is one file, but twice as many rows.
    let twice = json!([at("top.txt"), at("top.txt")]);
    assert_eq!(resolve(files(twice.clone())).await.len(), 1);
    assert_eq!(resolve(csv(twice)).await.len(), 2);
    let steps = json!([{"step": "skip", "count": 1}, {"step": "take", "count": 1}]);
    let found = resolve(json!({"type": "file", "paths": [at("z")], "steps": steps})).await;
    assert_eq!(relative(&found), ["2.txt"]);
}

/// Answers every request with the same; what was asked for is the method.
async fn web_server(answer: impl Fn(&str) -> String + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                let mut buffer = [0; 1024];
                let count = stream.read(&mut buffer).await.unwrap();
                request.extend_from_slice(&buffer[..count]);
            }
            let text = answer(&String::from_utf8(request).unwrap());
            stream.write_all(text.as_bytes()).await.unwrap();
        }
    });
    url
}

#[tokio::test]
async fn a_web_address_is_one_file() {
    let daemon = Daemon::start().await;
    let polite = web_server(|_| {
        "HTTP/1.1 200 OK\r\ncontent-length: 123\r\nconnection: close\r\n\r\n".to_owned()
    })
    .await;
    let url = format!("{polite}/data/my%20file.csv?sig=secret");
    let dataset = daemon.register_dataset("web", csv(json!([{"url": url}]))).await;
    assert_eq!((dataset.file_count, dataset.size), (1, 123));
    let found = daemon.files_of(&dataset).await;
    assert_eq!(relative(&found), ["my file.csv"]);
    assert_eq!(serde_json::to_value(&found[0].at).unwrap(), json!({"url": url}));

    // One that answers no HEAD is asked for its first byte.
    let grudging = web_server(|request| match request.starts_with("HEAD") {
        true => "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".into(),
        false => "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes 0-0/4567\r\n\
                  content-length: 1\r\nconnection: close\r\n\r\nx"
            .into(),
    })
    .await;
    let dataset =
        daemon.register_dataset("web", csv(json!([{"url": format!("{grudging}/x")}]))).await;
    assert_eq!((dataset.version, dataset.size), (2, 4567));

    let lost = web_server(|_| {
        "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned()
    })
    .await;
    let definition = csv(json!([{"url": format!("{lost}/x.csv?sig=secret")}]));
    let error = daemon.post_refused(DATASETS, new("web", definition), 404).await;
    assert_eq!(error.message, format!("web address `{lost}/x.csv` not found"));
    let definition = csv(json!([{"url": "http://127.0.0.1:1/x.csv?sig=secret"}]));
    let error = daemon.post_refused(DATASETS, new("web", definition), 503).await;
    assert!(error.message.starts_with("`http://127.0.0.1:1/x.csv` cannot be read"), "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[tokio::test]
async fn datasets_are_listed_page_by_page() {
    let daemon = Daemon::start().await;
    let folder = folder(&["a.csv"]);
    for name in ["b", "a", "ab", "ä"] {
        daemon.register_dataset(name, csv(local(folder.path(), "a.csv"))).await;
    }
    daemon.register_dataset("a", files(local(folder.path(), "a.csv"))).await;
    assert_eq!(daemon.dataset_names("").await, ["a", "ab", "b", "ä"]);
    assert_eq!(daemon.dataset_names("?name=a").await, ["a", "ab"]);
    let first: Page<Dataset> = daemon.get(&format!("{DATASETS}?limit=3")).await;
    assert_eq!(first.items[0], daemon.get::<Dataset>(&format!("{DATASETS}/a")).await);
    assert_eq!(first.items[0].version, 2);
    let cursor = first.next_cursor.unwrap();
    let next = format!("{DATASETS}?limit=3&cursor={cursor}");
    let second: Page<Dataset> = daemon.get(&next).await;
    assert_eq!((second.items[0].name.as_str(), second.next_cursor), ("ä", None));
    let versions: Page<Dataset> = daemon.get(&format!("{DATASETS}/a/versions?limit=1")).await;
    assert_eq!((versions.items[0].version, versions.next_cursor.as_deref()), (2, Some("2")));
    let rest: Page<Dataset> = daemon.get(&format!("{DATASETS}/a/versions?cursor=2")).await;
    assert_eq!((rest.items[0].version, rest.next_cursor), (1, None));
    daemon.get_refused(&format!("{DATASETS}/a/versions?cursor=x"), 400).await;
    daemon.get_refused("/api/workspaces/other/datasets", 404).await;
}

#[tokio::test]
async fn what_is_known_of_a_version_can_be_changed() {
    let daemon = Daemon::start().await;
    let folder = folder(&["a.csv"]);
    daemon.register_dataset("d", csv(local(folder.path(), "a.csv"))).await;
    let path = format!("{DATASETS}/d/1");
    let patch = json!({"description": "new", "set_tags": {"a": "1", "b": "2"}});
    let patched: Dataset = daemon.call(Method::PATCH, &path, Some(patch)).await.ok("patch");
    assert_eq!((patched.description.as_str(), patched.tags.len()), ("new", 2));
    let patch = json!({"remove_tags": ["a"]});
    let patched: Dataset = daemon.call(Method::PATCH, &path, Some(patch)).await.ok("patch");
    assert_eq!((patched.description.as_str(), patched.tags["b"].as_str()), ("new", "2"));
    assert!(patched.updated_at_ms >= patched.created_at_ms);
    let bad = json!({"set_tags": {"": "1"}});
    daemon.call(Method::PATCH, &path, Some(bad)).await.refused(400);
    let bad = json!({"version": 7});
    daemon.call(Method::PATCH, &path, Some(bad)).await.refused(400);
}

#[tokio::test]
async fn what_is_unregistered_comes_back_and_no_number_is_given_twice() {
    let daemon = Daemon::start().await;
    let folder = folder(&["a.csv", "b.csv", "c.csv"]);
    let path = format!("{DATASETS}/d");
    let first = daemon.register_dataset("d", csv(local(folder.path(), "a.csv"))).await;
    daemon.register_dataset("d", csv(local(folder.path(), "b.csv"))).await;
    let restore = format!("{path}/restore");
    let error = daemon.post_refused(&restore, Value::Null, 409).await;
    assert_eq!(error.message, "the dataset `d` is not deleted");
    let deleted = daemon.call(Method::DELETE, &path, None).await;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT);
    assert!(folder.path().join("a.csv").exists());
    daemon.get_refused(&path, 404).await;
    daemon.get_refused(&format!("{path}/1"), 404).await;
    daemon.get_refused(&format!("/api/workspaces/default/dataset-ids/{}", first.id), 404).await;
    daemon.call(Method::DELETE, &path, None).await.refused(404);
    assert_eq!(daemon.dataset_names("").await, [""; 0]);

    let restored: Dataset = daemon.post(&restore, Value::Null).await;
    assert_eq!(restored.version, 2);
    assert_eq!(daemon.get::<Dataset>(&format!("{path}/1")).await, first);
    daemon.call(Method::DELETE, &path, None).await;
    let anew = daemon.register_dataset("d", csv(local(folder.path(), "a.csv"))).await;
    assert_eq!(anew.version, 3);
    daemon.get_refused(&format!("{path}/1"), 404).await;
    daemon.post_refused(&restore, Value::Null, 409).await;
    daemon.post_refused(&format!("{DATASETS}/never/restore"), Value::Null, 404).await;

    // What was unregistered goes for good; the list that a version still has stays.
    let report: GcReport =
        daemon.post_lines("/api/gc", json!({"older_than_seconds": 0}).to_string()).await.unwrap();
    assert_eq!(report.datasets, 2);
    assert_eq!(daemon.files_of(&anew).await.len(), 1);
    let next = daemon.register_dataset("d", csv(local(folder.path(), "c.csv"))).await;
    assert_eq!(next.version, 4);
}

#[tokio::test]
async fn it_is_known_who_read_what_and_who_made_it() {
    let daemon = Daemon::start().await;
    let folder = folder(&["a.csv"]);
    let maker = daemon.new_run().await.run_id;
    let mut made = new("d", csv(local(folder.path(), "a.csv")));
    made["run_id"] = json!(maker);
    let dataset: Dataset = daemon.post(DATASETS, made).await;
    assert_eq!(dataset.run_id.as_ref(), Some(&maker));

    let snapshot_id = daemon.snapshot(&[("train.py", "print('hi')")]).await;
    let job = |id: &str| {
        let input = json!({"name": "training", "source": {"dataset_id": id}, "mode": "direct"});
        let job = json!({"snapshot_id": snapshot_id, "script": "train.py", "inputs": [input]});
        json!({"experiment": "diabetes", "job": job})
    };
    let script: Run = daemon.post("/api/workspaces/default/jobs", job(&dataset.id)).await;
    let error = daemon.post_refused("/api/workspaces/default/jobs", job("nothing"), 404).await;
    assert_eq!(error.message, "the input `training` cannot be read: dataset `nothing` not found");

    let reader = daemon.new_run().await.run_id;
    let used = json!({"dataset_id": dataset.id, "input_name": "test", "direction": "input"});
    let path = format!("/api/runs/{reader}/datasets");
    for _ in 0..2 {
        let uses: Vec<DatasetUse> = daemon.post(&path, used.clone()).await;
        assert_eq!(uses.len(), 1);
    }
    daemon.post_refused(&path, json!({"dataset_id": "x", "direction": "input"}), 404).await;
    daemon.post_refused(&path, json!({"dataset_id": dataset.id, "direction": "up"}), 400).await;

    let told = |uses: Vec<DatasetUse>| -> Vec<Value> {
        uses.into_iter()
            .map(|used| json!([used.run_id, used.input_name, used.direction, used.version]))
            .collect()
    };
    let of_dataset = format!("{DATASETS}/d/1/uses");
    assert_eq!(
        told(daemon.get(&of_dataset).await),
        [
            json!([reader, "test", "input", 1]),
            json!([script.run_id, "training", "input", 1]),
            json!([maker, "", "output", 1]),
        ]
    );
    let of_run: Vec<DatasetUse> =
        daemon.get(&format!("/api/runs/{}/datasets", script.run_id)).await;
    assert_eq!(of_run[0].dataset, "d");
    assert_eq!(told(of_run), [json!([script.run_id, "training", "input", 1])]);

    // A run that is deleted is not told of; what a run has read is, whatever became of it.
    daemon.complete(&reader).await;
    daemon.call(Method::DELETE, &format!("/api/runs/{reader}"), None).await.ok::<Run>("delete");
    assert_eq!(daemon.get::<Vec<DatasetUse>>(&of_dataset).await.len(), 2);
    daemon.call(Method::DELETE, &format!("{DATASETS}/d"), None).await;
    let of_run = format!("/api/runs/{}/datasets", script.run_id);
    assert_eq!(daemon.get::<Vec<DatasetUse>>(&of_run).await.len(), 1);
}

#[tokio::test]
async fn registering_and_unregistering_are_events() {
    let daemon = Daemon::start().await;
    let folder = folder(&["a.csv"]);
    let before = *daemon.app.store.recent().last().borrow();
    daemon.register_dataset("d", csv(local(folder.path(), "a.csv"))).await;
    // What is there already is no news.
    let mut again = new("d", csv(local(folder.path(), "a.csv")));
    again["create_new_version"] = json!(false);
    daemon.post::<Dataset>(DATASETS, again).await;
    daemon.call(Method::DELETE, &format!("{DATASETS}/d"), None).await;
    daemon.post::<Dataset>(&format!("{DATASETS}/d/restore"), Value::Null).await;
    let everything = Default::default();
    let events: Vec<Event> = daemon
        .app
        .store
        .read(move |database| {
            lazuli_backend::store::events::after(database, before, &everything, 10)
        })
        .await
        .unwrap();
    let told: Vec<Value> =
        events.into_iter().map(|event| serde_json::to_value(event.kind).unwrap()).collect();
    let registered = json!({"type": "dataset_registered", "name": "d", "version": 1});
    let deleted = json!({"type": "dataset_deleted", "name": "d"});
    assert_eq!(told, [registered.clone(), deleted, registered]);
}

#[tokio::test]
async fn datasets_travel_with_backups_and_experiments() {
    let here = Daemon::start().await;
    let folder = folder(&["a.csv", "b.csv"]);
    let first = here.register_dataset("d", csv(local(folder.path(), "a.csv"))).await;
    let second = here.register_dataset("d", csv(local(folder.path(), "b.csv"))).await;
    here.register_dataset("unused", csv(local(folder.path(), "b.csv"))).await;
    let run = here.new_run_with(json!({"experiment": "churn"})).await.run_id;
    let used = json!({"dataset_id": second.id, "input_name": "x", "direction": "input"});
    here.post::<Value>(&format!("/api/runs/{run}/datasets"), used).await;
    here.complete(&run).await;

    let archive = here.backup().await;
    let other = Daemon::start().await;
    let report: lazuli_domain::RestoreReport =
        other.post_lines("/api/restore", archive).await.unwrap();
    assert_eq!(report.datasets, 3);
    assert_eq!(other.get::<Dataset>(&format!("{DATASETS}/d/1")).await, first);
    assert_eq!(relative(&other.files_of(&second).await), ["b.csv"]);
    assert_eq!(other.get::<Vec<DatasetUse>>(&format!("/api/runs/{run}/datasets")).await.len(), 1);
    let next = other.register_dataset("d", files(local(folder.path(), "b.csv"))).await;
    assert_eq!(next.version, 3);

    // An experiment takes along what its runs have used, and nothing else.
    let path = "/api/workspaces/default/experiments/churn/archive";
    let archive = here.call(Method::GET, path, None).await.body;
    let there = Daemon::start_on_sqlite().await;
    there.register_dataset("d", files(local(folder.path(), "a.csv"))).await;
    there.register_dataset("d", files(local(folder.path(), "b.csv"))).await;
    for _ in 0..2 {
        let into = "/api/workspaces/default/archives";
        there.post_lines::<lazuli_domain::ImportReport>(into, archive.clone()).await.unwrap();
    }
    assert_eq!(there.dataset_names("").await, ["d"]);
    let uses: Vec<DatasetUse> = there.get(&format!("/api/runs/{run}/datasets")).await;
    // Its number was given there already.
    assert_eq!((uses.len(), uses[0].version), (1, 3));
    let came: Dataset = there.get(&format!("{DATASETS}/d/3")).await;
    assert_eq!((&came.id, &came.definition), (&second.id, &second.definition));
    assert_eq!(relative(&there.files_of(&came).await), ["b.csv"]);
}

#[tokio::test]
async fn many_files_come_in_pages() {
    let daemon = Daemon::start().await;
    let names: Vec<String> = (0..25).map(|number| format!("f/{number:02}.txt")).collect();
    let folder = folder(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let dataset = daemon.register_dataset("many", files(local(folder.path(), "f"))).await;
    let path = format!("{DATASETS}/many/1/files");
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page: Page<DatasetFile> = daemon.get(&format!("{path}?limit=10{cursor}")).await;
        assert_eq!(page.total, Some(25));
        seen.extend(page.items);
        match page.next_cursor {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, daemon.files_of(&dataset).await);
    assert_eq!(seen[24].relative_path, "24.txt");
    let error = daemon.get_refused(&format!("{path}?cursor=x"), 400).await;
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Invalid, "`x` is not a cursor"));
}

use lazuli::client::Client;
use lazuli::domain::{DatastorePlace, NewDatastore, StoredFile};
use lazuli::prelude::*;

use crate::alone::{alone, check_error};
use crate::daemon::kill_daemon;

#[test]
fn files_go_up_and_come_down() {
    alone("datastores::files_go_up_and_come_down", || {
        let workspace = Workspace::from_config().unwrap();
        let store = workspace.default_datastore().unwrap();
        assert_eq!((store.name.as_str(), store.is_built_in), ("workspaceblobstore", true));
        std::fs::create_dir_all("data/deep").unwrap();
        for (name, content) in
            [("a b.csv", "1\n"), ("deep/größe #1%2e.csv", "22\n"), ("deep/empty", "")]
        {
            std::fs::write(format!("data/{name}"), content).unwrap();
        }
        let sent = store.upload("data", "diabetes", false).unwrap();
        assert_eq!((sent.files.len(), sent.size(), sent.skipped.len()), (3, 5, 0));
        let paths = |pattern: &str| -> Vec<String> {
            store.list(pattern).unwrap().into_iter().map(|file| file.path).collect()
        };
        let all = ["diabetes/a b.csv", "diabetes/deep/empty", "diabetes/deep/größe #1%2e.csv"];
        assert_eq!(paths(""), all);
        assert_eq!(paths("diabetes"), all);
        assert_eq!(paths("diabetes/*.csv"), all[..1]);
        assert_eq!(paths("**/*.csv"), [all[0], all[2]]);
        check_error(
            store.list("nothing/*"),
            "datastore `workspaceblobstore` has no file `nothing/*`",
        );

        let got = store.download("copy", "diabetes/deep", false).unwrap();
        assert_eq!(got.files.len(), 2);
        let read = std::fs::read_to_string("copy/diabetes/deep/größe #1%2e.csv").unwrap();
        assert_eq!(read, "22\n");
        assert!(!std::path::Path::new("copy/diabetes/a b.csv").exists());
        // What is there stays, until it is to be replaced.
        std::fs::write("copy/diabetes/deep/empty", "mine").unwrap();
        let got = store.download("copy", "", false).unwrap();
        assert_eq!(
            (got.files.len(), got.skipped),
            (1, all[1..].iter().map(|it| it.to_string()).collect())
        );
        assert_eq!(std::fs::read("copy/diabetes/deep/empty").unwrap(), b"mine");
        store.download("copy", "", true).unwrap();
        assert_eq!(std::fs::read("copy/diabetes/deep/empty").unwrap(), b"");
        std::fs::write("data/a b.csv", "changed\n").unwrap();
        let sent = store.upload_files(["data/a b.csv"], "diabetes", false).unwrap();
        assert_eq!(sent.skipped, [all[0]]);
        let sent = store.upload_files(["data/a b.csv"], "diabetes", true).unwrap();
        assert_eq!(sent.files[0].size, 8);
        store.delete("diabetes/deep/empty").unwrap();
        assert_eq!(paths(""), [all[0], all[2]]);

        let here = std::env::current_dir().unwrap().join("shared");
        let place = DatastorePlace::folder(&here.display().to_string());
        let new = NewDatastore { create_if_not_exists: true, ..NewDatastore::new("shared", place) };
        let mut shared = Datastore::register(&workspace, &new).unwrap();
        shared.make_default().unwrap();
        assert_eq!(workspace.default_datastore().unwrap(), shared);
        assert_eq!(workspace.datastores().unwrap().len(), 3);
        shared.unregister().unwrap();
        check_error(workspace.datastore("shared"), "datastore `shared` not found");
    });
}

#[test]
fn a_transfer_goes_on_over_a_dead_daemon() {
    alone("datastores::a_transfer_goes_on_over_a_dead_daemon", || {
        let workspace = Workspace::from_config().unwrap();
        let client = Client::connect().unwrap();
        let content: Vec<u8> = (0..40_000_000_u32).map(|number| (number % 251) as u8).collect();
        std::fs::write("large.bin", &content).unwrap();
        let store = lazuli::client::StoreName {
            workspace: workspace.name(),
            datastore: "workspaceblobstore",
        };
        let kill_at = |at: u64| {
            let mut is_dead = false;
            move |reached: u64| {
                if !is_dead && reached > at {
                    is_dead = true;
                    kill_daemon(&Client::connect().unwrap());
                }
            }
        };
        let mut up = kill_at(20_000_000);
        let file = std::path::Path::new("large.bin");
        let sent: StoredFile =
            client.put_stored_file(store, "a/large.bin", file, false, Some(&mut up)).unwrap();
        assert_eq!(sent.size, 40_000_000);
        let client = Client::connect().unwrap();
        let mut down = kill_at(10_000_000);
        let copy = std::path::Path::new("copy.bin");
        client.download_stored_file(store, "a/large.bin", copy, Some(&mut down)).unwrap();
        assert!(std::fs::read(copy).unwrap() == content);
    });
}

#[test]
fn ten_thousand_files() {
    alone("datastores::ten_thousand_files", || {
        let workspace = Workspace::from_config().unwrap();
        let store = workspace.datastore("workspacefilestore").unwrap();
        std::fs::create_dir("many").unwrap();
        for number in 0..10_000 {
            let folder = format!("many/{:02}", number / 100);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(format!("{folder}/{number:05}.txt"), number.to_string()).unwrap();
        }
        let sent = store.upload("many", "", false).unwrap();
        assert_eq!(sent.files.len(), 10_000);
        let listed = store.list("").unwrap();
        assert_eq!(listed.len(), 10_000);
        assert!(listed.windows(2).all(|pair| pair[0].path < pair[1].path));
        assert_eq!(store.list("**/*7.txt").unwrap().len(), 1_000);
        let got = store.download("copy", "", false).unwrap();
        assert_eq!(got.files, sent.files);
        assert_eq!(std::fs::read("copy/99/09999.txt").unwrap(), b"9999");
        assert_eq!(store.upload("many", "", false).unwrap().skipped.len(), 10_000);
    });
}

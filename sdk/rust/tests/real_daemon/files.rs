use std::fs;

use lazuli::prelude::*;

use crate::alone::{alone, check_error};

fn start() -> Run {
    Workspace::from_config().unwrap().experiment("files").unwrap().start_logging().unwrap()
}

#[test]
fn files_go_up_and_come_down_unchanged() {
    alone("files::files_go_up_and_come_down_unchanged", || {
        let run = start();
        // More than is announced first, and more than one buffer.
        let large: Vec<u8> = (0..3_000_000u32).map(|i| (i * 7 % 251) as u8).collect();
        fs::write("large.bin", &large).unwrap();
        fs::write("empty.txt", "").unwrap();
        run.upload_file("outputs/a b/größe?.bin", "large.bin").unwrap();
        run.upload_file("empty.txt", "empty.txt").unwrap();
        fs::create_dir_all("folder/inner").unwrap();
        fs::write("folder/one.txt", "1").unwrap();
        fs::write("folder/inner/two.txt", "2").unwrap();
        run.upload_folder("logs", "folder").unwrap();
        let names: Vec<String> =
            run.files().unwrap().into_iter().map(|artifact| artifact.path).collect();
        let expected =
            ["empty.txt", "logs/inner/two.txt", "logs/one.txt", "outputs/a b/größe?.bin"];
        assert_eq!(names, expected);

        let file = run.download_file("outputs/a b/größe?.bin", "copy.bin").unwrap();
        assert_eq!(fs::read(file).unwrap(), large);
        let file = run.download_file("empty.txt", "new/folder/").unwrap();
        assert_eq!(file.to_str(), Some("new/folder/empty.txt"));
        assert_eq!(fs::read(file).unwrap(), b"");
        let files = run.download_files("logs/", "all").unwrap();
        assert_eq!(files.len(), 2);
        assert_eq!(fs::read_to_string("all/logs/inner/two.txt").unwrap(), "2");

        let mut progress = Vec::new();
        let client = lazuli::client::Client::connect().unwrap();
        let path = std::path::Path::new("large.bin");
        let kept = client
            .put_artifact_file(run.id(), "again.bin", path, Some(&mut |done| progress.push(done)))
            .unwrap();
        assert_eq!((kept.size, progress.last()), (3_000_000, Some(&3_000_000)));
        let download = client.get_artifact(run.id(), "again.bin").unwrap();
        assert_eq!(download.size(), Some(3_000_000));
        assert_eq!(download.sha256(), Some(kept.sha256.as_str()));
        run.complete().unwrap();
    });
}

#[test]
fn images_are_kept_with_the_run() {
    alone("files::images_are_kept_with_the_run", || {
        let run = start();
        fs::write("plot.svg", "<svg/>").unwrap();
        run.log_image("roc curve", "plot.svg").unwrap();
        let metrics = run.metrics().unwrap();
        let image = serde_json::to_value(&metrics.get("roc curve").unwrap().points[0].value);
        let artifact = image.unwrap()["artifact"].as_str().unwrap().to_owned();
        assert!(artifact.starts_with("images/roc_curve_") && artifact.ends_with(".svg"));
        let file = run.download_file(&artifact, "copy.svg").unwrap();
        assert_eq!(fs::read_to_string(file).unwrap(), "<svg/>");
        run.complete().unwrap();
    });
}

#[test]
fn files_that_cannot_be_kept_are_named() {
    alone("files::files_that_cannot_be_kept_are_named", || {
        let run = start();
        fs::write("a.txt", "a").unwrap();
        fs::create_dir("folder").unwrap();
        check_error(
            run.upload_file("a.txt", "missing.txt"),
            "cannot read `missing.txt`: there is no such file or folder",
        );
        check_error(run.upload_file("a.txt", "folder"), "`folder` is no file");
        check_error(
            run.upload_file("../a.txt", "a.txt"),
            "the artifact name `../a.txt` contains `..`",
        );
        check_error(run.upload_folder("x", "missing"), "the folder `missing` is not there");
        check_error(
            run.log_image("plot", "missing.png"),
            "cannot read `missing.png`: there is no such file or folder",
        );
        assert!(run.files().unwrap().is_empty());
        assert!(run.metrics().unwrap().is_empty());
        run.download_file("nothing.txt", "nothing.txt").unwrap_err();
        assert!(!std::path::Path::new("nothing.txt").exists());
        run.complete().unwrap();
        run.upload_file("a.txt", "a.txt").unwrap_err();
        assert!(run.files().unwrap().is_empty());
    });
}

#[test]
fn a_large_file_goes_on_where_a_dead_daemon_left_it() {
    alone("files::a_large_file_goes_on_where_a_dead_daemon_left_it", || {
        const SIZE: u64 = 64 << 20;
        let run = start();
        let content: Vec<u8> = (0..SIZE as u32).map(|i| (i / 4096 * 31 + i) as u8).collect();
        fs::write("large.bin", &content).unwrap();
        let client = lazuli::client::Client::connect().unwrap();
        let (mut killed, mut went_on_at) = (false, None);
        let mut progress = |done| {
            if !killed && done > SIZE / 2 {
                killed = true;
                crate::daemon::kill_daemon(&client);
            } else if killed && done <= SIZE / 2 {
                went_on_at.get_or_insert(done);
            }
        };
        let path = std::path::Path::new("large.bin");
        let kept =
            client.put_artifact_file(run.id(), "large.bin", path, Some(&mut progress)).unwrap();
        assert!(killed);
        assert!(went_on_at.is_none_or(|done| done > SIZE / 4), "{went_on_at:?}");
        assert_eq!(kept.size, SIZE);
        let copy = run.download_file("large.bin", "copy.bin").unwrap();
        assert!(fs::read(copy).unwrap() == content);
        // It is there: nothing is sent once more.
        let mut sent = 0;
        let again = lazuli::client::Client::connect()
            .unwrap()
            .put_artifact_file(run.id(), "again.bin", path, Some(&mut |done| sent = done))
            .unwrap();
        assert_eq!((again.sha256, sent), (kept.sha256, 0));
        run.complete().unwrap();
    });
}

#[test]
fn a_damaged_download_is_no_file() {
    alone("files::a_damaged_download_is_no_file", || {
        let run = start();
        fs::write("a.txt", "whole").unwrap();
        run.upload_file("a.txt", "a.txt").unwrap();
        let digest = run.files().unwrap()[0].sha256.clone();
        let home = lazuli::Home::from_environment().unwrap();
        let blob = home.path().join("blobs").join(&digest[..2]).join(&digest);
        fs::write(blob, "whale").unwrap();
        let error = run.download_file("a.txt", "copy.txt").unwrap_err();
        assert!(error.message().contains("arrived damaged"), "{error}");
        assert!(!std::path::Path::new("copy.txt").exists());
        assert_eq!(fs::read_dir(".").unwrap().count(), 1);
        run.complete().unwrap();
    });
}

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

use std::fs;

use lazuli::prelude::*;

use crate::alone::{alone, check_error};

#[test]
fn versions_are_counted_whatever_they_come_from() {
    alone("models::versions_are_counted_whatever_they_come_from", || {
        let workspace = Workspace::from_config().unwrap();
        fs::write("model.txt", "one").unwrap();
        let first = Model::register(&workspace, ("churn", "model.txt")).unwrap();
        assert_eq!((first.version, first.size), (1, 3));
        // Of a single file, the checksum is its own.
        assert_eq!(
            first.checksum,
            "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"
        );

        fs::create_dir_all("saved/parts").unwrap();
        fs::write("saved/a.txt", "a").unwrap();
        fs::write("saved/parts/b.txt", "b").unwrap();
        let registration = ModelRegistration::new("churn", "saved")
            .description("the better one")
            .tag("data", "2026")
            .framework("Custom")
            .framework_version("1.0");
        let second = workspace.register_model(registration).unwrap();
        assert_eq!(second.version, 2);
        assert_eq!(second.tags["data"], "2026");
        assert_eq!(second.framework.as_deref(), Some("Custom"));

        let run = workspace.experiment("train").unwrap().start_logging().unwrap();
        fs::create_dir("outputs").unwrap();
        fs::write("outputs/model.txt", "three").unwrap();
        let third = run.register_model(("churn", "outputs/model.txt")).unwrap();
        assert_eq!((third.version, third.run_id.as_deref()), (3, Some(run.id())));
        assert_eq!(third.run().unwrap().unwrap().id(), run.id());
        assert_eq!(run.files().unwrap()[0].path, "outputs/model.txt");
        run.complete().unwrap();

        assert_eq!(workspace.model("churn", None).unwrap().version, 3);
        assert_eq!(workspace.model("churn", 2).unwrap().description, "the better one");
        let versions: Vec<u64> = Model::versions(&workspace, "churn")
            .unwrap()
            .iter()
            .map(|model| model.version)
            .collect();
        assert_eq!(versions, [3, 2, 1]);
        assert!(workspace.models().unwrap().to_string().starts_with("3 models\nModel "));

        let file = third.download("copy").unwrap();
        assert_eq!(file.to_str(), Some("copy/model.txt"));
        assert_eq!(fs::read_to_string(file).unwrap(), "three");
        check_error(third.download("copy"), "`copy/model.txt` exists already");
        let folder = second.download("copy").unwrap();
        assert_eq!(fs::read_to_string(folder.join("parts/b.txt")).unwrap(), "b");
    });
}

#[test]
fn a_model_without_files_is_refused() {
    alone("models::a_model_without_files_is_refused", || {
        let workspace = Workspace::from_config().unwrap();
        check_error(
            Model::register(&workspace, ("churn", "missing.txt")),
            "cannot read `missing.txt`: there is no such file or folder",
        );
        fs::create_dir("empty").unwrap();
        check_error(
            Model::register(&workspace, ("churn", "empty")),
            "the folder `empty` holds no file",
        );
        let run = workspace.experiment("train").unwrap().start_logging().unwrap();
        run.register_model(("churn", "outputs/missing.txt")).unwrap_err();
        run.complete().unwrap();
        assert!(workspace.models().unwrap().is_empty());
        workspace.model("churn", None).unwrap_err();
    });
}

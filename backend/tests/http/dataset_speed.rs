//! How long it takes among many datasets and many files. Measured and printed, never asserted:
//! `cargo test -p lazuli-backend --test http dataset_speed -- --ignored --nocapture`

use std::time::Instant;

use lazuli_domain::{Dataset, Page};
use serde_json::json;

use crate::support::Daemon;

const DATASETS: &str = "/api/workspaces/default/datasets";
const MANY: usize = 10_000;

#[tokio::test]
#[ignore = "measures"]
async fn registering_10_000_files() {
    let daemon = Daemon::start().await;
    let folder = tempfile::tempdir().unwrap();
    for number in 0..MANY {
        let path = folder.path().join(format!("{}/{number}.csv", number % 100));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "a,b\n1,2\n").unwrap();
    }
    let definition = json!({"type": "file", "paths": [{"local": folder.path()}]});
    for round in ["the first version", "the same again"] {
        let new = json!({"name": "many", "definition": definition, "create_new_version": true});
        let begun = Instant::now();
        let made: Dataset = daemon.post(DATASETS, new).await;
        println!("{round}, {} files: {:?}", made.file_count, begun.elapsed());
    }
}

#[tokio::test]
#[ignore = "measures"]
async fn listing_10_000_datasets() {
    let daemon = Daemon::start().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.csv"), "a").unwrap();
    let paths = json!([{"local": folder.path().join("a.csv")}]);
    let definition = json!({"type": "tabular", "source": {"format": "delimited", "paths": paths}});
    for number in 0..MANY {
        let name = format!("dataset-{number}");
        let new = json!({"name": name, "definition": definition, "tags": {"team": "blue"}});
        daemon.post::<Dataset>(DATASETS, new).await;
    }
    for query in ["?limit=10000", "?limit=100", "?name=dataset-77&limit=1000"] {
        for _ in 0..3 {
            let begun = Instant::now();
            let path = format!("{DATASETS}{query}");
            let answer = daemon.call(axum::http::Method::GET, &path, None).await;
            let took = begun.elapsed();
            let page: Page<Dataset> = answer.ok(query);
            println!("{query}: {} datasets in {took:?}", page.items.len());
        }
    }
}

//! The map of the house, checked: what ARCHITECTURE.md says about folders and directions holds.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use lazuli_tests::checkout;
use serde_json::Value;

/// Each crate and the crates of the house it may depend on.
const DIRECTION: [(&str, &[&str]); 12] = [
    ("lazuli-domain", &[]),
    ("lazuli-commands", &["lazuli-domain"]),
    ("lazuli", &["lazuli-domain"]),
    ("lazuli-studio", &[]),
    ("lazuli-backend", &["lazuli-domain", "lazuli-studio"]),
    ("lazuli-query", &["lazuli-domain"]),
    ("lazuli-agent", &["lazuli", "lazuli-domain", "lazuli-python"]),
    ("lazuli-python", &["lazuli-domain"]),
    ("lazuli-actions", &["lazuli", "lazuli-commands", "lazuli-domain"]),
    (
        "lazuli-kernel",
        &[
            "lazuli",
            "lazuli-actions",
            "lazuli-commands",
            "lazuli-domain",
            "lazuli-python",
            "lazuli-studio",
        ],
    ),
    ("lazuli-lsp", &["lazuli", "lazuli-actions", "lazuli-commands", "lazuli-domain"]),
    (
        "lazuli-cli",
        &[
            "lazuli",
            "lazuli-actions",
            "lazuli-backend",
            "lazuli-commands",
            "lazuli-domain",
            "lazuli-lsp",
        ],
    ),
];

/// A foreign crate and the only folders whose code may name it.
const HOMES: [(&str, &[&str]); 16] = [
    (
        "object_store",
        &[
            "backend/src/blobs",
            "backend/src/datasets",
            "backend/src/datastores",
            "backend/query/src",
        ],
    ),
    ("datafusion", &["backend/query/src"]),
    ("rusqlite", &["backend/src/store", "backend/query/src/database"]),
    ("axum", &["backend/src/http"]),
    ("utoipa", &["backend/src/http", "backend/domain/src"]),
    (
        "plotters",
        &["backend/src/plotting.rs", "backend/src/run_details", "backend/src/dataset_details"],
    ),
    ("notify", &["backend/src"]),
    ("chacha20poly1305", &["backend/src"]),
    ("evcxr", &["kernel/src/interpreter"]),
    ("jupyter_protocol", &["kernel/src/jupyter"]),
    ("jupyter_zmq_client", &["kernel/src/jupyter"]),
    ("zeromq", &["kernel/src/jupyter"]),
    ("ignore", &["kernel/actions/src"]),
    ("clap_complete", &["cli/src"]),
    ("indicatif", &["cli/src"]),
    ("tower_lsp_server", &["lsp/src"]),
];

/// Words that a folder's code does not say: what is pure stays pure, and inside the daemon
/// http -> use cases -> store.
const FORBIDDEN: [(&str, &[&str]); 12] = [
    ("lsp/src/analysis", &["std::fs", "std::env::", "tokio", "tower_lsp_server", "lazuli::"]),
    ("backend/domain/src", &["std::fs", "std::net", "std::env::", "tokio", "SystemTime::now"]),
    ("kernel/commands/src", &["std::fs", "std::net", "std::env::", "tokio", "std::process"]),
    ("backend/src/run_details", &["std::fs", "std::env::", "tokio", "crate::store", "crate::http"]),
    (
        "backend/src/dataset_details",
        &["std::fs", "std::env::", "tokio", "crate::store", "crate::http"],
    ),
    ("backend/src/store", &["crate::http", "crate::tracking", "crate::registry", "crate::jobs"]),
    ("backend/src/tracking", &["crate::http"]),
    ("backend/src/registry", &["crate::http"]),
    ("backend/src/jobs", &["crate::http"]),
    ("backend/src/datastores", &["crate::http"]),
    ("backend/src/datasets", &["crate::http"]),
    ("backend/src/queries", &["crate::http"]),
];

const FOLDERS: [&str; 20] = [
    "backend/agent",
    "backend/domain",
    "backend/migrations",
    "backend/query",
    "backend/src",
    "cli",
    "docs",
    "extension/src",
    "kernel",
    "kernel/actions",
    "kernel/commands",
    "lsp",
    "notebooks",
    "sdk/python",
    "sdk/python/embedded",
    "sdk/rust",
    "studio/embedded",
    "studio/src",
    "tests/bench",
    "tests/e2e",
];

/// A file that needs a table of contents is two files.
const LONGEST_FILE: usize = 900;

#[test]
fn crates_depend_in_one_direction() {
    let allowed: BTreeMap<&str, &[&str]> = DIRECTION.into();
    for (name, dependencies) in dependencies() {
        let Some(allowed) = allowed.get(name.as_str()) else {
            assert_eq!(name, "lazuli-tests", "say in DIRECTION what this crate may depend on");
            continue;
        };
        for dependency in dependencies.iter().filter(|name| name.starts_with("lazuli")) {
            assert!(allowed.contains(&dependency.as_str()), "{name} depends on {dependency}");
        }
    }
}

/// Every crate in a cell's scope slows every later cell.
#[test]
fn the_rust_sdk_stays_light() {
    let light = ["lazuli-domain", "serde", "serde_json"];
    let sdk = &dependencies()["lazuli"];
    let heavy: Vec<&String> = sdk.iter().filter(|name| !light.contains(&name.as_str())).collect();
    assert!(heavy.is_empty(), "{heavy:?}");
}

#[test]
fn each_foreign_crate_has_one_home() {
    let mut strangers = Vec::new();
    for file in sources("rs").into_iter().filter(|file| !is_test(file)) {
        let text = code(&file);
        for (foreign, homes) in HOMES {
            let at_home = homes.iter().any(|home| file.starts_with(home));
            if !at_home && names_crate(&text, foreign) {
                strangers.push(format!("{} names {foreign}", file.display()));
            }
        }
    }
    assert!(strangers.is_empty(), "{}", strangers.join("\n"));
}

#[test]
fn code_reaches_only_downwards() {
    let mut reaches = Vec::new();
    for file in sources("rs") {
        let text = code(&file);
        for (folder, words) in FORBIDDEN {
            for word in
                words.iter().filter(|word| file.starts_with(folder) && text.contains(**word))
            {
                reaches.push(format!("{} says {word}", file.display()));
            }
        }
    }
    assert!(reaches.is_empty(), "{}", reaches.join("\n"));
}

#[test]
fn each_process_reads_its_environment_in_one_place() {
    let mut others = Vec::new();
    for file in sources("rs").into_iter().filter(|file| !is_test(file)) {
        let at_home = file.ends_with("config.rs")
            || file.ends_with("build.rs")
            || file.starts_with("kernel/src/interpreter");
        let text = code(&file);
        if !at_home && (text.contains("env::var(") || text.contains("env::var_os(")) {
            others.push(file.display().to_string());
        }
    }
    assert!(others.is_empty(), "these read environment variables: {}", others.join(", "));
}

#[test]
fn the_folders_of_the_map_exist() {
    for folder in FOLDERS {
        assert!(checkout().join(folder).is_dir(), "{folder} is missing");
    }
}

#[test]
fn every_crate_says_what_lives_in_it() {
    for file in sources("rs") {
        let root = file.ends_with("src/lib.rs") || file.ends_with("src/main.rs");
        if root {
            assert!(read(&file).starts_with("//! "), "{} opens without a word", file.display());
        }
    }
}

#[test]
fn every_migration_opens_by_saying_why() {
    let migrations: Vec<PathBuf> =
        sources("sql").into_iter().filter(|file| file.starts_with("backend/migrations")).collect();
    assert!(!migrations.is_empty(), "backend/migrations holds no migration");
    for file in migrations {
        assert!(read(&file).starts_with("-- "), "{} opens without a comment", file.display());
    }
}

#[test]
fn no_file_needs_a_table_of_contents() {
    let mut long = Vec::new();
    for file in
        ["rs", "py", "sql", "sh", "ts", "svelte", "css", "mjs"].into_iter().flat_map(sources)
    {
        let lines = read(&file).lines().count();
        if lines > LONGEST_FILE {
            long.push(format!("{} has {lines} lines", file.display()));
        }
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn nothing_is_left_unwritten() {
    // Put together here, so that this file does not find itself.
    let marks = ["todo", "unimplemented"].map(|word| format!("{word}!("));
    for file in sources("rs") {
        let text = read(&file);
        for mark in &marks {
            assert!(!text.contains(mark), "{} contains {mark}", file.display());
        }
    }
}

/// Each crate of the workspace with what it needs to be built and run, tests aside.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(checkout())
        .output()
        .expect("cargo can be started");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let text = |value: &Value| value.as_str().expect("a name").to_owned();
    let packages = metadata["packages"].as_array().expect("packages");
    packages
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().expect("dependencies");
            let needed = dependencies.iter().filter(|needed| needed["kind"] != "dev");
            (text(&package["name"]), needed.map(|needed| text(&needed["name"])).collect())
        })
        .collect()
}

/// The files of the checkout with that ending that git knows or would take, relative.
fn sources(ending: &str) -> Vec<PathBuf> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(checkout())
        .output()
        .expect("git can be started");
    let files = String::from_utf8(output.stdout).expect("file names are UTF-8");
    let files: Vec<PathBuf> = files
        .lines()
        .map(PathBuf::from)
        .filter(|file| file.extension().is_some_and(|extension| extension == ending))
        // A file that is removed but not yet committed is still in the list.
        .filter(|file| checkout().join(file).exists())
        .collect();
    files
}

/// A test may look behind the walls.
fn is_test(file: &Path) -> bool {
    file.components().any(|folder| folder.as_os_str() == "tests")
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(checkout().join(file))
        .unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The text without its comments, up to its tests.
fn code(file: &Path) -> String {
    let text = read(file);
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or("");
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// `use name`, `name::` as a whole word, and not as part of a longer path.
fn names_crate(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(place, _)| {
        let before = text[..place].chars().next_back();
        let after = &text[place + name.len()..];
        let begins = before.is_none_or(|c| !c.is_alphanumeric() && !"_:.\"`-/".contains(c));
        begins
            && (after.starts_with("::")
                || after.starts_with(';') && text[..place].ends_with("use "))
    })
}

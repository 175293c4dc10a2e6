//! Files larger than what the daemon may hold in memory, and more of them than anybody counts, through the
//! shell and through HTTP. What takes minutes is ignored here and run by `make test-large`.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;

use lazuli_domain::DaemonInfo;
use lazuli_tests::Home;
use lazuli_tests::stores::ObjectStore;
use sha2::{Digest, Sha256};

const SIZE: usize = 300_000_000;
/// The daemon with nothing to do takes about 40 MB.
const MOST_MEMORY: u64 = 150_000_000;
const MANY: usize = 10_000;
const HUGE: u64 = 5 << 30;

#[test]
fn memory_stays_flat_with_a_folder() {
    through(&Home::new(), "workspaceblobstore");
}

#[test]
fn memory_stays_flat_with_azure() {
    let Some(store) = ObjectStore::azure() else { return };
    through(&with_azure(&store), "lake");
}

#[test]
fn memory_stays_flat_with_s3() {
    let Some(store) = ObjectStore::s3() else { return };
    through(&with_s3(&store), "lake");
}

#[test]
fn ten_thousand_files_in_a_folder() {
    many(&Home::new(), "workspaceblobstore");
}

#[test]
#[ignore = "takes minutes"]
fn ten_thousand_files_in_azure() {
    let Some(store) = ObjectStore::azure() else { return };
    many(&with_azure(&store), "lake");
}

#[test]
#[ignore = "takes minutes"]
fn ten_thousand_files_in_s3() {
    let Some(store) = ObjectStore::s3() else { return };
    many(&with_s3(&store), "lake");
}

#[test]
#[ignore = "takes minutes, and 16 GB of disk"]
fn five_gigabytes_in_a_folder() {
    let home = Home::new();
    let digest = huge(&home, "workspaceblobstore");
    huge_comes_back(&home, "workspaceblobstore", &digest);
}

#[test]
#[ignore = "takes minutes, and 16 GB of disk"]
fn five_gigabytes_in_azure() {
    let Some(store) = ObjectStore::azure() else { return };
    let home = with_azure(&store);
    let digest = huge(&home, "lake");
    huge_comes_back(&home, "lake", &digest);
}

#[test]
#[ignore = "takes minutes, and 10 GB of disk"]
fn five_gigabytes_in_s3() {
    let Some(store) = ObjectStore::s3() else { return };
    // It does not come back: for each piece that is read moto reads the whole.
    huge(&with_s3(&store), "lake");
}

/// A home in which the store is the datastore `lake`.
fn with_azure(store: &ObjectStore) -> Home {
    let home = Home::new();
    let place = store.datastore_place();
    let endpoint = place["endpoint"].as_str().unwrap();
    let blob = format!("{}/lazuli", place["account"].as_str().unwrap());
    let words = ["datastore", "add", "lake", "--azure-blob", &blob, "--endpoint", endpoint];
    let credential = store.credential();
    add(&home, &words, credential["key"].as_str().unwrap());
    home
}

fn with_s3(store: &ObjectStore) -> Home {
    let home = Home::new();
    let endpoint = store.endpoint.as_str();
    let words = ["datastore", "add", "lake", "--s3", "lazuli", "--region", "us-east-1"];
    let words = [&words[..], &["--endpoint", endpoint, "--access-key-id", "lazuli"]].concat();
    add(&home, &words, "not-to-be-seen");
    home
}

fn add(home: &Home, words: &[&str], key: &str) {
    let words = [words, &["--key-env", "STORE_KEY"]].concat();
    let output = home.command(&words).env("STORE_KEY", key).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn through(home: &Home, store: &str) {
    // No two of its blocks are alike.
    let content: Vec<u8> =
        (0..SIZE as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    fs::write(home.work().join("large.bin"), &content).unwrap();
    home.ok(&["datastore", "upload", "large.bin", "-d", store]);
    home.ok(&["datastore", "download", "large.bin", "-d", store, "--to", "down"]);
    assert!(fs::read(home.work().join("down/large.bin")).unwrap() == content);
    // As one request.
    let path = format!("/api/workspaces/default/datastores/{store}/files/put.bin");
    assert_eq!(home.api().put(&path, &content).ok()["size"], SIZE);
    let daemon = home.daemon().expect("a daemon runs");
    let most = most_memory(&daemon);
    assert!(most < MOST_MEMORY, "the daemon took {most} bytes for files of {SIZE}");
    println!("{store}: {most} bytes");
}

/// Up, listed, and down again: nothing is missing, doubled or changed.
fn many(home: &Home, store: &str) {
    let mut written = BTreeMap::new();
    for number in 0..MANY {
        let path = format!("{:02}/file {number}#%2e%2e ü.txt", number % 100);
        let content = number.to_string().repeat(10);
        let file = home.work().join("up").join(&path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, &content).unwrap();
        written.insert(path, content);
    }
    home.ok(&["datastore", "upload", "up", "--target", "many", "-d", store]);
    let limit = (MANY + 1).to_string();
    let listed = home.json(&["datastore", "files", store, "many", "--limit", &limit]);
    let listed = listed["items"].as_array().unwrap();
    let paths = listed.iter().map(|file| file["path"].as_str().unwrap());
    assert!(paths.eq(written.keys().map(|path| format!("many/{path}"))));
    home.ok(&["datastore", "download", "many", "-d", store, "--to", "down"]);
    let mut found = BTreeMap::new();
    let down = home.work().join("down/many");
    for folder in fs::read_dir(&down).unwrap() {
        for file in fs::read_dir(folder.unwrap().path()).unwrap() {
            let file = file.unwrap().path();
            let path = file.strip_prefix(&down).unwrap().to_str().unwrap().to_owned();
            found.insert(path, fs::read_to_string(&file).unwrap());
        }
    }
    assert!(found == written);
    let most = most_memory(&home.daemon().expect("a daemon runs"));
    assert!(most < MOST_MEMORY, "the daemon took {most} bytes for {MANY} files");
}

/// Up, and gone here. Gives its SHA-256.
fn huge(home: &Home, store: &str) -> Vec<u8> {
    let path = home.work().join("huge.bin");
    let mut file = fs::File::create(&path).unwrap();
    let mut block = vec![0_u8; 1 << 20];
    for number in 0..HUGE >> 20 {
        // No two blocks are alike, so that none can stand for another.
        for (at, byte) in block.iter_mut().enumerate() {
            *byte = (number.wrapping_mul(2_654_435_761).wrapping_add(at as u64) >> 8) as u8;
        }
        block[..8].copy_from_slice(&number.to_le_bytes());
        file.write_all(&block).unwrap();
    }
    drop(file);
    let digest = sha256_of(&path);
    home.ok(&["datastore", "upload", "huge.bin", "-d", store]);
    fs::remove_file(&path).unwrap();
    let listed = home.json(&["datastore", "files", store, "huge.bin"]);
    assert_eq!(listed["items"][0]["size"], HUGE);
    digest
}

fn huge_comes_back(home: &Home, store: &str, digest: &[u8]) {
    home.ok(&["datastore", "download", "huge.bin", "-d", store, "--to", "down"]);
    assert!(sha256_of(&home.work().join("down/huge.bin")) == digest);
    let most = most_memory(&home.daemon().expect("a daemon runs"));
    assert!(most < MOST_MEMORY, "the daemon took {most} bytes for a file of {HUGE}");
}

fn sha256_of(path: &Path) -> Vec<u8> {
    let mut file = fs::File::open(path).unwrap();
    let mut hash = Sha256::new();
    let mut block = vec![0; 1 << 20];
    loop {
        match file.read(&mut block).unwrap() {
            0 => return hash.finalize().to_vec(),
            read => hash.update(&block[..read]),
        }
    }
}

/// The most that was resident since the process began.
fn most_memory(daemon: &DaemonInfo) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.process.pid)).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

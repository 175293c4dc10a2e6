//! What the end-to-end tests stand on: a home of their own, the real programs, the daemon's API.
//!
//! No test of a single crate lives here, and no mock: `lazuli`, `lazuli-agent` and the daemon are
//! the programs that people get, built before the tests (`make test` does it).

mod api;
mod home;
pub mod postgres;
pub mod sshd;
pub mod stores;
mod wait;

pub use api::{Answer, Api};
pub use home::{Home, Outcome};
pub use wait::{until, within};

use std::path::{Path, PathBuf};

/// The folder of the checkout.
pub fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is a folder of the checkout")
}

/// A program built with these tests.
pub fn program(name: &str) -> PathBuf {
    let this = std::env::current_exe().expect("a test knows its own path");
    // target/debug/deps/<test> -> target/debug/<program>
    let path = this.ancestors().nth(2).expect("tests lie in target/debug/deps").join(name);
    assert!(path.exists(), "{} is missing: run `cargo build --workspace --bins`", path.display());
    path
}

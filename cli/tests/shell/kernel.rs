use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// On the file system of the program, which is linked into it: to start a copy that was written
/// just now fails while another test's new process still holds the copy open.
fn folder() -> TempDir {
    TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// The program, alone in a folder.
fn link_into(folder: &Path) -> Command {
    let program = folder.join("lazuli");
    std::fs::hard_link(env!("CARGO_BIN_EXE_lazuli"), &program).unwrap();
    let mut command = Command::new(program);
    command.args(["kernel", "install", "--user", "--help"]);
    command
}

#[test]
fn the_program_beside_it_takes_over() {
    let folder = folder();
    std::os::unix::fs::symlink("/bin/echo", folder.path().join("lazuli-kernel")).unwrap();
    let output = link_into(folder.path()).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "install --user --help\n");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn without_it_the_missing_program_is_named() {
    let folder = folder();
    let output = link_into(folder.path()).output().unwrap();
    let missing = folder.path().canonicalize().unwrap().join("lazuli-kernel");
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        format!(
            "error: `{}` does not exist\nhint: install `lazuli-kernel` beside `lazuli`\n",
            missing.display()
        )
    );
    assert_eq!(output.status.code(), Some(1));
}

//! Another machine for tests: a real OpenSSH server on loopback, and a user of its own with an empty home,
//! who may read neither the checkout nor the home of Lazuli.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::until;

const SERVER: &str = "/usr/sbin/sshd";

/// Gone with the test, the user and its processes too.
pub struct Machine {
    pub user: String,
    pub port: u16,
    /// The file of the private key that opens it.
    pub key: PathBuf,
    /// `SHA256:…` of its host key.
    pub fingerprint: String,
    home: PathBuf,
    uid: u32,
    folder: tempfile::TempDir,
    server: Option<Child>,
}

impl Machine {
    /// `None` where no user can be made or no server is installed, which is said aloud, and on CI is a failure.
    pub fn start() -> Option<Machine> {
        // SAFETY: it only asks.
        let missing = if unsafe { libc::geteuid() } != 0 {
            Some("another user can be made by root only")
        } else if !Path::new(SERVER).is_file() {
            Some("OpenSSH's server is not installed (Debian: `apt-get install openssh-server`)")
        } else {
            None
        };
        if let Some(missing) = missing {
            assert!(std::env::var_os("CI").is_none(), "{missing}; on CI nothing is skipped");
            // Not by a macro: the test's captured output is shown only when it fails.
            let _ = writeln!(std::io::stderr(), "\nSKIPPED: {missing}");
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder for the server");
        let path = folder.path();
        // The other user passes through it to nothing: the home lies elsewhere.
        fs::set_permissions(path, PermissionsExt::from_mode(0o711)).expect("the folder is ours");
        for name in ["host", "key"] {
            let file = path.join(name);
            let words = ["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"];
            ok(Command::new("ssh-keygen").args(words).arg(file));
        }
        let user = format!("lazuli{:x}", std::process::id() ^ NUMBER.fetch_add(1 << 20, Relaxed));
        let home = PathBuf::from(format!("/home/{user}"));
        ok(Command::new("useradd")
            .args([
                "--create-home",
                "--skel",
                "/nonexistent",
                "--password",
                "*",
                "--shell",
                "/bin/sh",
            ])
            .arg(&user));
        let id = Command::new("id").args(["-u", &user]).output().expect("`id` is there");
        let uid = String::from_utf8_lossy(&id.stdout).trim().parse().expect("a number");
        // Root alone may change it, as sshd wants it.
        fs::copy(path.join("key.pub"), path.join("authorized")).expect("the folder is ours");
        fs::set_permissions(path.join("authorized"), PermissionsExt::from_mode(0o644))
            .expect("ours");
        chown(path.join("authorized"), Some(0), Some(0)).expect("we are root");
        fs::create_dir_all("/run/sshd").expect("sshd's own folder");
        let printed =
            Command::new("ssh-keygen").args(["-l", "-f"]).arg(path.join("host.pub")).output();
        let printed = String::from_utf8(printed.expect("a fingerprint").stdout).expect("text");
        let fingerprint = printed.split(' ').nth(1).expect("it is the second word").to_owned();
        let port = TcpListener::bind("127.0.0.1:0").and_then(|taken| taken.local_addr());
        let mut machine = Machine {
            user,
            port: port.expect("a free port").port(),
            key: path.join("key"),
            fingerprint,
            home,
            uid,
            folder,
            server: None,
        };
        machine.come_back();
        Some(machine)
    }

    /// `USER@HOST`
    pub fn address(&self) -> String {
        format!("{}@127.0.0.1", self.user)
    }

    /// What lies in the user's home, by its path there.
    pub fn path(&self, path: &str) -> PathBuf {
        self.home.join(path)
    }

    /// The server and every connection end, as when a cable is drawn; what runs there goes on.
    pub fn go_away(&mut self) {
        if let Some(mut server) = self.server.take() {
            // It may have ended by itself.
            let _ = server.kill();
            let _ = server.wait();
        }
        self.cut();
    }

    /// Ends the connections that there are.
    pub fn cut(&self) {
        for (pid, line) in processes() {
            if line.starts_with(&format!("sshd: {}", self.user)) {
                // SAFETY: a signal to a process of ours; it may be gone already.
                unsafe { libc::kill(pid, libc::SIGKILL) };
            }
        }
    }

    pub fn come_back(&mut self) {
        let file = |name: &str| self.folder.path().join(name).display().to_string();
        let server = Command::new(SERVER)
            .args(["-D", "-e", "-f", "/dev/null", "-p", &self.port.to_string()])
            .args(["-o", "ListenAddress=127.0.0.1", "-o", "PidFile=none", "-o", "UsePAM=no"])
            .args(["-o", "PasswordAuthentication=no", "-o", "StrictModes=no"])
            .args(["-o", &format!("HostKey={}", file("host"))])
            .args(["-o", &format!("AuthorizedKeysFile={}", file("authorized"))])
            .args(["-o", &format!("AllowUsers={}", self.user)])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(file("log")).expect("the folder is ours"))
            .spawn();
        self.server = Some(server.expect("sshd starts"));
        let address = format!("127.0.0.1:{}", self.port);
        until("sshd", || std::net::TcpStream::connect(&address).ok());
    }

    /// Another host key, as when somebody else answers at the address.
    pub fn change_host_key(&mut self) {
        self.go_away();
        let host = self.folder.path().join("host");
        fs::remove_file(&host).expect("it was there");
        ok(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&host));
        self.come_back();
    }

    /// The command lines of the user's processes there, without those of ssh itself.
    pub fn processes(&self) -> Vec<(i32, String)> {
        let is_theirs = |pid: &i32| {
            use std::os::unix::fs::MetadataExt;
            fs::metadata(format!("/proc/{pid}")).is_ok_and(|found| found.uid() == self.uid)
        };
        let mut found = processes();
        found.retain(|(pid, line)| is_theirs(pid) && !line.starts_with("sshd: "));
        found
    }

    /// What the server logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.go_away();
        for (pid, _) in self.processes() {
            // SAFETY: a process of the user that goes with it.
            unsafe { libc::kill(pid, libc::SIGKILL) };
        }
        let removed = Command::new("userdel").args(["--force", "--remove", &self.user]).output();
        if !removed
            .as_ref()
            .is_ok_and(|output| !self.home.exists() && output.status.code() != Some(1))
        {
            eprintln!("the user {} stays: {removed:?}", self.user);
        }
    }
}

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

static NUMBER: AtomicU32 = AtomicU32::new(0);

fn processes() -> Vec<(i32, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").expect("Linux").flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let Ok(line) = fs::read(entry.path().join("cmdline")) else { continue };
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if !line.trim().is_empty() {
            found.push((pid, line.trim().to_owned()));
        }
    }
    found
}

#[track_caller]
fn ok(command: &mut Command) {
    let output = command.output().expect("the program is there");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

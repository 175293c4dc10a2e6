//! Shows which crates a `:dep` compiles: our rustc wrapper tells the session, cell by cell.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

/// Set for the wrapper: the socket to tell.
pub const SOCKET_VARIABLE: &str = "LAZULI_BUILD_PROGRESS";

/// Calls `show` with one line per crate that is told to `socket`, on a thread of its own, until the
/// process ends.
pub fn listen(socket: &Path, show: impl Fn(String) + Send + 'static) -> io::Result<()> {
    let socket = UnixDatagram::bind(socket)?;
    std::thread::Builder::new()
        .name("build progress".to_owned())
        .spawn(move || {
            let mut buffer = [0; 512];
            while let Ok(length) = socket.recv(&mut buffer) {
                show(format!("   Compiling {}\n", String::from_utf8_lossy(&buffer[..length])));
            }
        })
        .map(|_| ())
}

/// Called by the wrapper before it becomes rustc. cargo's variables name the package.
pub fn tell() {
    let socket = std::env::var_os(SOCKET_VARIABLE);
    let name = std::env::var("CARGO_PKG_NAME");
    let (Some(socket), Ok(name)) = (socket, name) else { return };
    let version = std::env::var("CARGO_PKG_VERSION").unwrap_or_default();
    // A session that is gone wants to hear nothing; the compilation goes on all the same.
    let _ = UnixDatagram::unbound()
        .and_then(|from| from.send_to(format!("{name} v{version}").as_bytes(), socket));
}

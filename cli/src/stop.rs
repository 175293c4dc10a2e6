use std::process::ExitCode;
use std::time::Duration;

use lazuli::client::Client;
use lazuli::{Home, process};
use lazuli_domain::{DaemonInfo, ProcessIdentity};
use serde_json::json;

use crate::Done;
use crate::terminal::{Failure, Terminal, wait_until};

/// The daemon finishes what it has accepted, which it gives itself five seconds for.
const PATIENCE: Duration = Duration::from_secs(15);

pub fn stop(terminal: &Terminal) -> Done {
    let home = Home::from_environment()?;
    let running = home.daemon_info()?.filter(|info| process::is_alive(&info.process));
    let Some(info) = running else {
        match terminal.json {
            true => terminal.json(&json!({ "stopped": false }))?,
            false => terminal.note(&format!("no daemon serves `{}`", home.path().display())),
        }
        return Ok(ExitCode::SUCCESS);
    };
    ask(&home, &info)?;
    let pid = info.process.pid;
    if !wait_until(PATIENCE, || !process::is_alive(&info.process)) {
        return Err(Failure::new(format!(
            "the daemon (process {pid}) has not ended after {} s",
            PATIENCE.as_secs()
        ))
        .hint(format!("see `{}`; `kill -9 {pid}` ends it at once", home.daemon_log().display())));
    }
    match terminal.json {
        true => terminal.json(&json!({ "stopped": true, "pid": pid }))?,
        false => terminal.note(&format!("the daemon (process {pid}) has ended")),
    }
    Ok(ExitCode::SUCCESS)
}

/// Asks over HTTP, and with a signal a daemon that does not answer or does not understand. The
/// signal goes to the very process that daemon.json names, never to another one of its pid.
fn ask(home: &Home, info: &DaemonInfo) -> Result<(), Failure> {
    let asked = Client::connect_existing_to(home).and_then(|client| match client {
        Some(client) => client.shutdown().map(|()| true),
        None => Ok(false),
    });
    match asked {
        Ok(true) => Ok(()),
        Ok(false) | Err(_) => terminate(&info.process),
    }
}

fn terminate(daemon: &ProcessIdentity) -> Result<(), Failure> {
    let Ok(pid) = libc::pid_t::try_from(daemon.pid) else {
        return Err(Failure::new(format!("daemon.json names the process {}", daemon.pid)));
    };
    if !process::is_alive(daemon) {
        return Ok(());
    }
    // SAFETY: kill takes two numbers; whom it meets was checked above.
    match unsafe { libc::kill(pid, libc::SIGTERM) } {
        0 => Ok(()),
        _ if !process::is_alive(daemon) => Ok(()),
        _ => {
            let error = std::io::Error::last_os_error();
            Err(Failure::new(format!("the daemon (process {pid}) cannot be signalled: {error}"))
                .hint("stop it as the user who started it"))
        }
    }
}

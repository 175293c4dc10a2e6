use std::process::{Command, ExitCode, Stdio};

use lazuli::client::Client;
use lazuli_commands::Options;
use serde_json::json;

use crate::Done;
use crate::terminal::Terminal;

/// Programs that open an address in the browser that a person likes, in this order.
const OPENERS: [&[&str]; 4] = [&["xdg-open"], &["wslview"], &["open"], &["gio", "open"]];

/// Opens Studio by an address that signs the browser in, once.
pub fn open(terminal: &Terminal, _options: &Options, print: bool) -> Done {
    let client = Client::connect()?;
    let code = client.studio_code()?;
    if terminal.json {
        terminal.json(&json!({ "url": code.url, "ends_at_ms": code.ends_at_ms }))?;
        return Ok(ExitCode::SUCCESS);
    }
    if print {
        terminal.data(&code.url)?;
        return Ok(ExitCode::SUCCESS);
    }
    match OPENERS.iter().find(|opener| start(opener, &code.url)) {
        Some(_) => {
            terminal.note(&format!("Studio opens in the browser: {}/studio/", client.daemon().url))
        }
        None => {
            // On another machine, or without a desktop: the address is for a person to open.
            terminal.note("no browser can be opened here; open this within two minutes:");
            terminal.data(&code.url)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn start(opener: &[&str], url: &str) -> bool {
    let [program, arguments @ ..] = opener else { return false };
    Command::new(program)
        .args(arguments)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

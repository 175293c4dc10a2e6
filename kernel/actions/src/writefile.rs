use std::io::Write;
use std::path::Path;

use lazuli::Result;
use lazuli_commands::table::Writefile;
use lazuli_domain::ApiError;
use serde_json::json;

use crate::Outcome;
use crate::show::byte_size;

/// `%%writefile`: the cell's body becomes a file, named from `folder` on. Needs no daemon.
pub fn write_file(folder: &Path, command: &Writefile, body: &str) -> Result<Outcome> {
    let place = folder.join(&command.file);
    let existed = place.exists();
    let write = || {
        if let Some(folder) = place.parent() {
            std::fs::create_dir_all(folder)?;
        }
        match command.append {
            true => std::fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(&place)?
                .write_all(body.as_bytes()),
            false => std::fs::write(&place, body),
        }
    };
    write().map_err(|error| {
        ApiError::unavailable(format!("`{}` cannot be written: {error}", command.file))
            .hint("choose another path, or check the permissions of the folder")
    })?;
    let verb = match (existed, command.append) {
        (true, true) => "appended to",
        (true, false) => "overwrote",
        (false, _) => "wrote",
    };
    let size = body.len() as u64;
    Outcome::new(
        format!("{verb} `{}` ({})", command.file, byte_size(size)),
        &json!({ "file": place, "size": size, "existed": existed }),
    )
}

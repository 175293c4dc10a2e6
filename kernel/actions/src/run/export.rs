use lazuli::Result;
use lazuli_domain::Run;
use serde_json::json;

use crate::archives::new_file;
use crate::{Context, Outcome};

/// The page is the daemon's; it goes to a file of the caller.
pub(super) fn export(
    context: &Context,
    run: &Run,
    file: Option<String>,
    force: bool,
) -> Result<Outcome> {
    let file = file.unwrap_or_else(|| format!("{}.html", run.run_id));
    let path = new_file(context, &file, force)?;
    context.client.run_page(&run.run_id)?.save(&path, None)?;
    Outcome::new(
        format!("kept run `{}` in `{file}`", run.run_id),
        &json!({ "run_id": run.run_id, "file": path }),
    )
}

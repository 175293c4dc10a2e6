use lazuli::Result;
use lazuli_commands::nearest;
use lazuli_domain::{ApiError, Artifact, ErrorKind, Run, artifact_path};
use serde_json::json;

use crate::files::{self, Wanted};
use crate::{Context, Outcome, Talk};

/// A file lands in the folder by its last name, a folder's files below the folder's name.
pub(super) fn download(
    context: &Context,
    talk: &mut dyn Talk,
    run: &Run,
    path: &str,
    to: &str,
    force: bool,
) -> Result<Outcome> {
    let path = artifact_path(path)?;
    let kept = context.client.artifacts(&run.run_id, "")?;
    let below = format!("{path}/");
    let chosen: Vec<&Artifact> = kept
        .iter()
        .filter(|artifact| artifact.path == path || artifact.path.starts_with(&below))
        .collect();
    if chosen.is_empty() {
        let names = kept.iter().map(|artifact| artifact.path.as_str());
        let hint = match nearest(&path, names) {
            Some(right) => format!("did you mean `{right}`?"),
            None => {
                let show = context.say(&format!("run show {}", run.run_id));
                format!("{show} lists its files")
            }
        };
        let message = format!("run `{}` has no file `{path}`", run.run_id);
        return Err(ApiError::new(ErrorKind::NotFound, message).hint(hint).into());
    }
    let parent = path.rfind('/').map_or(0, |slash| slash + 1);
    let files: Vec<Wanted> = chosen
        .iter()
        .map(|artifact| Wanted { name: artifact.path[parent..].to_owned(), size: artifact.size })
        .collect();
    let open = |name: &str| {
        context.client.get_artifact(&run.run_id, &format!("{}{name}", &path[..parent]))
    };
    let places = files::download(context, talk, &files, to, force, &open)?;
    let json = json!({ "run_id": run.run_id, "files": places });
    Outcome::new(files::downloaded(&files, to), &json)
}

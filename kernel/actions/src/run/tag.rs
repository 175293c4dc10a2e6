use lazuli::Result;
use lazuli_domain::{Run, RunPatch, StringMap};

use crate::show::pairs;
use crate::{Context, Outcome};

pub(super) fn tag(
    context: &Context,
    run: &Run,
    set_tags: StringMap,
    remove_tags: Vec<String>,
) -> Result<Outcome> {
    let patch = RunPatch { set_tags, remove_tags, ..RunPatch::default() };
    let run = context.client.update_run(&run.run_id, &patch)?;
    let text = match run.tags.is_empty() {
        true => format!("run `{}` has no tags", run.run_id),
        false => format!("tags of run `{}`: {}", run.run_id, pairs(&run.tags)),
    };
    Outcome::new(text, &run)
}

//! `gc`, `backup` and `restore`.

use lazuli::Result;
use lazuli_commands::table::Gc;
use lazuli_domain::{GcReport, GcRequest, Progress};

use crate::show::{byte_size, count};
use crate::{Context, Outcome, Talk};

pub(crate) fn gc(command: &Gc, context: &Context, talk: &mut dyn Talk) -> Result<Outcome> {
    let asked = GcRequest { older_than_seconds: command.older_than, dry_run: command.dry_run };
    let report = context.client.gc(&asked, &mut |progress| tell(talk, progress))?;
    Outcome::new(removed(&report), &report)
}

/// Counts are not bytes: they are told as sentences, and not each of them.
fn tell(talk: &mut dyn Talk, progress: &Progress) {
    if progress.total >= 1000 && progress.done % 1000 == 0 {
        talk.note(&format!("{}: {} of {}", progress.doing, progress.done, progress.total));
    }
}

fn removed(report: &GcReport) -> String {
    let parts: Vec<String> = [
        (report.runs, "run"),
        (report.experiments, "experiment"),
        (report.models, "model version"),
        (report.snapshots, "snapshot"),
        (report.uploads, "upload"),
        (report.environments, "environment"),
        (report.blobs, "file"),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, thing)| count(number, thing))
    .collect();
    let size = byte_size(report.bytes);
    match (parts.is_empty(), report.dry_run) {
        (true, true) => "nothing would be removed".to_owned(),
        (true, false) => "there was nothing to remove".to_owned(),
        (false, true) => format!("would remove {}; that frees {size}", parts.join(", ")),
        (false, false) => format!("removed {}; that freed {size}", parts.join(", ")),
    }
}

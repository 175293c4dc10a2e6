//! `gc`, `backup` and `restore`.

use lazuli::Result;
use lazuli_commands::table::{Backup, Gc, Restore};
use lazuli_domain::{GcReport, GcRequest, Progress};
use serde_json::json;

use crate::archives::{lost, new_file, step};
use crate::show::{byte_size, count};
use crate::{Context, Outcome, Talk};

pub(crate) fn gc(command: &Gc, context: &Context, talk: &mut dyn Talk) -> Result<Outcome> {
    let asked = GcRequest { older_than_seconds: command.older_than, dry_run: command.dry_run };
    let report = context.client.gc(&asked, &mut |progress| tell(talk, progress))?;
    Outcome::new(removed(&report), &report)
}

pub(crate) fn backup(command: &Backup, context: &Context, talk: &mut dyn Talk) -> Result<Outcome> {
    let file = new_file(context, &command.file, command.force)?;
    let size = context.client.backup(&file, &mut |_done| {})?;
    talk.note(
        "the secrets in it open only with the file `key` of this home, which no backup contains",
    );
    Outcome::new(
        format!("kept everything in `{}` ({})", command.file, byte_size(size)),
        &json!({ "file": file, "size": size }),
    )
}

pub(crate) fn restore(
    command: &Restore,
    context: &Context,
    talk: &mut dyn Talk,
) -> Result<Outcome> {
    let file = context.path(&command.file);
    let report = context.client.restore(&file, command.force, &mut |now| step(talk, now))?;
    if report.secrets > 0 {
        talk.note("its secrets open only with the file `key` of the home they were kept in");
    }
    lost(talk, &report.missing);
    let parts = [
        count(report.runs, "run"),
        count(report.experiments, "experiment"),
        count(report.models, "model version"),
        count(report.datasets, "dataset version"),
        count(report.secrets, "secret"),
        format!("{} ({})", count(report.blobs, "file"), byte_size(report.bytes)),
    ];
    Outcome::new(format!("restored {}", parts.join(", ")), &report)
}

/// Counts are not bytes: they are told as sentences, and not each of them.
fn tell(talk: &mut dyn Talk, progress: &Progress) {
    if progress.total >= 1000 && progress.done.is_multiple_of(1000) {
        talk.note(&format!("{}: {} of {}", progress.doing, progress.done, progress.total));
    }
}

fn removed(report: &GcReport) -> String {
    let parts: Vec<String> = [
        (report.runs, "run"),
        (report.experiments, "experiment"),
        (report.models, "model version"),
        (report.datasets, "dataset version"),
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

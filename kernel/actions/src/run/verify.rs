use lazuli::Result;
use lazuli_domain::{Run, RunVerification};

use crate::show::count;
use crate::{Context, Outcome};

pub(super) fn verify(context: &Context, run: &Run) -> Result<Outcome> {
    let found = context.client.verify_run(&run.run_id)?;
    let is_bad = !found.agrees;
    Ok(Outcome { is_bad, ..Outcome::new(text(&found), &found)? })
}

fn text(found: &RunVerification) -> String {
    let records = |number| count(number, "record");
    let mut lines = vec![
        format!("Run        {} ({})", found.run_id, found.status),
        format!("Logged     {}", records(found.logged)),
        format!("Shipped    {}", records(found.shipped)),
        format!(
            "Committed  {}: {} and {} other than points",
            records(found.committed),
            count(found.points_from_records, "point"),
            found.committed.saturating_sub(found.points_from_records)
        ),
    ];
    if found.points_from_requests > 0 {
        lines.push(format!(
            "           {} sent in requests",
            count(found.points_from_requests, "point")
        ));
    }
    lines.push(format!("Stored     {}", count(found.points_stored, "point")));
    if found.rejected > 0 {
        let reason = found.rejected_reason.as_deref().unwrap_or_default();
        lines.push(format!("Rejected   {}, the last one: {reason}", records(found.rejected)));
    }
    if found.unfinished_bytes > 0 {
        lines.push(format!(
            "Unfinished {} bytes: a record is being written, or its writer was killed",
            found.unfinished_bytes
        ));
    }
    match found.agrees {
        true => lines.push("Everything agrees".to_owned()),
        false => lines.extend(found.problems.iter().map(|problem| format!("PROBLEM: {problem}"))),
    }
    lines.join("\n")
}

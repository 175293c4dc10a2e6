use lazuli::Result;
use lazuli_domain::Run;

use crate::{Context, Outcome, Session};

/// The text is the daemon's; a kernel shows the whole bundle and follows the run.
pub(super) fn details(context: &Context, session: &mut Session, run: &Run) -> Result<Outcome> {
    let bundle = context.client.display(&run.run_id)?;
    let text = bundle.data.get("text/plain").and_then(|text| text.as_str());
    let html = bundle.data.get("text/html").and_then(|html| html.as_str());
    session.last_run_id = Some(run.run_id.clone());
    let details = bundle.data.get(lazuli_domain::MIME_RUN).cloned().unwrap_or_default();
    Ok(Outcome {
        is_bad: false,
        text: text.unwrap_or_default().trim_end().to_owned(),
        html: html.map(str::to_owned),
        json: details,
        follow: Some(run.run_id.clone()),
    })
}

use std::sync::Arc;

use base64::Engine as _;
use lazuli_domain::{Metric, MetricKind, MetricValue, RunDetails, StringMap};

use super::STANDARD_LOG;
use crate::app::App;
use crate::blobs::Blobs;
use crate::clock::now_ms;
use crate::error::{Error, Result};
use crate::store;
use crate::store::metrics::{MetricHeader, StepRange};

/// How much of a run a picture holds.
#[derive(Clone, Copy)]
pub struct Extent {
    /// Of a chart.
    points: usize,
    log_lines: usize,
    /// Read from the end of the log to find its last lines.
    log_tail: u64,
    largest_image: u64,
    image_bytes: u64,
    children: usize,
}

impl Extent {
    /// What a notebook can bear; more points than a chart has pixels would show nothing more.
    pub const DISPLAY: Extent = Extent {
        points: 400,
        log_lines: 20,
        log_tail: 64 << 10,
        largest_image: 256 << 10,
        image_bytes: 1 << 20,
        children: 200,
    };
    /// What is to be kept in a file of its own.
    pub const FILE: Extent = Extent {
        points: 2_000,
        log_lines: 20_000,
        log_tail: 2 << 20,
        largest_image: 4 << 20,
        image_bytes: 16 << 20,
        children: 2_000,
    };
}

/// Everything RunDetails shows, of one moment.
pub async fn run_details(app: &Arc<App>, given: String, extent: Extent) -> Result<RunDetails> {
    let run_id = super::full_run_id(app, given).await?;
    super::drain(app, &run_id).await?;
    let asked = run_id.clone();
    let mut details = app
        .store
        .read(move |database| {
            let head = store::runs::head(database, &asked)?;
            let mut metrics = Vec::new();
            for header in store::metrics::headers(database, head.key)? {
                let mut points = Vec::new();
                if header.kind == MetricKind::Scalar {
                    let everything = StepRange::default();
                    points = store::metrics::sampled(database, &header, everything, extent.points)?;
                } else {
                    let span = (first_shown(header.kind, header.count, extent), i64::MAX);
                    let take = |_, point| points.push(point);
                    store::metrics::each_point(database, header.key, header.kind, span, take)?;
                }
                let MetricHeader { name, kind, description, count, .. } = header;
                metrics.push(Metric { name, kind, description, count, points });
            }
            Ok(RunDetails {
                run: store::runs::get(database, &asked)?,
                metrics,
                children: store::runs::children(database, head.key, extent.children)?,
                artifacts: store::artifacts::list(database, head.key, "")?,
                datasets: store::dataset_uses::of_run(database, head.key)?,
                log_tail: Vec::new(),
                images: StringMap::new(),
                sequence: store::events::last_sequence(database)?,
                observed_at_ms: now_ms(),
            })
        })
        .await?;
    details.log_tail = log_tail(app, run_id, extent).await?;
    details.images = small_images(&app.blobs, &details, extent).await?;
    Ok(details)
}

/// From which point on a history that is no chart of one line is read.
fn first_shown(kind: MetricKind, count: u64, extent: Extent) -> i64 {
    let most = match kind {
        MetricKind::Row | MetricKind::List => extent.points as u64,
        // Each of these is a picture or table of its own.
        _ => 10,
    };
    count.saturating_sub(most) as i64
}

/// The images that metrics show, as `data:` URIs, as far as a saved notebook can bear them.
async fn small_images(blobs: &Blobs, details: &RunDetails, extent: Extent) -> Result<StringMap> {
    let mut images = StringMap::new();
    let mut room = extent.image_bytes;
    let shown = details.metrics.iter().filter(|metric| metric.kind == MetricKind::Image);
    for point in shown.flat_map(|metric| metric.points.iter().rev()) {
        let MetricValue::Json(value) = &point.value else { continue };
        let Some(path) = value.get("artifact").and_then(|path| path.as_str()) else { continue };
        let Some(artifact) = details.artifacts.iter().find(|artifact| artifact.path == path) else {
            continue;
        };
        let Some(media_type) = image_type(path) else { continue };
        if artifact.size > extent.largest_image || artifact.size > room || images.contains_key(path)
        {
            continue;
        }
        room -= artifact.size;
        let bytes = blobs.open_blob(&artifact.sha256).await?.bytes(0, extent.largest_image).await?;
        let content = base64::engine::general_purpose::STANDARD.encode(bytes);
        images.insert(path.to_owned(), format!("data:{media_type};base64,{content}"));
    }
    Ok(images)
}

fn image_type(path: &str) -> Option<&'static str> {
    let (_, extension) = path.rsplit_once('.')?;
    match extension.to_ascii_lowercase().as_str() {
        "png" => Some("image/png"),
        "jpg" | "jpeg" => Some("image/jpeg"),
        "gif" => Some("image/gif"),
        "webp" => Some("image/webp"),
        "svg" => Some("image/svg+xml"),
        _ => None,
    }
}

async fn log_tail(app: &Arc<App>, run_id: String, extent: Extent) -> Result<Vec<String>> {
    let log = match super::open_log(app, run_id, STANDARD_LOG.to_owned()).await {
        Ok(log) => log,
        // An interactive run has no log.
        Err(Error::Refused(_)) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let start = log.size().saturating_sub(extent.log_tail);
    Ok(last_lines(&log.bytes(start, extent.log_tail).await?, extent.log_lines))
}

/// The last lines as a terminal would show them: a progress bar that writes over its line with `\r`
/// is shown as it stands.
fn last_lines(bytes: &[u8], most: usize) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let mut lines: Vec<String> = text
        .lines()
        .rev()
        .take(most)
        .map(|line| line.trim_end_matches('\r').rsplit('\r').next().unwrap_or("").to_owned())
        .collect();
    lines.reverse();
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_shows_what_a_terminal_would() {
        assert_eq!(last_lines(b"a\nb\r\n 1%\r50%\r99%\nend", 20), ["a", "b", "99%", "end"]);
        let many: String = (0..100).map(|line| format!("{line}\n")).collect();
        assert_eq!(last_lines(many.as_bytes(), 20).first().map(String::as_str), Some("80"));
    }
}

//! Rows drawn as lines, bars or points.

use lazuli_domain::readable::{self, escape_html as escape};
use lazuli_domain::{ApiError, Plot, PlotKind, TableColumn, TablePreview};
use serde_json::Value;

use super::cells;
use super::chart::{self, LARGE, Mark, Series};
use crate::plotting::{COLOURS, tick};

/// More colours than there are would say nothing.
const MOST_SERIES: usize = COLOURS.len();
/// More names below the axis would run into each other.
const MOST_LABELS: usize = 12;
const LONGEST_LABEL: usize = 14;

/// What stands on the lower axis.
enum Axis {
    Numbers,
    Times,
    /// One place per row, named by the row's value.
    Names(Vec<String>),
}

/// The chart as HTML, with the names of the columns in it.
pub fn drawn(preview: &TablePreview, plot: &Plot) -> Result<String, ApiError> {
    let (x, y) = columns(preview, plot)?;
    let column = |at: usize| &preview.columns[at];
    let axis = axis(preview, x, plot.kind);
    let places: Vec<f64> = preview
        .rows
        .iter()
        .enumerate()
        .map(|(row, values)| match &axis {
            Axis::Names(_) => row as f64,
            Axis::Numbers => values.get(x).and_then(figure).unwrap_or(f64::NAN),
            Axis::Times => values.get(x).and_then(time).unwrap_or(f64::NAN),
        })
        .collect();
    let width = bar_width(&places) / y.len() as f64;
    let series: Vec<Series> = y
        .iter()
        .enumerate()
        .map(|(number, at)| {
            let shift = match plot.kind {
                PlotKind::Bar => (number as f64 - (y.len() as f64 - 1.0) / 2.0) * width,
                PlotKind::Line | PlotKind::Scatter => 0.0,
            };
            let values = preview.rows.iter().map(|row| row.get(*at).and_then(figure));
            let heights = values.map(|value| value.unwrap_or(f64::NAN));
            let mut points: Vec<(f64, f64)> =
                places.iter().zip(heights).map(|(place, height)| (place + shift, height)).collect();
            if plot.kind == PlotKind::Line {
                points.sort_by(|one, other| one.0.total_cmp(&other.0));
            }
            let mark = match plot.kind {
                PlotKind::Line => Mark::Line,
                PlotKind::Scatter => Mark::Points,
                PlotKind::Bar => Mark::Bars { width },
            };
            Series { points, mark }
        })
        .collect();
    let span = places.iter().copied().filter(|place| place.is_finite());
    let span = span.clone().fold(f64::MIN, f64::max) - span.fold(f64::MAX, f64::min);
    let label = |value: f64| label(&axis, value, span);
    let labels = match &axis {
        Axis::Names(names) => names.len().clamp(2, MOST_LABELS),
        Axis::Numbers => 8,
        Axis::Times => 6,
    };
    let Some(image) = chart::plot(&series, &label, labels) else {
        return Err(ApiError::invalid("there is nothing to draw: no row has a number in it")
            .hint("leave `--plot` out to see the rows"));
    };
    let names: Vec<String> = y.iter().map(|at| column(*at).name.clone()).collect();
    Ok(html(&image, &column(x).name, &names, preview))
}

/// Which columns are drawn: the one below, and those that go up.
fn columns(preview: &TablePreview, plot: &Plot) -> Result<(usize, Vec<usize>), ApiError> {
    let named = |name: &str| {
        preview.columns.iter().position(|column| column.name == name).ok_or_else(|| {
            let names: Vec<&str> =
                preview.columns.iter().map(|column| column.name.as_str()).collect();
            ApiError::not_found("column", name).hint(format!("the rows have {}", names.join(", ")))
        })
    };
    let x = match &plot.x {
        Some(name) => named(name)?,
        None => 0,
    };
    let y = match plot.y.is_empty() {
        false => plot.y.iter().map(|name| named(name)).collect::<Result<Vec<_>, _>>()?,
        true => (0..preview.columns.len())
            .filter(|at| *at != x && is_figures(preview, *at))
            .take(MOST_SERIES)
            .collect(),
    };
    if y.is_empty() {
        return Err(ApiError::invalid("there is nothing to draw: no second column holds numbers")
            .hint("select two columns: what goes to the right, and what goes up"));
    }
    if y.len() > MOST_SERIES {
        return Err(ApiError::invalid(format!("{} columns are too many for one chart", y.len()))
            .hint(format!("name at most {MOST_SERIES}")));
    }
    Ok((x, y))
}

fn is_figures(preview: &TablePreview, at: usize) -> bool {
    cells::is_number(&preview.columns[at])
}

fn axis(preview: &TablePreview, x: usize, kind: PlotKind) -> Axis {
    let column: &TableColumn = &preview.columns[x];
    let values = || preview.rows.iter().filter_map(|row| row.get(x));
    if cells::is_time(column) && values().all(|value| value.is_null() || time(value).is_some()) {
        return Axis::Times;
    }
    // Few bars are told apart by their names, many by their places.
    if cells::is_number(column) && (kind != PlotKind::Bar || preview.rows.len() > MOST_LABELS) {
        return Axis::Numbers;
    }
    Axis::Names(
        values()
            .map(|value| readable::shorten(&cells::value(column, value), LONGEST_LABEL))
            .collect(),
    )
}

fn figure(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(value) => Some(f64::from(u8::from(*value))),
        Value::String(text) => text.parse().ok(),
        other => other.as_f64(),
    }
}

/// Seconds since 1970 of `2026-11-25` or `2026-11-25T14:05:09.5Z`.
fn time(value: &Value) -> Option<f64> {
    let text = value.as_str()?;
    let (date, clock) = text.split_once(['T', ' ']).unwrap_or((text, ""));
    let mut parts = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let mut seconds = 0.0;
    for (part, weight) in clock.trim_end_matches('Z').split(':').zip([3600.0, 60.0, 1.0]) {
        if !part.is_empty() {
            seconds += part.parse::<f64>().ok()? * weight;
        }
    }
    // Howard Hinnant's `days_from_civil`, which counts years from March.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some((era * 146_097 + day_of_era - 719_468) as f64 * 86_400.0 + seconds)
}

fn label(axis: &Axis, value: f64, span: f64) -> String {
    match axis {
        Axis::Numbers => tick(value),
        Axis::Times => {
            let text = readable::date_time((value * 1000.0) as i64);
            // What is the same for all says nothing.
            match span {
                short if short < 2.0 * 86_400.0 => text.get(11..16).unwrap_or(&text).to_owned(),
                _ => text.get(..10).unwrap_or(&text).to_owned(),
            }
        }
        Axis::Names(names) => {
            let is_whole = (value - value.round()).abs() < 1e-6 && value > -0.5;
            let name = is_whole.then(|| names.get(value.round() as usize)).flatten();
            name.cloned().unwrap_or_default()
        }
    }
}

/// Of the room between two neighbours.
fn bar_width(places: &[f64]) -> f64 {
    let mut sorted: Vec<f64> = places.iter().copied().filter(|place| place.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let gaps = sorted.windows(2).map(|pair| pair[1] - pair[0]).filter(|gap| *gap > 0.0);
    let least = gaps.fold(f64::INFINITY, f64::min);
    if least.is_finite() { least * 0.9 } else { 1.0 }
}

fn html(image: &str, x: &str, y: &[String], preview: &TablePreview) -> String {
    let legend: Vec<String> = y
        .iter()
        .zip(COLOURS)
        .map(|(name, colour)| {
            format!(
                "<span style=\"color:rgb({},{},{})\">■</span> {}",
                colour.0,
                colour.1,
                colour.2,
                escape(name)
            )
        })
        .collect();
    let rows = cells::counted(preview.rows.len() as u64, "row");
    let rows = if preview.has_more { format!("the first {rows}") } else { rows };
    let alt = escape(&format!("{} over {x}, {rows}", y.join(", ")));
    format!(
        "<div>{} <span style=\"opacity:.7\">over {} · {rows}</span></div><img src=\"{image}\" \
         alt=\"{alt}\" width=\"{}\" height=\"{}\" style=\"max-width:100%\">",
        legend.join("&nbsp; "),
        escape(x),
        LARGE.0,
        LARGE.1
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::time;

    #[test]
    fn times_are_read_to_the_second() {
        assert_eq!(time(&json!("1970-01-01")), Some(0.0));
        assert_eq!(time(&json!("2000-02-29T12:00:00Z")), Some(951_825_600.0));
        assert_eq!(time(&json!("1969-12-31 23:59:59.5")), Some(-0.5));
        assert_eq!(time(&json!("yesterday")), None);
        assert_eq!(time(&json!(5)), None);
    }
}

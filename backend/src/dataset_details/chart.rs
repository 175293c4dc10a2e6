//! Drawings as SVG by plotters, handed out as `data:` URIs. An image cannot know whether the notebook
//! is light or dark, so the ground stays transparent and every colour is a middle tone.

use base64::Engine as _;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

pub const SMALL: (u32, u32) = (116, 34);
pub const LARGE: (u32, u32) = (680, 340);

const INK: RGBColor = RGBColor(128, 136, 146);
pub const COLOURS: [RGBColor; 6] = [
    RGBColor(47, 111, 208),
    RGBColor(214, 93, 51),
    RGBColor(38, 150, 92),
    RGBColor(150, 90, 190),
    RGBColor(190, 140, 30),
    RGBColor(60, 150, 170),
];

type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// Bars side by side, without axes.
pub fn histogram(counts: &[u64]) -> Option<String> {
    let top = counts.iter().copied().max().filter(|top| *top > 0)? as f64;
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, SMALL).into_drawing_area();
    let drawn = ChartBuilder::on(&area)
        .build_cartesian_2d(0.0..counts.len() as f64, 0.0..top)
        .and_then(|mut chart| {
            chart.draw_series(counts.iter().enumerate().filter(|(_, count)| **count > 0).map(
                |(at, count)| {
                    // One that is rare is seen as well.
                    let height = (*count as f64).max(top * 0.04);
                    Rectangle::new(
                        [(at as f64 + 0.06, 0.0), (at as f64 + 0.94, height)],
                        COLOURS[0].mix(0.75).filled(),
                    )
                },
            ))?;
            area.present()
        });
    finished(drawn)?;
    drop(area);
    Some(data_uri(&svg))
}

/// What is drawn of one column.
pub enum Mark {
    Line,
    Points,
    /// So many side by side, of which this is that one.
    Bars {
        width: f64,
    },
}

pub struct Series {
    pub points: Vec<(f64, f64)>,
    pub mark: Mark,
}

/// How values on the lower axis are written.
pub type Label<'a> = &'a dyn Fn(f64) -> String;

/// Series in one chart with axes; `None`: there is nothing finite in them.
pub fn plot(series: &[Series], label: Label<'_>, labels: usize) -> Option<String> {
    let finite = || {
        let points = series.iter().flat_map(|series| &series.points);
        points.filter(|(x, y)| x.is_finite() && y.is_finite())
    };
    finite().next()?;
    let bars = series.iter().find_map(|series| match series.mark {
        Mark::Bars { width } => Some(width),
        _ => None,
    });
    let (mut left, mut right) = extent(finite().map(|point| point.0));
    let (mut low, mut high) = extent(finite().map(|point| point.1));
    if let Some(width) = bars {
        (left, right) = (left - width / 2.0, right + width / 2.0);
        (low, high) = (low.min(0.0), high.max(0.0));
    }
    let (x, y) = (padded((left, right), 0.02), padded((low, high), 0.05));
    // Bars stand on the ground.
    let ground = if bars.is_some() && low >= 0.0 { 0.0 } else { y.0 };
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, LARGE).into_drawing_area();
    let drawn = ChartBuilder::on(&area)
        .margin(8)
        .margin_right(16)
        .x_label_area_size(24)
        .y_label_area_size(56)
        .build_cartesian_2d(x.0..x.1, ground..y.1)
        .and_then(|mut chart| {
            let style = ("sans-serif", 12).into_font().color(&INK);
            chart
                .configure_mesh()
                .x_labels(labels)
                .y_labels(6)
                .axis_style(INK.mix(0.7))
                .bold_line_style(INK.mix(0.22))
                .light_line_style(TRANSPARENT)
                .label_style(style)
                .x_label_formatter(&|value| label(*value))
                .y_label_formatter(&|value| tick(*value))
                .draw()?;
            draw(&mut chart, series)?;
            area.present()
        });
    finished(drawn)?;
    drop(area);
    Some(data_uri(&svg))
}

fn draw(
    chart: &mut ChartContext<'_, SVGBackend<'_>, Cartesian2d<RangedCoordf64, RangedCoordf64>>,
    series: &[Series],
) -> Drawn {
    for (series, colour) in series.iter().zip(COLOURS.iter().cycle()) {
        let points = &series.points;
        match series.mark {
            Mark::Line => {
                for part in points.split(|(x, y)| !x.is_finite() || !y.is_finite()) {
                    chart.draw_series(LineSeries::new(
                        part.iter().copied(),
                        colour.stroke_width(2),
                    ))?;
                }
            }
            Mark::Points => {
                let finite = points.iter().filter(|(x, y)| x.is_finite() && y.is_finite());
                chart.draw_series(
                    finite.map(|point| Circle::new(*point, 3, colour.mix(0.6).filled())),
                )?;
            }
            Mark::Bars { width } => {
                let finite = points.iter().filter(|(x, y)| x.is_finite() && y.is_finite());
                chart.draw_series(finite.map(|(x, y)| {
                    Rectangle::new(
                        [(x - width * 0.45, 0.0), (x + width * 0.45, *y)],
                        colour.mix(0.75).filled(),
                    )
                }))?;
            }
        }
    }
    Ok(())
}

fn finished(drawn: Drawn) -> Option<()> {
    drawn.inspect_err(|error| tracing::warn!(%error, "a chart could not be drawn")).ok()
}

fn data_uri(svg: &str) -> String {
    let encoded = base64::engine::general_purpose::STANDARD.encode(svg);
    format!("data:image/svg+xml;base64,{encoded}")
}

pub fn tick(value: f64) -> String {
    // Steps such as 0.1 add up to 0.30000000000000004 on the way; four digits hide that.
    let value = if value.abs() < 1e-12 { 0.0 } else { value };
    match value.abs() {
        size if size != 0.0 && !(1e-3..1e6).contains(&size) => format!("{value:.1e}"),
        _ => lazuli_domain::readable::number(lazuli_domain::Number::Float(
            (value * 1e4).round() / 1e4,
        )),
    }
}

fn extent(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    })
}

/// Some room at both ends; a range of no width gets one. The middle is halved before it is added, so
/// that the widest doubles do not overflow.
fn padded((low, high): (f64, f64), share: f64) -> (f64, f64) {
    let width = high / 2.0 - low / 2.0;
    let room = match width > 0.0 {
        true => 2.0 * (width * share),
        false if low == 0.0 => 1.0,
        false => low.abs() * 0.1,
    };
    ((low - room).max(f64::MIN / 4.0), (high + room).min(f64::MAX / 4.0))
}

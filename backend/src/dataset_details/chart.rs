//! What is drawn of a table's columns and queries.

use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use crate::plotting::{COLOURS, Drawn, INK, data_uri, extent, finished, padded, tick};

pub const SMALL: (u32, u32) = (116, 34);
pub const LARGE: (u32, u32) = (680, 340);

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

//! What is drawn of a run's metrics.

use plotters::prelude::*;

use crate::plotting::{COLOURS, Drawn, INK, data_uri, extent, finished, padded, tick};

type Drawing<'a> = ChartContext<
    'a,
    SVGBackend<'a>,
    Cartesian2d<plotters::coord::types::RangedCoordf64, plotters::coord::types::RangedCoordf64>,
>;

pub const WIDTH: u32 = 300;
pub const HEIGHT: u32 = 170;

/// A line through the points; it is broken where a value is NaN or infinite. None: nothing to see.
pub fn line(points: &[(f64, f64)]) -> Option<String> {
    lines(&[points.to_vec()], None)
}

/// Several lines in one chart.
pub fn lines(series: &[Vec<(f64, f64)>], ranges: Option<[(f64, f64); 2]>) -> Option<String> {
    let finite = || series.iter().flatten().filter(|(x, y)| x.is_finite() && y.is_finite());
    finite().next()?;
    let [(x_low, x_high), (y_low, y_high)] = ranges.unwrap_or_else(|| {
        [
            padded(extent(finite().map(|point| point.0)), 0.0),
            padded(extent(finite().map(|point| point.1)), 0.06),
        ]
    });
    draw(x_low..x_high, y_low..y_high, |chart| {
        for (points, colour) in series.iter().zip(COLOURS.iter().cycle()) {
            for part in points.split(|(x, y)| !x.is_finite() || !y.is_finite()) {
                if part.len() > 1 {
                    chart.draw_series(LineSeries::new(
                        part.iter().copied(),
                        colour.stroke_width(2),
                    ))?;
                }
                if points.len() <= 40 || part.len() == 1 {
                    chart.draw_series(
                        part.iter().map(|point| Circle::new(*point, 2, colour.filled())),
                    )?;
                }
            }
        }
        Ok(())
    })
}

/// Bars between the edges; `edges` has one element more than `heights`.
pub fn bars(edges: &[f64], heights: &[f64]) -> Option<String> {
    let drawable = edges.len() == heights.len() + 1
        && !heights.is_empty()
        && edges.iter().chain(heights).all(|value| value.is_finite());
    if !drawable {
        return None;
    }
    let (low, high) = padded(extent(edges.iter().copied()), 0.0);
    let (floor, top) = extent(heights.iter().copied());
    let (floor, top) = padded((floor.min(0.0), top.max(0.0)), 0.0);
    draw(low..high, floor..top, |chart| {
        chart.draw_series(edges.windows(2).zip(heights).map(|(edge, height)| {
            Rectangle::new([(edge[0], 0.0), (edge[1], *height)], COLOURS[0].mix(0.75).filled())
        }))?;
        Ok(())
    })
}

fn draw(
    x_range: std::ops::Range<f64>,
    y_range: std::ops::Range<f64>,
    series: impl FnOnce(&mut Drawing<'_>) -> Drawn,
) -> Option<String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH, HEIGHT)).into_drawing_area();
        let drawn = ChartBuilder::on(&area)
            .margin(6)
            .margin_right(14)
            .x_label_area_size(20)
            .y_label_area_size(46)
            .build_cartesian_2d(x_range, y_range)
            .and_then(|mut chart| {
                let label = ("sans-serif", 11).into_font().color(&INK);
                chart
                    .configure_mesh()
                    .x_labels(5)
                    .y_labels(5)
                    .axis_style(INK.mix(0.7))
                    .bold_line_style(INK.mix(0.25))
                    .light_line_style(TRANSPARENT)
                    .label_style(label)
                    .x_label_formatter(&|value| tick(*value))
                    .y_label_formatter(&|value| tick(*value))
                    .draw()?;
                series(&mut chart)?;
                area.present()
            });
        finished(drawn)?;
    }
    Some(data_uri(&svg))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;

    use super::*;

    fn svg(uri: &str) -> String {
        let encoded = uri.strip_prefix("data:image/svg+xml;base64,").unwrap();
        String::from_utf8(base64::engine::general_purpose::STANDARD.decode(encoded).unwrap())
            .unwrap()
    }

    #[test]
    fn a_line_is_broken_at_nan() {
        let drawn = line(&[(0.0, 1.0), (1.0, 2.0), (2.0, f64::NAN), (3.0, 1.0), (4.0, 0.0)]);
        assert_eq!(svg(&drawn.unwrap()).matches("#2F6FD0\" stroke-width=\"2\"").count(), 2);
    }

    #[test]
    fn nothing_finite_is_no_chart() {
        assert_eq!(line(&[(0.0, f64::NAN), (1.0, f64::INFINITY)]), None);
        assert_eq!(line(&[]), None);
    }

    #[test]
    fn extreme_and_equal_values_can_be_drawn() {
        for (first, second) in
            [(1.0, 1.0), (0.0, 0.0), (1e-300, 2e-300), (-1e300, 1e300), (f64::MIN, f64::MAX)]
        {
            let drawn = line(&[(0.0, first), (1.0, second)]).unwrap();
            assert!(svg(&drawn).contains("polyline"), "{first} {second}");
        }
    }

    #[test]
    fn bars_need_one_edge_more_than_heights() {
        assert!(bars(&[0.0, 1.0, 2.0], &[3.0, 4.0]).is_some());
        assert_eq!(bars(&[0.0, 1.0], &[3.0, 4.0]), None);
    }
}

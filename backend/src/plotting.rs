//! What the charts of runs and of datasets share. They are SVG by plotters, handed out as `data:` URIs.
//! An image cannot know whether the notebook is light or dark, so the ground stays transparent and
//! every colour is a middle tone.

use base64::Engine as _;
use plotters::prelude::{DrawingAreaErrorKind, RGBColor};

pub const INK: RGBColor = RGBColor(128, 136, 146);
pub const COLOURS: [RGBColor; 6] = [
    RGBColor(47, 111, 208),
    RGBColor(214, 93, 51),
    RGBColor(38, 150, 92),
    RGBColor(150, 90, 190),
    RGBColor(190, 140, 30),
    RGBColor(60, 150, 170),
];

pub type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// None when it could not be drawn.
pub fn finished(drawn: Drawn) -> Option<()> {
    drawn.inspect_err(|error| tracing::warn!(%error, "a chart could not be drawn")).ok()
}

pub fn data_uri(svg: &str) -> String {
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

pub fn extent(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    })
}

/// Some room at both ends; a range of no width gets one, or nothing could be drawn. The middle is
/// halved before it is added, so that the widest doubles do not overflow.
pub fn padded((low, high): (f64, f64), share: f64) -> (f64, f64) {
    let width = high / 2.0 - low / 2.0;
    let room = match width > 0.0 {
        true => 2.0 * (width * share),
        false if low == 0.0 => 1.0,
        false => low.abs() * 0.1,
    };
    ((low - room).max(f64::MIN / 4.0), (high + room).min(f64::MAX / 4.0))
}

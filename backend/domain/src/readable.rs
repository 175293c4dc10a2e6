//! How times, sizes and numbers are written for people; one way for every face.

use crate::Number;

/// At most six significant digits, without the zeros that say nothing.
pub fn number(number: Number) -> String {
    let Number::Float(value) = number else { return number.to_string() };
    if !value.is_finite() || value == 0.0 {
        return number.to_string();
    }
    if !(1e-4..1e15).contains(&value.abs()) {
        let text = format!("{value:.5e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        return format!("{}e{exponent}", without_trailing_zeros(mantissa));
    }
    let digits_before_point = value.abs().log10().floor() as i32 + 1;
    let decimals = (6 - digits_before_point).max(0) as usize;
    without_trailing_zeros(&format!("{value:.decimals$}")).to_owned()
}

fn without_trailing_zeros(text: &str) -> &str {
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => text,
    }
}

/// `0.3 s`, `2 min 05 s`, `3 h 20 min`.
pub fn duration(milliseconds: i64) -> String {
    let milliseconds = milliseconds.max(0);
    let seconds = milliseconds / 1000;
    match seconds {
        0..10 => format!("{}.{} s", seconds, milliseconds % 1000 / 100),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// `2026-11-23 14:05:09 UTC`
pub fn date_time(time_ms: i64) -> String {
    let seconds = time_ms.div_euclid(1000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil_date(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// Days since the Unix epoch to year, month, day: Howard Hinnant's `civil_from_days`
/// (<https://howardhinnant.github.io/date_algorithms.html>), which counts years from March.
fn civil_date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// `812 B`, `1.4 MB`: powers of ten.
pub fn byte_size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut size = bytes as f64 / 1000.0;
    let mut unit = 0;
    while size >= 999.95 && unit + 1 < UNITS.len() {
        size /= 1000.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

/// The first `length` characters, and `…` when there are more.
pub fn shorten(text: &str, length: usize) -> String {
    match text.char_indices().nth(length) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Text as HTML text, or as an attribute in either kind of quotes.
pub fn escape_html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_six_significant_digits() {
        for (value, shown) in [
            (0.1 + 0.2, "0.3"),
            (0.972_345_678, "0.972346"),
            (123_456_789.0, "123456789"),
            (2.5e-7, "2.5e-7"),
            (-1e300, "-1e300"),
            (f64::NAN, "NaN"),
            (0.0, "0"),
            (99.999_999_9, "100"),
        ] {
            assert_eq!(number(Number::Float(value)), shown);
        }
    }

    #[test]
    fn times_durations_and_sizes_read_well() {
        assert_eq!(date_time(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(date_time(-1), "1969-12-31 23:59:59 UTC");
        assert_eq!(date_time(951_782_400_000), "2000-02-29 00:00:00 UTC");
        assert_eq!(date_time(1_795_442_709_999), "2026-11-23 14:05:09 UTC");
        assert_eq!(duration(1_250), "1.2 s");
        assert_eq!(duration(65_300), "1 min 05 s");
        assert_eq!(duration(7_500_000), "2 h 05 min");
        assert_eq!(byte_size(999), "999 B");
        assert_eq!(byte_size(999_960), "1.0 MB");
        assert_eq!(byte_size(1_440_000), "1.4 MB");
    }

    #[test]
    fn html_has_no_way_out() {
        assert_eq!(escape_html("<a b='\"&'>"), "&lt;a b=&#39;&quot;&amp;&#39;&gt;");
    }
}

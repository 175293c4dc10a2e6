//! What the text of a field means: is it missing, a number, a time?

use lazuli_domain::ColumnType;

/// How a column's text is read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reading {
    Boolean,
    Integer,
    Float {
        /// `.` or `,`.
        decimal_mark: u8,
    },
    Text,
    Datetime {
        formats: Vec<String>,
    },
}

impl Reading {
    pub fn of(given: &ColumnType) -> Reading {
        match given {
            ColumnType::Boolean => Reading::Boolean,
            ColumnType::Integer => Reading::Integer,
            ColumnType::Float { decimal_mark } => {
                Reading::Float { decimal_mark: decimal_mark.bytes().next().unwrap_or(b'.') }
            }
            ColumnType::String | ColumnType::Stream => Reading::Text,
            ColumnType::Datetime { formats } => {
                Reading::Datetime { formats: formats.iter().map(|f| chrono_format(f)).collect() }
            }
        }
    }
}

/// The kinds of values that a column was seen to have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen(u8);

impl Seen {
    pub const NOTHING: Seen = Seen(0);
    pub const BOOLEAN: Seen = Seen(1);
    pub const INTEGER: Seen = Seen(2);
    pub const FLOAT: Seen = Seen(4);
    pub const DATETIME: Seen = Seen(8);
    pub const TEXT: Seen = Seen(16);

    pub fn add(&mut self, other: Seen) {
        self.0 |= other.0;
    }

    /// Nothing that comes later can change how the column is read.
    pub fn is_text(self) -> bool {
        self.reading() == Reading::Text && self != Seen::NOTHING
    }

    /// Numbers stay numbers when they are mixed; everything else that is mixed is text. A column
    /// without any value is text too.
    pub fn reading(self) -> Reading {
        match self {
            Seen::BOOLEAN => Reading::Boolean,
            Seen::INTEGER => Reading::Integer,
            Seen::DATETIME => Reading::Datetime { formats: Vec::new() },
            Seen(bits) if bits != 0 && bits & !(Seen::INTEGER.0 | Seen::FLOAT.0) == 0 => {
                Reading::Float { decimal_mark: b'.' }
            }
            _ => Reading::Text,
        }
    }
}

/// What pandas takes for a missing value. In a column of text they stay what they are: `NA` is
/// Namibia's code.
pub fn means_missing(text: &str) -> bool {
    matches!(
        text,
        "" | "NA"
            | "N/A"
            | "n/a"
            | "NaN"
            | "nan"
            | "-NaN"
            | "-nan"
            | "NULL"
            | "null"
            | "None"
            | "<NA>"
            | "#N/A"
            | "#NA"
    )
}

/// What kind of value the text is; nothing, where it means a missing one.
pub fn classify(text: &str) -> Seen {
    let text = trimmed(text);
    match text.as_bytes().first() {
        None => Seen::NOTHING,
        Some(b'0'..=b'9' | b'+' | b'-' | b'.') => {
            if integer(text).is_some() {
                Seen::INTEGER
            } else if float(text, b'.').is_some() {
                Seen::FLOAT
            } else if datetime(text).is_some() {
                Seen::DATETIME
            } else if means_missing(text) {
                Seen::NOTHING
            } else {
                Seen::TEXT
            }
        }
        Some(_) if means_missing(text) => Seen::NOTHING,
        Some(b't' | b'T' | b'f' | b'F') if boolean(text).is_some() => Seen::BOOLEAN,
        Some(b'i' | b'I') if float(text, b'.').is_some() => Seen::FLOAT,
        Some(_) => Seen::TEXT,
    }
}

/// Blanks beside a number, a boolean or a time mean nothing; text keeps its own.
pub fn trimmed(text: &str) -> &str {
    match text.as_bytes() {
        [b' ', ..] | [.., b' '] => text.trim_matches(' '),
        _ => text,
    }
}

pub fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// Digits with a sign, within 64 bits.
pub fn integer(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let (negative, digits) = match bytes.first()? {
        b'-' => (true, &bytes[1..]),
        b'+' => (false, &bytes[1..]),
        _ => (false, bytes),
    };
    if digits.is_empty() || digits.len() > 19 {
        // More digits fit only behind zeros, and an identifier with leading zeros is text.
        return None;
    }
    let mut value: u64 = 0;
    for digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        // 19 digits never overflow an unsigned number.
        value = value * 10 + u64::from(digit);
    }
    match negative {
        true if value <= 1 << 63 => Some(value.wrapping_neg() as i64),
        false => i64::try_from(value).ok(),
        true => None,
    }
}

const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// The number nearest to what is written, as Python's `float` gives it.
pub fn float(text: &str, decimal_mark: u8) -> Option<f64> {
    if decimal_mark != b'.' {
        // `1.234,5`: points group the digits then.
        let plain = text.replace('.', "").replace(char::from(decimal_mark), ".");
        return float(&plain, b'.');
    }
    if let Some(value) = short_decimal(text.as_bytes()) {
        return Some(value);
    }
    // `nan` is a missing value; the standard library also takes `infinity` in any case.
    text.parse().ok().filter(|value: &f64| !value.is_nan())
}

/// Up to 15 digits with a point: both they and the power of ten are exact, so their quotient is the
/// nearest number (Clinger's fast path).
fn short_decimal(bytes: &[u8]) -> Option<f64> {
    let (negative, digits) = match bytes.first()? {
        b'-' => (true, &bytes[1..]),
        b'+' => (false, &bytes[1..]),
        _ => (false, bytes),
    };
    if digits.is_empty() || digits.len() > 16 {
        return None;
    }
    let (mut value, mut count, mut point) = (0u64, 0usize, None);
    for byte in digits {
        match byte {
            b'0'..=b'9' => {
                value = value * 10 + u64::from(byte - b'0');
                count += 1;
            }
            b'.' if point.is_none() => point = Some(count),
            _ => return None,
        }
    }
    if count == 0 || count > 15 {
        return None;
    }
    let value = value as f64 / POWERS[count - point.unwrap_or(count)];
    Some(if negative { -value } else { value })
}

/// Microseconds since 1970 of an ISO 8601 date, with or without time and offset; `/` may stand for
/// `-` and a blank for `T`.
pub fn datetime(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() < 10 || !matches!(bytes[4], b'-' | b'/') || bytes[7] != bytes[4] {
        return None;
    }
    let days = days(number(&bytes[..4])?, number(&bytes[5..7])?, number(&bytes[8..10])?)?;
    let rest = &bytes[10..];
    let of_day = match rest.first() {
        None => 0,
        Some(b'T' | b't' | b' ') => time(&rest[1..])?,
        Some(_) => return None,
    };
    days.checked_mul(86_400_000_000)?.checked_add(of_day)
}

fn number(digits: &[u8]) -> Option<i64> {
    let mut value = 0;
    for digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + i64::from(digit);
    }
    Some(value)
}

/// Days since 1970 of a date of the Gregorian calendar (Howard Hinnant's `days_from_civil`).
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

/// Microseconds of `HH:MM`, `HH:MM:SS`, `HH:MM:SS.fraction`, each with `Z` or an offset.
fn time(bytes: &[u8]) -> Option<i64> {
    if bytes.len() < 5 || bytes[2] != b':' {
        return None;
    }
    let (hour, minute) = (number(&bytes[..2])?, number(&bytes[3..5])?);
    let mut rest = &bytes[5..];
    let (mut second, mut fraction) = (0, 0);
    if rest.first() == Some(&b':') {
        second = number(rest.get(1..3)?)?;
        rest = &rest[3..];
        if matches!(rest.first(), Some(b'.' | b',')) {
            let digits = rest[1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits == 0 {
                return None;
            }
            // Digits beyond the microsecond are cut off.
            let used = digits.min(6);
            fraction = number(&rest[1..=used])? * 10_i64.pow(6 - used as u32);
            rest = &rest[1 + digits..];
        }
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let rest = rest.strip_prefix(b" ").unwrap_or(rest);
    let offset = match rest {
        [] | [b'Z' | b'z'] | [b'U', b'T', b'C'] => 0,
        [sign @ (b'+' | b'-'), digits @ ..] => {
            let minutes = match digits {
                [a, b] => number(&[*a, *b])? * 60,
                [a, b, c, d] | [a, b, b':', c, d] => number(&[*a, *b])? * 60 + number(&[*c, *d])?,
                _ => return None,
            };
            if *sign == b'-' { -minutes } else { minutes }
        }
        _ => return None,
    };
    Some(((hour * 60 + minute - offset) * 60 + second) * 1_000_000 + fraction)
}

/// By the first of the formats that fits; without one, as [`datetime`] reads it.
pub fn datetime_of(text: &str, formats: &[String]) -> Option<i64> {
    if formats.is_empty() {
        return datetime(text);
    }
    formats.iter().find_map(|format| {
        let date_and_time = || chrono::NaiveDateTime::parse_from_str(text, format).ok();
        let date = || {
            let date = chrono::NaiveDate::parse_from_str(text, format).ok()?;
            date.and_hms_opt(0, 0, 0)
        };
        match chrono::DateTime::parse_from_str(text, format) {
            Ok(time) => Some(time.timestamp_micros()),
            Err(_without_offset) => {
                date_and_time().or_else(date).map(|time| time.and_utc().timestamp_micros())
            }
        }
    })
}

/// Python's `%f` is a fraction of a second; chrono's is a count of nanoseconds, its `%.f` what is
/// meant.
fn chrono_format(python: &str) -> String {
    python.replace(".%f", "%.f").replace("%f", "%6f")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_what_it_looks_like() {
        for (text, seen) in [
            ("", Seen::NOTHING),
            ("NA", Seen::NOTHING),
            ("nan", Seen::NOTHING),
            ("-nan", Seen::NOTHING),
            ("0", Seen::INTEGER),
            ("-12", Seen::INTEGER),
            ("+7", Seen::INTEGER),
            ("9223372036854775807", Seen::INTEGER),
            ("-9223372036854775808", Seen::INTEGER),
            ("1.5", Seen::FLOAT),
            (".5", Seen::FLOAT),
            ("1e-3", Seen::FLOAT),
            ("-inf", Seen::FLOAT),
            ("Infinity", Seen::FLOAT),
            ("true", Seen::BOOLEAN),
            ("FALSE", Seen::BOOLEAN),
            ("2019-02-28", Seen::DATETIME),
            ("2019/02/28", Seen::DATETIME),
            ("2019-02-28T23:59:59.5Z", Seen::DATETIME),
            ("2019-02-28 23:59+02:00", Seen::DATETIME),
            ("2019-02-30", Seen::TEXT),
            ("2019-02/28", Seen::TEXT),
            ("12:30", Seen::TEXT),
            ("1,5", Seen::TEXT),
            ("-", Seen::TEXT),
            ("1_000", Seen::TEXT),
            (" 1 ", Seen::INTEGER),
            (" a", Seen::TEXT),
            ("tree", Seen::TEXT),
        ] {
            assert_eq!(classify(text), seen, "{text}");
        }
    }

    #[test]
    fn numbers_are_the_nearest_ones() {
        for text in
            ["0.1", "-0.3", "123456.789012", "1e308", "5e-324", "0.30000000000000004", "179769.3"]
        {
            assert_eq!(float(text, b'.'), text.parse().ok(), "{text}");
        }
        assert_eq!(float("1.234,5", b','), Some(1234.5));
        assert_eq!(float("nan", b'.'), None);
        assert_eq!(integer("9223372036854775808"), None);
        assert_eq!(integer("-9223372036854775808"), Some(i64::MIN));
        assert_eq!(integer("99999999999999999999"), None);
    }

    #[test]
    fn times_are_microseconds_in_utc() {
        assert_eq!(datetime("1970-01-01"), Some(0));
        assert_eq!(datetime("1969-12-31T23:59:59.999999"), Some(-1));
        assert_eq!(datetime("2000-02-29 00:00:01"), Some(951_782_401_000_000));
        assert_eq!(datetime("1970-01-01T02:00:00+02:00"), Some(0));
        assert_eq!(datetime("1970-01-01T00:00:00.1234567Z"), Some(123_456));
        let formats = |text: &str| vec![chrono_format(text)];
        assert_eq!(datetime_of("31/12/1969", &formats("%d/%m/%Y")), Some(-86_400_000_000));
        assert_eq!(
            datetime_of("1970-01-01 00:00:00.5", &formats("%Y-%m-%d %H:%M:%S.%f")),
            Some(500_000)
        );
        assert_eq!(datetime_of("1970-01-01", &formats("%d/%m/%Y")), None);
    }

    #[test]
    fn mixed_numbers_are_numbers_and_other_mixtures_text() {
        let reading = |kinds: &[Seen]| {
            let mut seen = Seen::NOTHING;
            kinds.iter().for_each(|kind| seen.add(*kind));
            seen.reading()
        };
        assert_eq!(reading(&[]), Reading::Text);
        assert_eq!(reading(&[Seen::INTEGER]), Reading::Integer);
        assert_eq!(reading(&[Seen::INTEGER, Seen::FLOAT]), Reading::Float { decimal_mark: b'.' });
        assert_eq!(reading(&[Seen::INTEGER, Seen::BOOLEAN]), Reading::Text);
        assert_eq!(reading(&[Seen::DATETIME, Seen::INTEGER]), Reading::Text);
    }
}

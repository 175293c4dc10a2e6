/// A moment as a filter says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) ms: i64,
    /// Said as a date: the whole day may have been meant.
    pub(super) is_date: bool,
}

/// `2026-11-25`, `2026-11-25T10:00[:30[.123]][Z|+02:00]` (a blank serves for the `T`), `now`, `-7d`.
/// `None`: not a time.
pub(super) fn parse_moment(text: &str, now_ms: i64) -> Option<Moment> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("now") {
        return Some(Moment { ms: now_ms, is_date: false });
    }
    if let Some(age) = text.strip_prefix('-') {
        return Some(Moment { ms: now_ms.checked_sub(parse_duration(age)?)?, is_date: false });
    }
    let date = text.get(..10)?;
    let days = parse_date(date)?;
    let midnight = days.checked_mul(86_400_000)?;
    if text.len() == 10 {
        return Some(Moment { ms: midnight, is_date: true });
    }
    let clock = text.get(10..)?.strip_prefix(['T', 't', ' '])?;
    Some(Moment { ms: midnight.checked_add(parse_clock(clock)?)?, is_date: false })
}

/// `1h30m`, `90s`, `250ms`, `2w`: milliseconds. `None`: not a duration.
pub(super) fn parse_duration(text: &str) -> Option<i64> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: i64 = rest.get(..digits)?.parse().ok()?;
        rest = rest.get(digits..)?.trim_start();
        let unit_length = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let unit = match rest.get(..unit_length)? {
            "ms" => 1,
            "s" | "sec" => 1_000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 604_800_000,
            _ => return None,
        };
        total = total.checked_add(number.checked_mul(unit)?)?;
        rest = rest.get(unit_length..)?.trim_start();
    }
    Some(total)
}

/// Days since the Unix epoch of `YYYY-MM-DD`.
fn parse_date(text: &str) -> Option<i64> {
    let mut parts = text.split('-');
    let year = digits(parts.next()?, 4)?;
    let month = digits(parts.next()?, 2)?;
    let day = digits(parts.next()?, 2)?;
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_in_month = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if parts.next().is_some() || !(1..=days_in_month).contains(&day) {
        return None;
    }
    // Howard Hinnant's `days_from_civil`: years count from March, so a leap day ends its year.
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// Milliseconds since midnight UTC of `10:00[:30[.123]][zone]`; negative or past the day's end
/// where the zone moves it there.
fn parse_clock(text: &str) -> Option<i64> {
    let zone_at = text.find(['Z', 'z', '+', '-']).unwrap_or(text.len());
    let (clock, zone) = (text.get(..zone_at)?, text.get(zone_at..)?);
    let mut parts = clock.split(':');
    let hour = digits(parts.next()?, 2).filter(|hour| *hour < 24)?;
    let minute = digits(parts.next()?, 2).filter(|minute| *minute < 60)?;
    let (second, fraction) = match parts.next() {
        None => (0, 0),
        Some(part) => {
            let (second, fraction) = part.split_once('.').map_or((part, "0"), |parts| parts);
            (digits(second, 2).filter(|second| *second < 60)?, milliseconds(fraction)?)
        }
    };
    if parts.next().is_some() {
        return None;
    }
    let local = ((hour * 60 + minute) * 60 + second) * 1000 + fraction;
    Some(local - parse_zone(zone)?)
}

/// The first three digits after the point.
fn milliseconds(fraction: &str) -> Option<i64> {
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = fraction.bytes().chain(*b"00").take(3);
    Some(digits.fold(0, |number, digit| number * 10 + i64::from(digit - b'0')))
}

/// What the zone is ahead of UTC, in milliseconds.
fn parse_zone(zone: &str) -> Option<i64> {
    if zone.is_empty() || zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let offset = zone.get(1..)?;
    let (hours, minutes) = match offset.split_once(':') {
        Some(parts) => parts,
        None => (offset.get(..2)?, offset.get(2..).filter(|rest| !rest.is_empty()).unwrap_or("00")),
    };
    let hours = digits(hours, 2).filter(|hours| *hours < 24)?;
    let minutes = digits(minutes, 2).filter(|minutes| *minutes < 60)?;
    Some(sign * (hours * 60 + minutes) * 60_000)
}

/// A number of exactly that many digits.
fn digits(text: &str, count: usize) -> Option<i64> {
    if text.len() != count || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{parse_duration, parse_moment};

    const NOW: i64 = 1_795_600_000_000;

    fn ms(text: &str) -> Option<i64> {
        parse_moment(text, NOW).map(|moment| moment.ms)
    }

    #[test]
    fn moments_are_read_in_utc() {
        // Compared with what `date -u -d … +%s` says.
        assert_eq!(ms("1970-01-01"), Some(0));
        assert_eq!(ms("2026-11-25"), Some(1_795_564_800_000));
        assert_eq!(ms("2024-02-29T12:00:00Z"), Some(1_709_208_000_000));
        assert_eq!(ms("2026-11-25T10:00:00+02:00"), Some(1_795_593_600_000));
        assert_eq!(ms("2026-11-25 10:00"), Some(1_795_600_800_000));
        assert_eq!(ms("2026-11-25T10:00:00.5-0230"), Some(1_795_609_800_500));
        assert_eq!(ms("1969-12-31T23:59:59.999Z"), Some(-1));
    }

    #[test]
    fn ages_count_from_now() {
        assert_eq!(ms("now"), Some(NOW));
        assert_eq!(ms("-7d"), Some(NOW - 7 * 86_400_000));
        assert_eq!(ms("-1h30m"), Some(NOW - 5_400_000));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "-",
            "x",
            "7d",
            "-7",
            "-7y",
            "2026",
            "2026-13-01",
            "2026-02-29",
            "2026-11-25T",
            "2026-11-25T24:00",
            "2026-11-25T10:00:00.",
            "2026-11-25T10:00+",
            "2026-11-25x10:00",
            "2026-11-25T10:00:00+25:00",
            "-99999999999999999999d",
            "-999999999999999999w",
            "２０２６-11-25",
            "日本日本日本日本",
            "2026-11-2５",
        ] {
            assert_eq!(ms(text), None, "{text}");
        }
    }

    #[test]
    fn durations_add_up() {
        assert_eq!(parse_duration("1h30m"), Some(5_400_000));
        assert_eq!(parse_duration("2 min 5 s"), Some(125_000));
        assert_eq!(parse_duration("250ms"), Some(250));
        for text in ["", "5", "h", "1.5h", "-1h", "1x"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }
}

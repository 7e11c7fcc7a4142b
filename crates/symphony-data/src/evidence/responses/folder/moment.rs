//! Moments as logs write them.

/// Microseconds since 1970 of a moment such as `2026-01-31T10:05:00.25+01:00`. Its parts may be separated by other
/// characters; without an offset it is taken as it stands. `None` if the text is no moment.
pub(super) fn micros_of(text: &str) -> Option<i64> {
    let number = |from: usize, to: usize| -> Option<i64> {
        text.get(from..to).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let rest = text.get(19..)?;
    let (fraction, offset) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())),
        None => ("", rest),
    };
    let micros: i64 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    let sign = match offset.bytes().next() {
        Some(b'+') => 1,
        Some(b'-') => -1,
        _ => 0,
    };
    let minutes = |from: usize| offset.get(from..from + 2).and_then(|digits| digits.parse::<i64>().ok()).unwrap_or(0);
    let offset = sign * (minutes(1) * 60 + minutes(4));
    // The days of the civil calendar, counted from March, so that a leap day is the last of its year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + (153 * month + 2) / 5;
    let seconds = (days + day - 1 - 719_468) * 86_400 + hour * 3600 + (minute - offset) * 60 + second;
    Some(seconds * 1_000_000 + micros)
}

/// The moment in the name of a folder that EvalScope makes for a run, such as `20260131_100500`.
pub(super) fn micros_of_run(name: &str) -> Option<i64> {
    let (date, time) = name.split_once('_').filter(|(date, time)| date.len() == 8 && time.len() == 6)?;
    let part = |text: &str, from: usize, to: usize| text.get(from..to).map(str::to_owned);
    let date = [part(date, 0, 4)?, part(date, 4, 6)?, part(date, 6, 8)?].join("-");
    let time = [part(time, 0, 2)?, part(time, 2, 4)?, part(time, 4, 6)?].join(":");
    micros_of(&format!("{date}T{time}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_every_log_are_read() {
        // GNU date: date -u -d "2026-01-31 10:05:00" +%s
        let noon = 1_769_853_900_000_000;
        for text in ["2026-01-31T10:05:00", "2026-01-31T10-05-00", "2026-01-31T10:05:00Z", "2026-01-31T11:05:00+01:00"]
        {
            assert_eq!(micros_of(text), Some(noon), "{text}");
        }
        assert_eq!(micros_of("2026-01-31T04-35-00.250000-05:30"), Some(noon + 250_000));
        assert_eq!(micros_of("2026-01-31T10:05:00.5"), Some(noon + 500_000));
        assert_eq!(micros_of("1970-01-01T00:00:00"), Some(0));
        assert_eq!(micros_of("2024-02-29T00:00:01"), Some(1_709_164_801_000_000));
        assert_eq!(micros_of_run("20260131_100500"), Some(noon));
        for other in
            ["", "2026", "2026-13-01T00:00:00", "2026-01-31T1é:05:00", "a026-01-31T10:05:00", "2026-01-31T10:05"]
        {
            assert_eq!(micros_of(other), None, "{other}");
        }
        for other in ["", "20260131", "2026013_1100500", "20260131_10050é", "exp_5"] {
            assert_eq!(micros_of_run(other), None, "{other}");
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn no_text_causes_a_panic(text in "[0-9:.T+\\-_é]{0,40}") {
            micros_of(&text);
            micros_of_run(&text);
        }
    }
}

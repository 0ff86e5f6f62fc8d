//! Instants as people say them.

/// Reads `2026-05-23T11:42:01Z`, fractions dropped, as seconds since 1970.
pub(crate) fn instant(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let time = time.split('.').next()?;
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(time, ':')?;
    let sane = (1..=12).contains(&month) && (1..=31).contains(&day);
    if !sane || year > 9999 || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    Some(((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second)
}

fn numbers(text: &str, separator: char) -> Option<[i64; 3]> {
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok()).flatten();
    let parts: Vec<i64> = text.split(separator).map(digits).collect::<Option<_>>()?;
    parts.try_into().ok()
}

/// Days from 1970-01-01, counting years from March so that the leap day comes last.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// `3 min ago`, seen from `now`; what is no instant is shown as it is.
pub(crate) fn ago(text: &str, now: i64) -> String {
    match instant(text) {
        Some(then) if then > now + 5 => format!("in {}", span(then - now)),
        Some(then) if now - then < 5 => "just now".to_owned(),
        Some(then) => format!("{} ago", span(now - then)),
        None => super::text::plain(text),
    }
}

/// A length of time in its largest unit.
pub(crate) fn span(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        86_400.. => {
            let days = seconds / 86_400;
            format!("{days} day{}", if days == 1 { "" } else { "s" })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_seconds_since_1970() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T00:00:00Z", 951_782_400),
            ("2026-05-23T11:42:01.987Z", 1_779_536_521),
            ("1969-12-31T23:59:59Z", -1),
            ("2100-03-01T00:00:00Z", 4_107_542_400),
        ] {
            assert_eq!(instant(text), Some(seconds), "{text}");
        }
        for text in
            ["", "Z", "2026-05-23", "2026-05-23T11:42Z", "2026-13-01T00:00:00Z", "+2026-05-23T11:42:01Z"]
        {
            assert_eq!(instant(text), None, "{text}");
        }
    }

    #[test]
    fn ages_are_told_in_their_largest_unit() {
        let now = instant("2026-05-23T12:00:00Z").unwrap();
        for (text, said) in [
            ("2026-05-23T11:59:58Z", "just now"),
            ("2026-05-23T12:00:03Z", "just now"),
            ("2026-05-23T11:59:01Z", "59 s ago"),
            ("2026-05-23T11:57:00Z", "3 min ago"),
            ("2026-05-23T10:30:00Z", "1 h ago"),
            ("2026-05-22T12:00:00Z", "1 day ago"),
            ("2025-05-23T12:00:00Z", "365 days ago"),
            ("2026-05-23T12:10:00Z", "in 10 min"),
            ("soon", "soon"),
        ] {
            assert_eq!(ago(text, now), said, "{text}");
        }
    }
}

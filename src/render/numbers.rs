//! Numbers as a reader wants them: grouped, in binary units, as shares, as times.

use std::time::Duration;

/// A whole number with its thousands apart: `6,553,600`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes in the largest binary unit that leaves a number below 1000, to three digits: `1.43 GiB`.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 999.5 {
        value /= 1024.0;
        unit += 1;
    }
    let digits = if value < 9.995 {
        2
    } else {
        usize::from(value < 99.95)
    };
    let text = format!("{value:.digits$}");
    let short = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    format!("{short} {}", UNITS[unit])
}

/// So many of something: `1 page`, `2,000 pages`.
pub fn counted(number: u64, one: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {one}{plural}", grouped(number))
}

/// A physical address: exact, in the largest unit that takes no more than three decimals.
pub(super) fn address(bytes: u64) -> String {
    const UNITS: [(&str, u32); 4] = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let in_unit = |&(name, shift): &(&str, u32)| {
        let thousandths = (u128::from(bytes) * 1000) >> shift;
        let is_exact = thousandths << shift == u128::from(bytes) * 1000;
        (is_exact && thousandths >= 1000).then(|| {
            let decimals = format!("{:03}", thousandths % 1000);
            match decimals.trim_end_matches('0') {
                "" => format!("{} {name}", thousandths / 1000),
                decimals => format!("{}.{decimals} {name}", thousandths / 1000),
            }
        })
    };
    let found = UNITS.iter().find_map(in_unit);
    found.unwrap_or_else(|| format!("{bytes} B"))
}

/// Part of a whole in per cent; a little is never shown as nothing.
pub fn share(part: u64, whole: u64) -> String {
    let percent = 100.0 * part as f64 / whole.max(1) as f64;
    if part > 0 && percent < 0.05 {
        "<0.1 %".to_owned()
    } else {
        format!("{percent:.1} %")
    }
}

/// A time in the unit that fits `longest`, the longest beside it: `37.2 s`, `12 min 07 s`, `3 h 07 min`.
pub fn span_of_time(time: Duration, longest: Duration) -> String {
    let seconds = time.as_secs();
    match longest.as_secs() {
        0..120 => format!("{:.1} s", time.as_secs_f64()),
        120..7200 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        let table = [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (6_553_600, "6,553,600"),
        ];
        table
            .iter()
            .for_each(|&(number, text)| assert_eq!(grouped(number), text));
    }

    #[test]
    fn sizes_have_three_digits_at_most() {
        let table = [
            (0, "0 B"),
            (4096, "4 KiB"),
            (1_800 << 10, "1.76 MiB"),
            (455 << 20, "455 MiB"),
            (0x3ff0_0000, "1 GiB"),
            (24 << 30, "24 GiB"),
            (u64::MAX, "16 EiB"),
        ];
        table
            .iter()
            .for_each(|&(bytes, text)| assert_eq!(size(bytes), text));
    }

    #[test]
    fn times_of_one_series_have_one_unit() {
        let table = [
            (37.24, 100, "37.2 s"),
            (67.0, 7000, "1 min 07 s"),
            (3.0, 7000, "0 min 03 s"),
            (11_220.0, 20_000, "3 h 07 min"),
        ];
        for (time, longest, text) in table {
            let time = Duration::from_secs_f64(time);
            assert_eq!(span_of_time(time, Duration::from_secs(longest)), text);
        }
    }

    #[test]
    fn a_little_is_not_nothing() {
        assert_eq!(
            [share(0, 9), share(1, 100_000), share(444, 1000)],
            ["0.0 %", "<0.1 %", "44.4 %"]
        );
    }

    #[test]
    fn addresses_are_exact() {
        let told = [
            (0, "0 B"),
            (4096, "4 KiB"),
            (0x44000 << 12, "1088 MiB"),
            (0x48000 << 12, "1.125 GiB"),
            (0x35_0000 << 12, "13.25 GiB"),
            ((17 << 40) + (128 << 20), "17408.125 GiB"),
            (17 << 40, "17 TiB"),
            (513 << 12, "2052 KiB"),
        ];
        for (bytes, expected) in told {
            assert_eq!(address(bytes), expected);
        }
    }
}

//! Text for people: durations, tables and lists of addresses.

use core::fmt::{self, Write};
use core::iter;
use core::time::Duration;

/// A duration in its two largest units: `4m02s`, `3h07m`, `12d05h`; below ten seconds with a tenth.
pub(crate) struct Short(pub(crate) Duration);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
        match seconds {
            0..10 => write!(f, "{}.{}s", seconds, self.0.subsec_millis() / 100),
            10..60 => write!(f, "{seconds}s"),
            60..3600 => write!(f, "{minutes}m{:02}s", seconds % 60),
            3600..86400 => write!(f, "{hours}h{:02}m", minutes % 60),
            _ => write!(f, "{days}d{:02}h", hours % 24),
        }
    }
}

/// The first few items, separated, and how many more there are.
pub(crate) fn list<T: fmt::Display>(
    items: impl IntoIterator<Item = T>,
    separator: &str,
    max: usize,
) -> String {
    let mut text = String::new();
    let mut items = items.into_iter();
    for (number, item) in items.by_ref().take(max).enumerate() {
        let separator = if number == 0 { "" } else { separator };
        write!(text, "{separator}{item}").expect("a string takes everything");
    }
    match items.count() {
        0 => {}
        more => write!(text, "{separator}+{more}").expect("a string takes everything"),
    }
    text
}

/// Columns that are as wide as their widest cell, two spaces apart, without trailing spaces.
pub(crate) fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = head.map(|cell| cell.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    let head = head.map(str::to_owned);
    for row in iter::once(&head).chain(rows) {
        let mut line = String::new();
        for (&width, cell) in widths.iter().zip(row) {
            write!(line, "{cell:width$}  ").expect("a string takes everything");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_show_their_two_largest_units() {
        for (millis, text) in [
            (0, "0.0s"),
            (1_650, "1.6s"),
            (9_999, "9.9s"),
            (10_000, "10s"),
            (59_999, "59s"),
            (242_000, "4m02s"),
            (3_600_000, "1h00m"),
            (86_399_000, "23h59m"),
            (1_054_800_000, "12d05h"),
        ] {
            assert_eq!(Short(Duration::from_millis(millis)).to_string(), text);
        }
    }

    #[test]
    fn a_long_list_ends_in_a_count() {
        assert_eq!(list::<u8>([], ",", 2), "");
        assert_eq!(list([1, 2], ",", 2), "1,2");
        assert_eq!(list([1, 2, 3, 4], ", ", 2), "1, 2, +2");
    }

    #[test]
    fn columns_line_up() {
        let rows = [["eth0".to_owned(), "ff05::1".to_owned()], ["e".to_owned(), String::new()]];
        assert_eq!(table(["INTERFACE", "GROUP"], &rows), "INTERFACE  GROUP\neth0       ff05::1\ne\n");
    }
}

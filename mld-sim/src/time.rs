//! Moments of a capture's clock: seconds with decimals in text, whole milliseconds inside.

use core::fmt;

/// The last moment that a capture or an argument may name: the end of the year 9999. What claims to be later comes
/// from a broken file, and the virtual time up to it would take hours to run.
pub const LATEST_MS: u64 = 253_402_300_799_999;

/// Reads seconds; what is below a millisecond is cut off, as it is from the times of packets.
///
/// # Errors
///
/// [`NotSeconds`] for anything but digits with at most one point between them, or if it is after [`LATEST_MS`].
pub fn parse_millis(text: &str) -> Result<u64, NotSeconds> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
    if !digits(whole) || !digits(decimals) {
        return Err(NotSeconds);
    }
    let thousandths =
        decimals.bytes().chain(*b"00").take(3).fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    let millis =
        whole.parse::<u64>().ok().and_then(|whole| whole.checked_mul(1000)?.checked_add(thousandths));
    millis.filter(|&millis| millis <= LATEST_MS).ok_or(NotSeconds)
}

/// The text is no moment of a capture's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotSeconds;

impl fmt::Display for NotSeconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "must be 0 to {} seconds, decimals allowed", Seconds(LATEST_MS))
    }
}

impl core::error::Error for NotSeconds {}

/// Milliseconds, shown as seconds with three decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seconds(pub u64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

/// Milliseconds as seconds with their unit, without zeros at the end.
pub fn short(millis: u64) -> String {
    let text = Seconds(millis).to_string();
    format!("{} s", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_read_exactly_and_rounded_down() {
        for (text, millis) in [
            ("0", 0),
            ("1.5", 1500),
            ("1.0005", 1000),
            ("1763827200.123", 1_763_827_200_123),
            ("1763827200.123999999", 1_763_827_200_123),
            ("007.1", 7100),
            ("253402300799.9999", LATEST_MS),
        ] {
            assert_eq!(parse_millis(text), Ok(millis), "{text}");
        }
        let wrong =
            ["", ".", "1.", ".5", "-1", "+1", "1e3", "1,5", " 1", "nan", "inf", "1.2.3", "253402300800"];
        for text in wrong.into_iter().chain(["99999999999999999999", "18446744073709551.616"]) {
            assert_eq!(parse_millis(text), Err(NotSeconds), "{text}");
        }
    }

    #[test]
    fn seconds_are_shown_with_three_decimals() {
        assert_eq!(Seconds(1050).to_string(), "1.050");
        assert_eq!(NotSeconds.to_string(), "must be 0 to 253402300799.999 seconds, decimals allowed");
    }
}

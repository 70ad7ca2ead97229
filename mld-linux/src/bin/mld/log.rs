//! Lines for the operator, on standard error.

use core::time::Duration;
use std::collections::HashMap;
use std::io::{self, Write};
use std::time::Instant;

use crate::failure::fold;

/// How often one kind of line may be repeated for one interface.
pub(crate) const INTERVAL: Duration = Duration::from_secs(60);

/// Writes one line. Where standard error is closed there is nobody to tell.
pub(crate) fn line(message: &str) {
    let _ = writeln!(io::stderr().lock(), "mld: {}", fold(message));
}

/// Watches counters and tells of their growth, at most once in [`INTERVAL`] for each kind and interface.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    told: HashMap<(String, &'static str), Told>,
}

#[derive(Debug, Default)]
struct Told {
    /// When a line was last written; `None` before the first.
    at: Option<Instant>,
    /// The counter then.
    count: u64,
}

impl Counters {
    /// Compares `count` with what was told last (R-SEC-11). The growth, if a line about it is due now.
    pub(crate) fn growth(
        &mut self,
        interface: &str,
        kind: &'static str,
        count: u64,
        now: Instant,
    ) -> Option<u64> {
        if count == 0 {
            return None;
        }
        let told = self.told.entry((interface.to_owned(), kind)).or_default();
        if count < told.count {
            // A router that was made anew counts anew.
            told.count = 0;
        }
        let growth = count - told.count;
        if growth == 0 || told.at.is_some_and(|at| now.duration_since(at) < INTERVAL) {
            return None;
        }
        *told = Told { at: Some(now), count };
        Some(growth)
    }

    /// Whether a line that counts nothing is due now.
    pub(crate) fn allow(&mut self, interface: &str, kind: &'static str, now: Instant) -> bool {
        let told = self.told.entry((interface.to_owned(), kind)).or_default();
        let due = told.at.is_none_or(|at| now.duration_since(at) >= INTERVAL);
        if due {
            told.at = Some(now);
        }
        due
    }

    /// Forgets an interface, whose counters start anew if it comes back.
    pub(crate) fn forget(&mut self, interface: &str) {
        self.told.retain(|(name, _), _| name != interface);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_told_once_a_minute_for_each_kind_and_interface() {
        let mut counters = Counters::default();
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);

        assert_eq!(counters.growth("eth0", "lost", 0, start), None);
        assert_eq!(counters.growth("eth0", "lost", 3, start), Some(3));
        assert_eq!(counters.growth("eth0", "lost", 5, after(59)), None, "told a minute ago at most");
        assert_eq!(counters.growth("eth1", "lost", 5, after(59)), Some(5), "another interface");
        assert_eq!(counters.growth("eth0", "queries", 1, after(59)), Some(1), "another kind");
        assert_eq!(counters.growth("eth0", "lost", 5, after(60)), Some(2), "what was held back is included");
        assert_eq!(counters.growth("eth0", "lost", 5, after(900)), None, "no growth");

        assert_eq!(counters.growth("eth0", "lost", 1, after(960)), Some(1), "counted anew");

        counters.forget("eth0");
        assert_eq!(counters.growth("eth0", "lost", 1, after(961)), Some(1));
    }

    #[test]
    fn a_line_without_a_count_is_written_once_a_minute() {
        let mut counters = Counters::default();
        let start = Instant::now();
        assert!(counters.allow("eth0", "send-failed", start));
        assert!(!counters.allow("eth0", "send-failed", start + Duration::from_secs(59)));
        assert!(counters.allow("eth1", "send-failed", start + Duration::from_secs(59)));
        assert!(counters.allow("eth0", "send-failed", start + Duration::from_secs(60)));
    }
}

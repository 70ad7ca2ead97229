//! The values that a host takes from Queries.

use core::time::Duration;

use mld_proto::Instant;

use super::count::Count;
use crate::judge::reading::Query;
use crate::world::{HostSettings, HostVersion};

/// RFC 9777 section 9.2.
const DEFAULT_INTERVAL_MS: u64 = 125_000;
/// RFC 9777 section 9.3; what a delay of nothing may stand for (R-CMP-32).
const DEFAULT_RESPONSE_MS: u64 = 10_000;

/// Which version a host speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    One,
    Two,
    /// One of them; the standards, or a Query that is not allowed, leave open which.
    Either,
}

/// The host's knowledge of the querier.
#[derive(Debug)]
pub(super) struct Learnt {
    pub(super) settings: HostSettings,
    /// How often it says a change. A QRV of 0 leaves open whether the last value or the host's own holds (R-LSN-50).
    pub(super) robustness: Count,
    /// Query Interval in milliseconds, at least and at most.
    interval_ms: (u64, u64),
    /// Until when the Older-Version-Querier-Present Timer runs, at least and at most.
    version_1_until: Option<(Instant, Instant)>,
}

impl Learnt {
    pub(super) const fn new(settings: HostSettings) -> Self {
        let robustness = Count::exactly(settings.robustness);
        let interval_ms = (DEFAULT_INTERVAL_MS, DEFAULT_INTERVAL_MS);
        Self { settings, robustness, interval_ms, version_1_until: None }
    }

    /// Host Compatibility Mode (R-CMP-30).
    pub(super) fn mode(&self, at: Instant) -> Mode {
        match (self.settings.version, self.version_1_until) {
            (HostVersion::One, _) => Mode::One,
            (HostVersion::Two, Some((surely, _))) if at < surely => Mode::One,
            (HostVersion::Two, Some((_, perhaps))) if at <= perhaps => Mode::Either,
            _ => Mode::Two,
        }
    }

    /// Until when the present mode lasts for sure, if it is to end.
    pub(super) fn mode_until(&self) -> Option<Instant> {
        self.version_1_until.map(|(surely, _)| surely)
    }

    /// `is_sound`: every host accepts the Query; otherwise some may.
    pub(super) fn heard(&mut self, at: Instant, query: &Query, is_sound: bool) {
        if query.version == 2 {
            self.heard_version_2(query, is_sound);
        } else if self.settings.version == HostVersion::Two && query.is_general() {
            self.heard_version_1(at, u64::from(query.code), is_sound);
        }
    }

    fn heard_version_2(&mut self, query: &Query, is_sound: bool) {
        if self.settings.version == HostVersion::One {
            return;
        }
        let robustness = match query.robustness {
            0 => self.robustness.or(Count::exactly(self.settings.robustness)),
            announced => Count::exactly(announced),
        };
        let interval_ms = match query.interval_s() {
            0 => DEFAULT_INTERVAL_MS,
            seconds => 1000 * seconds,
        };
        if is_sound {
            (self.robustness, self.interval_ms) = (robustness, (interval_ms, interval_ms));
        } else {
            self.robustness = self.robustness.or(robustness);
            self.interval_ms = (self.interval_ms.0.min(interval_ms), self.interval_ms.1.max(interval_ms));
        }
    }

    /// R-CMP-31, R-CMP-32
    fn heard_version_1(&mut self, at: Instant, delay_ms: u64, is_sound: bool) {
        let response_max_ms = if delay_ms == 0 { DEFAULT_RESPONSE_MS } else { delay_ms };
        let after = |robustness: u8, interval_ms: u64, response_ms: u64| {
            at + Duration::from_millis(u64::from(robustness) * interval_ms + response_ms)
        };
        let surely = after(self.robustness.low, self.interval_ms.0, delay_ms);
        let perhaps = after(self.robustness.high, self.interval_ms.1, response_max_ms);
        let until = match (is_sound, self.version_1_until) {
            (true, _) => (surely, perhaps),
            (false, Some((old_surely, old_perhaps))) => (old_surely.min(surely), old_perhaps.max(perhaps)),
            (false, None) => (at, perhaps),
        };
        self.version_1_until = Some(until);
    }
}

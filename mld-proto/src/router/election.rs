//! Querier election: which router queries the link, when, and with which values (RFC 9777 section 7.6.2, RFC 2710
//! section 6).
//!
//! A state machine of its own. It knows no group and no table; each call is given the moment and the settings as an
//! [`Env`]. Role, querier and deadline are read from one ordered list of the other routers.

#[cfg(test)]
mod tests;

use core::cmp::Reverse;
use core::net::Ipv6Addr;

use super::intervals::Intervals;
use crate::addr::is_usable_link_local;
use crate::config::{Config, DEFAULT_QUERY_INTERVAL, QuerierMode};
use crate::event::Querier;
use crate::store::ensure;
use crate::wire::{Query, Version, decode_interval_code};

/// Other routers remembered at the same time.
const OTHERS_MAX: usize = 4;

/// The moment and the settings that the election needs to know.
#[derive(Clone, Copy)]
pub(super) struct Env<'c> {
    /// The latest moment given, in milliseconds.
    pub(super) now: u64,
    /// Deadlines up to this one have expired (R-TIM-13).
    pub(super) expired_through: u64,
    /// MLD on the interface is up.
    pub(super) running: bool,
    pub(super) config: &'c Config,
}

/// The effect of a Query on the election.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The sender takes no part: its address is not lower, or the settings ignore its version.
    Ignored,
    /// The sender counts as present. This router was not querier before.
    Noted,
    /// This router was querier and has yielded to a router that speaks this version.
    Lost(Version),
}

/// The state of the election.
#[derive(Clone, Debug)]
pub(super) struct Election {
    link_local: Option<Ipv6Addr>,
    /// The other routers, by ascending address; the first is the elected querier. A router that takes part keeps the
    /// lower addresses only, and is querier while there are none. The extra place is for the one that comes in.
    others: heapless::Vec<OtherRouter, { OTHERS_MAX + 1 }>,
    /// When the next General Query is due; of no meaning unless this router is querier.
    general_at: u64,
    /// A General Query is to be sent.
    general_due: bool,
    /// General Queries still to be sent at the startup interval, one that is due included.
    startup_left: u8,
    /// The querier last reported by an event.
    reported: Option<Querier>,
}

/// Another router and the values it announced.
#[derive(Clone, Copy, Debug)]
struct OtherRouter {
    address: Ipv6Addr,
    /// Its last Query and the Other Querier Present Interval.
    until: u64,
    robustness: u8,
    query_interval_ms: u64,
    response_interval_ms: u64,
}

impl OtherRouter {
    const fn intervals<'c>(&self, config: &'c Config) -> Intervals<'c> {
        Intervals {
            config,
            robustness: self.robustness,
            query_interval_ms: self.query_interval_ms,
            response_interval_ms: self.response_interval_ms,
        }
    }
}

impl Election {
    pub(super) const NEW: Self = Self {
        link_local: None,
        others: heapless::Vec::new(),
        general_at: 0,
        general_due: false,
        startup_left: 0,
        reported: None,
    };

    /// The address that takes part in the election.
    pub(super) const fn link_local(&self) -> Option<Ipv6Addr> {
        self.link_local
    }

    /// The own address, if this router takes part.
    pub(super) const fn contender(&self, env: &Env<'_>) -> Option<Ipv6Addr> {
        match env.config.querier {
            QuerierMode::Auto if env.running => self.link_local,
            _ => None,
        }
    }

    pub(super) fn is_querier(&self, env: &Env<'_>) -> bool {
        self.contender(env).is_some() && self.others.is_empty()
    }

    /// The elected querier (R-ELE-7).
    pub(super) fn querier(&self, env: &Env<'_>) -> Querier {
        match (self.others.first(), self.contender(env)) {
            (Some(elected), _) => Querier::Other(elected.address),
            (None, Some(own)) => Querier::Own(own),
            (None, None) => Querier::Unknown,
        }
    }

    /// Returns true if the querier differs from the one last reported.
    pub(super) fn is_report_pending(&self, env: &Env<'_>) -> bool {
        env.running && self.reported != Some(self.querier(env))
    }

    /// Marks the present querier as reported. Returns true if it differs from the one reported before.
    pub(super) fn report_querier(&mut self, env: &Env<'_>) -> bool {
        let pending = self.is_report_pending(env);
        if pending {
            self.reported = Some(self.querier(env));
        }
        pending
    }

    /// The values in force: those of the elected querier, or the configured ones (R-TIM-4, R-TIM-5, R-TIM-8, R-TIM-10).
    pub(super) fn intervals<'c>(&self, config: &'c Config) -> Intervals<'c> {
        self.others.first().map_or_else(|| Intervals::configured(config), |elected| elected.intervals(config))
    }

    /// MLD on the interface comes up (R-ELE-12).
    pub(super) fn start(&mut self, env: &Env<'_>, link_local: Option<Ipv6Addr>) {
        self.link_local = link_local.filter(is_usable_link_local);
        self.begin(env);
    }

    /// The version of the interface changed: what was learnt from other routers no longer counts.
    pub(super) fn restart(&mut self, env: &Env<'_>) {
        self.others.clear();
        self.begin(env);
    }

    /// Begins as querier with the startup series, or waits (R-V1R-1, R-V1R-2, R-ELE-1, R-ELE-10, R-ELE-12).
    pub(super) fn begin(&mut self, env: &Env<'_>) {
        self.yield_role();
        self.keep_present(env);
        if self.is_querier(env) {
            self.general_due = true;
            self.startup_left = env.config.startup_query_count();
            self.general_at = env.now + self.next_general_ms(env);
        }
    }

    /// The link-local address changed (R-ELE-8, R-ELE-10).
    pub(super) fn set_address(&mut self, env: &Env<'_>, link_local: Option<Ipv6Addr>) {
        let link_local = link_local.filter(is_usable_link_local);
        let before = core::mem::replace(&mut self.link_local, link_local);
        if before == link_local || !env.running {
            return;
        }
        if before.is_none() || link_local.is_none() {
            return self.begin(env);
        }
        self.keep_present(env);
        if self.is_querier(env) {
            self.become_querier(env, env.now);
        }
    }

    /// A Query of any kind was received from another router (R-ELE-2 to 7, R-V1R-3, A-4, A-15).
    pub(super) fn handle_query(&mut self, env: &Env<'_>, source: Ipv6Addr, query: &Query<'_>) -> Outcome {
        let is_older = query.sent_as == Version::V1 && env.config.version == Version::V2;
        let contender = self.contender(env);
        if is_older && env.config.interpretations.ignore_v1_querier
            || contender.is_some_and(|own| source >= own)
        {
            return Outcome::Ignored;
        }
        let was_querier = self.is_querier(env);
        let before = self.others.iter().find(|other| other.address == source).or_else(|| self.others.first());
        let other = announced(env.config, before.copied(), source, query);
        // Past its deadline a querier keeps its role only until another router sends (R-ELE-7).
        self.others.retain(|other| other.address != source && other.until > env.expired_through);
        let at = self.others.iter().take_while(|other| other.address < source).count();
        // There is always one free place.
        let _ = self.others.insert(at, other);
        // A router that takes part waits for the interval in force, another for that of each router.
        let counted =
            if contender.is_some() { self.intervals(env.config) } else { other.intervals(env.config) };
        let until = env.now + counted.other_querier_present_interval_ms();
        self.others[at].until = until;
        if contender.is_some() {
            // The timer is one and starts again: an interval that was longer before no longer counts (R-ELE-5).
            self.others.iter_mut().for_each(|other| other.until = other.until.min(until));
        }
        if self.others.len() > OTHERS_MAX {
            self.forget_one(contender.is_some());
        }
        if !was_querier {
            return Outcome::Noted;
        }
        self.yield_role();
        Outcome::Lost(query.sent_as)
    }

    /// Makes room. A router that takes part keeps the querier and the latest deadlines, another the lowest addresses.
    fn forget_one(&mut self, takes_part: bool) {
        let unelected = self.others.iter().enumerate().skip(1);
        let first_to_end = unelected.min_by_key(|(_, other)| (other.until, Reverse(other.address)));
        match first_to_end {
            Some((at, _)) if takes_part => drop(self.others.remove(at)),
            _ => drop(self.others.pop()),
        }
    }

    /// Processes what has expired: the presence of other routers, the wait for the next General Query.
    pub(super) fn advance(&mut self, env: &Env<'_>) {
        if self.contender(env).is_none() {
            return self.others.retain(|other| other.until > env.expired_through);
        }
        if let Some(since) = self.last_present_until().filter(|until| *until <= env.expired_through) {
            self.others.clear();
            self.become_querier(env, since);
        }
        if self.others.is_empty() && self.general_at <= env.expired_through {
            self.general_due = true;
            let interval = self.next_general_ms(env);
            let next = self.general_at + interval;
            // Queries that were not polled in time are not made up for.
            self.general_at = if next <= env.expired_through { env.expired_through + interval } else { next };
        }
    }

    /// The next moment at which [`advance`](Self::advance) has something to do.
    pub(super) fn deadline(&self, env: &Env<'_>) -> Option<u64> {
        match (self.contender(env), self.last_present_until()) {
            (None, _) => self.others.iter().map(|other| other.until).min(),
            (Some(_), None) => Some(self.general_at),
            (Some(_), until) => until,
        }
    }

    /// The other-querier-present timer of a router that takes part: the latest deadline of a lower router (R-ELE-5).
    fn last_present_until(&self) -> Option<u64> {
        self.others.iter().map(|other| other.until).max()
    }

    /// Forgets routers whose interval has expired and, if this router takes part, those that are not lower.
    fn keep_present(&mut self, env: &Env<'_>) {
        let (contender, own) = (self.contender(env), self.link_local);
        self.others.retain(|other| {
            other.until > env.expired_through
                && Some(other.address) != own
                && contender.is_none_or(|own| other.address < own)
        });
    }

    /// A General Query at once, the next one a Query Interval after `since` (R-ELE-4, R-V1R-4, R-SEC-3, A-27).
    fn become_querier(&mut self, env: &Env<'_>, since: u64) {
        self.startup_left = 0;
        self.general_due = true;
        self.general_at = since + env.config.query_interval_ms;
    }

    const fn yield_role(&mut self) {
        self.general_due = false;
        self.startup_left = 0;
    }

    /// The wait after the General Query that is due now (R-QRY-2, A-2).
    fn next_general_ms(&mut self, env: &Env<'_>) -> u64 {
        self.startup_left = self.startup_left.saturating_sub(1);
        if self.startup_left > 0 {
            env.config.startup_query_interval().as_millis() as u64
        } else {
            env.config.query_interval_ms
        }
    }

    /// A General Query is to be sent.
    pub(super) const fn is_general_due(&self) -> bool {
        self.general_due
    }

    /// The General Query that was due has been written.
    pub(super) const fn general_sent(&mut self) {
        self.general_due = false;
    }

    /// Checks that the parts of the election fit each other.
    ///
    /// # Errors
    ///
    /// Names what is wrong.
    pub(super) fn check(&self, env: &Env<'_>) -> Result<(), &'static str> {
        let usable = self.link_local.is_none_or(|own| is_usable_link_local(&own));
        ensure(usable, "election: own address is not link-local")?;
        ensure(self.is_querier(env) || !self.general_due, "election: Query due at a non-querier")?;
        let ascending = self.others.windows(2).all(|pair| pair[0].address < pair[1].address);
        ensure(ascending, "election: routers out of order")?;
        ensure(self.others.len() <= OTHERS_MAX, "election: too many routers")?;
        let Some(own) = self.contender(env) else {
            let present = self.others.iter().all(|other| other.until > env.expired_through);
            return ensure(present, "election: router present past its interval");
        };
        ensure(
            self.others.iter().all(|other| other.address < own),
            "election: router not lower than this one",
        )?;
        match self.last_present_until() {
            None => ensure(self.general_at > env.expired_through, "election: General Query overdue"),
            Some(until) => ensure(until > env.expired_through, "election: no querier is present"),
        }
    }

    /// Everything that the future of the election depends on, moments as `remaining` gives them; for fingerprints.
    pub(super) fn words(
        &self,
        env: Env<'_>,
        remaining: impl Fn(u64) -> u128 + Copy,
    ) -> impl Iterator<Item = u128> {
        let general_at = if self.is_querier(&env) { self.general_at } else { 0 };
        let reported = match self.reported {
            None => 0,
            Some(Querier::Unknown) => 1,
            Some(Querier::Other(_)) => 2,
            Some(Querier::Own(_)) => 3,
        };
        let words = [
            self.link_local.map_or(0, Ipv6Addr::to_bits),
            remaining(general_at),
            self.general_due.into(),
            self.startup_left.into(),
            reported,
            self.reported.map_or(0, |reported| reported.address().to_bits()),
            self.others.len() as u128,
        ];
        words.into_iter().chain(self.others.iter().flat_map(move |other| {
            [
                other.address.to_bits(),
                remaining(other.until),
                other.robustness.into(),
                other.query_interval_ms.into(),
                other.response_interval_ms.into(),
            ]
        }))
    }
}

/// The values that a Query announces. A value that it does not carry stays as it was `before` (R-TIM-4 to 8, A-16,
///
fn announced(
    config: &Config,
    before: Option<OtherRouter>,
    source: Ipv6Addr,
    query: &Query<'_>,
) -> OtherRouter {
    let own_response = config.query_response_interval_ms;
    let mut other = before.unwrap_or(OtherRouter {
        address: source,
        until: 0,
        robustness: config.robustness,
        query_interval_ms: config.query_interval_ms,
        response_interval_ms: own_response,
    });
    other.address = source;
    if query.version == Version::V2 {
        other.robustness = if query.robustness == 0 { config.robustness } else { query.robustness };
        other.query_interval_ms = match query.interval_code {
            0 => DEFAULT_QUERY_INTERVAL.as_millis() as u64,
            code => u64::from(decode_interval_code(code)) * 1000,
        };
    }
    if query.is_general() {
        other.response_interval_ms = match query.response_delay_ms {
            0 => own_response,
            delay => delay.into(),
        };
    }
    other
}

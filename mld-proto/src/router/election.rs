//! Who queries the link, and with which values (RFC 9777 section 7.6.2, RFC 2710 section 6).

use core::net::Ipv6Addr;

use super::core::Core;
use crate::addr::is_usable_link_local;
use crate::config::{DEFAULT_QUERY_INTERVAL, QuerierMode};
use crate::event::Querier;
use crate::store::ensure;
use crate::wire::Version;
use crate::wire::{Query, decode_interval_code};

/// Routers remembered at the same time by a router that takes no part in the election.
const RIVALS: usize = 4;

/// The state of the election.
#[derive(Clone, Debug)]
pub(super) struct Election {
    pub(super) link_local: Option<Ipv6Addr>,
    pub(super) is_querier: bool,
    /// The other-querier-present timer: until when a router with a lower address counts as present.
    other_until: u64,
    /// The elected querier, first. A router that takes no part keeps the others heard of too, by address.
    known: heapless::Vec<Rival, RIVALS>,
    /// When the next General Query is due.
    general_at: u64,
    /// A General Query is to be sent.
    pub(super) general_due: bool,
    /// General Queries still to be sent at the startup interval, one that is due included.
    startup_left: u8,
    told: Option<Querier>,
}

/// Another router and the values it announced.
#[derive(Clone, Copy, Debug)]
struct Rival {
    address: Ipv6Addr,
    until: u64,
    robustness: u8,
    query_interval_ms: u64,
    response_interval_ms: u64,
}

impl Rival {
    /// RFC 9777 section 9.5.
    fn present_interval_ms(&self) -> u64 {
        u64::from(self.robustness) * self.query_interval_ms + self.response_interval_ms / 2
    }
}

impl Election {
    pub(super) const NEW: Self = Self {
        link_local: None,
        is_querier: false,
        other_until: 0,
        known: heapless::Vec::new(),
        general_at: 0,
        general_due: false,
        startup_left: 0,
        told: None,
    };
}

impl Core {
    pub(super) fn querier(&self) -> Querier {
        match (self.election.link_local, self.election.known.first()) {
            (Some(own), _) if self.election.is_querier => Querier::Own(own),
            (_, Some(rival)) => Querier::Other(rival.address),
            _ => Querier::Unknown,
        }
    }

    pub(super) fn querier_untold(&self) -> bool {
        self.running && self.election.told != Some(self.querier())
    }

    /// Notes that the querier is being told.
    pub(super) fn tell_querier(&mut self) -> bool {
        let untold = self.querier_untold();
        if untold {
            self.election.told = Some(self.querier());
        }
        untold
    }

    /// Robustness Variable in force (R-TIM-4, R-TIM-6, R-TIM-10).
    pub(super) fn robustness(&self) -> u8 {
        self.elected().map_or(self.config.robustness, |rival| rival.robustness)
    }

    /// Query Interval in force (R-TIM-5).
    pub(super) fn query_interval_ms(&self) -> u64 {
        self.elected().map_or(self.config.query_interval_ms, |rival| rival.query_interval_ms)
    }

    /// Query Response Interval in force (R-TIM-8).
    fn response_interval_ms(&self) -> u64 {
        self.elected().map_or(self.config.query_response_interval_ms, |rival| rival.response_interval_ms)
    }

    fn elected(&self) -> Option<&Rival> {
        self.election.known.first()
    }

    /// RFC 9777 section 9.4, or RFC 2710 section 7.4.
    pub(super) fn listening_interval_ms(&self) -> u64 {
        self.config.listening_interval_ms(
            self.robustness().into(),
            self.query_interval_ms(),
            self.response_interval_ms(),
        )
    }

    /// RFC 9777 section 9.5.
    pub(super) fn other_querier_present_interval_ms(&self) -> u64 {
        u64::from(self.robustness()) * self.query_interval_ms() + self.response_interval_ms() / 2
    }

    /// RFC 9777 section 9.13: shorter than the listening interval.
    pub(super) fn older_version_host_present_interval_ms(&self) -> u64 {
        u64::from(self.robustness()) * self.query_interval_ms() + self.response_interval_ms()
    }

    /// RFC 9777 section 9.9 (R-TIM-9).
    pub(super) fn last_listener_query_count(&self) -> u8 {
        self.config.last_listener_query_count.unwrap_or_else(|| self.robustness())
    }

    /// RFC 9777 section 9.10.
    pub(super) fn last_listener_query_time_ms(&self) -> u64 {
        self.config.last_listener_query_interval_ms * u64::from(self.last_listener_query_count())
    }

    /// Starts as querier with the startup series, or listens (R-V1R-1, R-V1R-2, R-ELE-1, R-ELE-10, R-ELE-12).
    pub(super) fn begin_election(&mut self) {
        if self.takes_part() && self.lower_router_present() {
            self.election.known.truncate(1);
            self.election.other_until = self.election.known[0].until;
            return self.yield_role();
        }
        if !self.takes_part() {
            return self.stand_aside();
        }
        self.become_querier();
        self.election.startup_left = self.config.startup_query_count();
        self.election.general_at = self.now + self.next_general_ms();
    }

    fn lower_router_present(&self) -> bool {
        let lower = |rival: &&Rival| self.election.link_local.is_some_and(|own| rival.address < own);
        self.elected().filter(lower).is_some_and(|rival| rival.until > self.horizon)
    }

    pub(super) fn forget_routers(&mut self) {
        self.election.known.clear();
    }

    /// The link-local address changed (R-ELE-8, R-ELE-10).
    pub(super) fn set_address(&mut self, now: u64, link_local: Option<Ipv6Addr>) {
        self.arrive(now);
        let link_local = link_local.filter(is_usable_link_local);
        let before = core::mem::replace(&mut self.election.link_local, link_local);
        if before == link_local || !self.running {
            return;
        }
        let Some(own) = link_local else { return self.stand_aside() };
        self.election.known.retain(|rival| rival.address != own);
        if before.is_none() {
            return self.begin_election();
        }
        if self.takes_part() && !self.lower_router_present() {
            self.become_querier();
            self.election.general_at = self.now + self.query_interval_ms();
        }
    }

    /// A Query of whatever kind was heard from another router (R-ELE-2 to 7, R-V1R-3, A-4, A-15).
    pub(super) fn hear(&mut self, source: Ipv6Addr, query: &Query<'_>) {
        let older = query.sent_as == Version::V1 && !self.is_version_1();
        if older && self.config.readings.ignore_v1_querier {
            return;
        }
        if !self.takes_part() {
            return self.remember(source, query);
        }
        if self.election.link_local.is_none_or(|own| source >= own) {
            return;
        }
        let elected =
            self.elected().is_none_or(|known| source <= known.address || known.until <= self.horizon);
        let announced = elected.then(|| self.announced(self.elected().copied(), source, query));
        if let Some(rival) = announced {
            self.election.known.clear();
            // One fits: the list was just cleared.
            let _ = self.election.known.push(rival);
        }
        let until = self.now + self.other_querier_present_interval_ms();
        self.election.other_until = until;
        if let (true, Some(known)) = (elected, self.election.known.first_mut()) {
            known.until = until;
        }
        if self.election.is_querier {
            if older {
                self.stats.lost_to_version_1 += 1;
            }
            self.yield_role();
        }
    }

    /// Keeps every router heard of, the lowest address first.
    fn remember(&mut self, source: Ipv6Addr, query: &Query<'_>) {
        let before = self.election.known.iter().find(|rival| rival.address == source);
        let before = before.or_else(|| self.elected()).copied();
        let mut rival = self.announced(before, source, query);
        rival.until = self.now + rival.present_interval_ms();
        self.election.known.retain(|known| known.address != source);
        if self.election.known.is_full()
            && self.election.known.last().is_some_and(|last| last.address > source)
        {
            self.election.known.pop();
        }
        let at = self.election.known.iter().take_while(|known| known.address < source).count();
        // Full of lower addresses: this one is heard again before it can be elected.
        let _ = self.election.known.insert(at, rival);
    }

    /// The values that a Query announces; what it does not say stays as it was `before` (R-TIM-4 to 8, A-16 to 18).
    fn announced(&self, before: Option<Rival>, source: Ipv6Addr, query: &Query<'_>) -> Rival {
        let own_response = self.config.query_response_interval_ms;
        let mut rival = before.unwrap_or(Rival {
            address: source,
            until: 0,
            robustness: self.config.robustness,
            query_interval_ms: self.config.query_interval_ms,
            response_interval_ms: own_response,
        });
        rival.address = source;
        if query.version == Version::V2 {
            rival.robustness = if query.robustness == 0 { self.config.robustness } else { query.robustness };
            rival.query_interval_ms = match query.interval_code {
                0 => DEFAULT_QUERY_INTERVAL.as_millis() as u64,
                code => u64::from(decode_interval_code(code)) * 1000,
            };
        }
        if query.is_general() {
            rival.response_interval_ms = match query.response_delay_ms {
                0 => own_response,
                delay => delay.into(),
            };
        }
        rival
    }

    /// Ends what the horizon has passed: the presence of other routers, the wait for the next General Query.
    pub(super) fn advance_election(&mut self) {
        if !self.running {
            return;
        }
        if !self.takes_part() {
            let horizon = self.horizon;
            return self.election.known.retain(|rival| rival.until > horizon);
        }
        if !self.election.is_querier && self.election.other_until <= self.horizon {
            let since = self.election.other_until;
            self.become_querier();
            self.election.general_at = since + self.query_interval_ms();
        }
        if self.election.is_querier && self.election.general_at <= self.horizon {
            self.election.general_due = true;
            let interval = self.next_general_ms();
            let next = self.election.general_at + interval;
            // Queries that nobody came to send are not made up for.
            self.election.general_at = if next <= self.horizon { self.horizon + interval } else { next };
        }
    }

    /// The next moment at which [`advance_election`](Self::advance_election) has something to do.
    pub(super) fn election_deadline(&self) -> Option<u64> {
        if !self.running {
            None
        } else if !self.takes_part() {
            self.election.known.iter().map(|rival| rival.until).min()
        } else if self.election.is_querier {
            Some(self.election.general_at)
        } else {
            Some(self.election.other_until)
        }
    }

    /// Whether the parts of the election fit each other; says what is wrong otherwise.
    pub(super) fn check_election(&self) -> Result<(), &'static str> {
        let election = &self.election;
        let own = election.link_local;
        ensure(
            own.is_none_or(|own| is_usable_link_local(&own)),
            "election: an address that cannot take part",
        )?;
        ensure(!election.is_querier || self.takes_part(), "election: a querier that takes no part")?;
        ensure(election.is_querier || !election.general_due, "election: a Query is due at a non-querier")?;
        let ascending = election.known.windows(2).all(|pair| pair[0].address < pair[1].address);
        ensure(ascending, "election: routers out of order")?;
        if !self.takes_part() {
            let present = election.known.iter().all(|rival| rival.until > self.horizon);
            return ensure(present, "election: a router counts as present past its interval");
        }
        if election.is_querier {
            ensure(election.known.is_empty(), "election: a querier that knows another")?;
            return ensure(election.general_at > self.horizon, "election: a Query is late");
        }
        let lower = |rival: &Rival| own.is_some_and(|own| rival.address < own);
        let elected = matches!(election.known.as_slice(), [rival] if lower(rival));
        ensure(elected, "election: a non-querier that does not know who won")?;
        ensure(election.other_until > self.horizon, "election: nobody queries")
    }

    /// What the future of the election depends on; see [`Router::hash_situation`](super::Router::hash_situation).
    pub(super) fn election_words(&self) -> impl Iterator<Item = u128> {
        let election = &self.election;
        // The other one is set when the role changes.
        let deadline = match (self.takes_part(), election.is_querier) {
            (true, true) => election.general_at,
            (true, false) => election.other_until,
            (false, _) => 0,
        };
        let told = match election.told {
            None => 0,
            Some(Querier::Unknown) => 1,
            Some(Querier::Other(_)) => 2,
            Some(Querier::Own(_)) => 3,
        };
        let words = [
            election.link_local.map_or(0, Ipv6Addr::to_bits),
            election.is_querier.into(),
            self.remaining_or_none(deadline),
            election.general_due.into(),
            election.startup_left.into(),
            told,
            election.told.map_or(0, |told| told.address().to_bits()),
            election.known.len() as u128,
        ];
        words.into_iter().chain(election.known.iter().flat_map(|rival| {
            [
                rival.address.to_bits(),
                self.remaining_or_none(rival.until),
                rival.robustness.into(),
                rival.query_interval_ms.into(),
                rival.response_interval_ms.into(),
            ]
        }))
    }

    /// R-ELE-4, R-V1R-4, R-SEC-3, A-27: a General Query at once; the caller says when the next is due.
    fn become_querier(&mut self) {
        self.election.is_querier = true;
        self.election.known.clear();
        self.election.other_until = 0;
        self.election.startup_left = 0;
        self.election.general_due = true;
    }

    /// Takes no part any more. From now on a router counts only until its own interval is over (R-ELE-10).
    fn stand_aside(&mut self) {
        self.yield_role();
        self.advance_election();
    }

    fn yield_role(&mut self) {
        self.election.is_querier = false;
        self.election.general_due = false;
        self.election.startup_left = 0;
    }

    /// The wait after the General Query that is due now (R-QRY-2, A-2).
    fn next_general_ms(&mut self) -> u64 {
        self.election.startup_left = self.election.startup_left.saturating_sub(1);
        if self.election.startup_left > 0 {
            self.config.startup_query_interval().as_millis() as u64
        } else {
            self.query_interval_ms()
        }
    }

    /// The one source of everything sent; `None` if nothing may be sent (R-WIRE-5, R-WIRE-7).
    pub(super) const fn can_send(&self) -> Option<Ipv6Addr> {
        match self.config.querier {
            QuerierMode::Auto if self.running => self.election.link_local,
            _ => None,
        }
    }
}

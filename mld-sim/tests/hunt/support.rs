//! Rules of one's own, by which a sound engine can be found wanting.

use core::net::Ipv6Addr;

use mld_proto::Instant;
use mld_sim::hunt::{self, Verdict};
use mld_sim::scenario::Scenario;
use mld_sim::world::{Happening, Observer, Scene, Violation};

pub(crate) fn ip(text: &str) -> Ipv6Addr {
    text.parse().expect("an address")
}

/// Breaks the rule `broken` where this is the case.
struct Broken<F>(F);

impl<F: FnMut(&Scene<'_>, Instant, &Happening<'_>) -> bool> Observer for Broken<F> {
    fn observe(
        &mut self,
        scene: &Scene<'_>,
        at: Instant,
        happening: &Happening<'_>,
    ) -> Result<(), Violation> {
        if (self.0)(scene, at, happening) {
            Err(Violation::new("broken", "as was asked for"))
        } else {
            Ok(())
        }
    }
}

/// Runs a scenario that must not do this.
pub(crate) fn judge_by(
    scenario: &Scenario,
    rule: impl FnMut(&Scene<'_>, Instant, &Happening<'_>) -> bool + 'static,
) -> Verdict {
    hunt::judge_with(scenario, |world| world.observe(Broken(rule)))
}

/// The octets of an IPv6 packet with a Router Alert from its ICMPv6 type on.
pub(crate) fn message(packet: &[u8]) -> &[u8] {
    &packet[48..]
}

/// Which of them is the address at this place.
pub(crate) fn address(octets: &[u8], at: usize) -> Ipv6Addr {
    let octets: [u8; 16] = octets[at..at + 16].try_into().expect("16 octets");
    octets.into()
}

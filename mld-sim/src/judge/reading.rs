//! Reads Queries as far as the judges need them: what was accepted is known to be sound.

use core::net::Ipv6Addr;

/// What a Query asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) version: u8,
    /// `::` asks for all.
    pub(super) group: Ipv6Addr,
    pub(super) sources: Vec<Ipv6Addr>,
    pub(super) suppress: bool,
    /// Maximum Response Code, as it stands in the packet.
    pub(super) code: u16,
    pub(super) robustness: u8,
}

impl Query {
    /// How long an MLDv2 node may take to answer, in milliseconds (RFC 9777 section 5.1.3).
    pub(super) const fn delay_ms(&self) -> u64 {
        let code = self.code as u64;
        if self.version == 1 || code < 0x8000 {
            code
        } else {
            ((code & 0xfff) | 0x1000) << (((code >> 12) & 7) + 3)
        }
    }

    pub(super) fn is_general(&self) -> bool {
        self.group.is_unspecified()
    }

    /// Reads the Query in a packet that was accepted as one.
    pub(super) fn read(packet: &[u8]) -> Option<Self> {
        let message = message(packet)?;
        let address = |at: usize| -> Option<Ipv6Addr> {
            let octets: [u8; 16] = message.get(at..at + 16)?.try_into().ok()?;
            Some(octets.into())
        };
        let word = |at: usize| Some(u16::from_be_bytes(message.get(at..at + 2)?.try_into().ok()?));
        let (group, code) = (address(8)?, word(4)?);
        if *message.first()? != 130 {
            return None;
        }
        if message.len() < 28 {
            let sources = Vec::new();
            return Some(Self { version: 1, group, sources, suppress: false, code, robustness: 0 });
        }
        // An MLDv1 router accepts a Query whose list is not all there: it reads the first 24 octets (R-WIRE-32).
        let sources = (0..usize::from(word(26)?)).map_while(|at| address(28 + 16 * at));
        Some(Self {
            version: 2,
            group,
            sources: sources.collect(),
            suppress: message[24] & 8 != 0,
            code,
            robustness: message[24] & 7,
        })
    }
}

/// The ICMPv6 message of a packet: behind the hop-by-hop and other extension headers, within the IPv6 payload.
fn message(packet: &[u8]) -> Option<&[u8]> {
    const HEADER: usize = 40;
    const ICMPV6: u8 = 58;
    const EXTENSIONS: [u8; 3] = [0, 43, 60];
    let length = usize::from(u16::from_be_bytes(packet.get(4..6)?.try_into().ok()?));
    let packet = packet.get(..HEADER + length)?;
    let (mut next, mut at) = (packet[6], HEADER);
    while EXTENSIONS.contains(&next) {
        next = *packet.get(at)?;
        at += 8 * (1 + usize::from(*packet.get(at + 1)?));
    }
    (next == ICMPV6).then(|| packet.get(at..)).flatten()
}

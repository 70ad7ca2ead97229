//! Reads messages as far as the judges need them.

use core::net::Ipv6Addr;

use crate::packet::{HeardByHost, Sent, heard_by_host, strict};

/// Every node of the link listens to it.
pub(super) const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// A message that concerns a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Query(Query),
    /// An MLDv1 Report for the group.
    ReportV1(Ipv6Addr),
}

impl Heard {
    /// Reads a packet that reached a host. The second value is true if every host accepts it; `None` if none does
    /// (R-LSN-40, R-LSN-75). `own`: the host's address; `listens`: true for the groups of its interface.
    pub(super) fn read(
        packet: &[u8],
        knows_only_version_1: bool,
        own: Option<Ipv6Addr>,
        listens: impl Fn(Ipv6Addr) -> bool,
    ) -> Option<(Self, bool)> {
        // R-WIRE-51. A group that it does not listen to may be an address of its interface for another reason.
        let destination = Ipv6Addr::from(*packet.get(24..)?.first_chunk::<16>()?);
        let is_ours = destination == ALL_NODES || listens(destination);
        let sent = strict(packet, u16::MAX).ok().filter(|sent| is_ours && is_of_another(sent, own));
        let is_sound = sent.is_some();
        let heard = match sent {
            Some(Sent::ReportV1 { group, .. }) => Some(Self::ReportV1(group)),
            Some(Sent::Query { .. }) => Query::read(packet).map(Self::Query),
            Some(_) => None,
            None => match heard_by_host(packet, knows_only_version_1, own)? {
                HeardByHost::Query => Query::read(packet).map(Self::Query),
                HeardByHost::ReportV1(group) => Some(Self::ReportV1(group)),
            },
        };
        let heard = heard.map(|heard| match heard {
            // R-WIRE-32
            Self::Query(query) if knows_only_version_1 => Self::Query(query.into_version_1()),
            heard => heard,
        });
        heard.map(|heard| (heard, is_sound))
    }
}

fn is_of_another(sent: &Sent, own: Option<Ipv6Addr>) -> bool {
    match sent {
        Sent::Query { source, .. } => Some(*source) != own,
        Sent::ReportV1 { source, .. } => Some(*source) != own && !source.is_unspecified(),
        Sent::ReportV2 { .. } | Sent::Done { .. } => true,
    }
}

/// A Query.
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
    /// Querier's Query Interval Code.
    pub(super) interval_code: u8,
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

    /// Querier's Query Interval in seconds, 0 if it is not announced (RFC 9777 section 5.1.9).
    pub(super) const fn interval_s(&self) -> u64 {
        let code = self.interval_code as u64;
        if code < 0x80 { code } else { ((code & 0xf) | 0x10) << (((code >> 4) & 7) + 3) }
    }

    pub(super) fn is_general(&self) -> bool {
        self.group.is_unspecified()
    }

    /// The same, as one who knows only MLDv1 reads it.
    fn into_version_1(self) -> Self {
        Self { version: 1, sources: Vec::new(), suppress: false, robustness: 0, interval_code: 0, ..self }
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
            return Some(Self {
                version: 1,
                group,
                sources,
                suppress: false,
                code,
                robustness: 0,
                interval_code: 0,
            });
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
            interval_code: message[25],
        })
    }
}

/// The ICMPv6 message of a packet: behind the hop-by-hop and other extension headers, within the IPv6 payload.
fn message(packet: &[u8]) -> Option<&[u8]> {
    const HEADER: usize = 40;
    const ICMPV6: u8 = 58;
    const AUTHENTICATION: u8 = 51;
    const EXTENSIONS: [u8; 4] = [0, 43, AUTHENTICATION, 60];
    let length = usize::from(u16::from_be_bytes(packet.get(4..6)?.try_into().ok()?));
    let packet = packet.get(..HEADER + length)?;
    let (mut next, mut at) = (packet[6], HEADER);
    while EXTENSIONS.contains(&next) {
        let unit = if next == AUTHENTICATION { 4 } else { 8 };
        next = *packet.get(at)?;
        at += 8 + unit * usize::from(*packet.get(at + 1)?);
    }
    (next == ICMPV6).then(|| packet.get(at..)).flatten()
}

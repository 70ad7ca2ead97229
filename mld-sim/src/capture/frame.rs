//! Link layers: from a frame as it was captured to the IPv6 packet in it.

use core::fmt;

const ETHERTYPE_IPV6: u16 = 0x86dd;
/// Tags of IEEE 802.1Q and 802.1ad, and what was used for outer tags before the latter.
const ETHERTYPES_VLAN: [u16; 4] = [0x8100, 0x88a8, 0x9100, 0x9200];
/// The bits of a tag that name the VLAN; 0 only sets a priority.
const VLAN_ID: u16 = 0x0fff;

/// How the frames of a capture begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkType {
    /// Ethernet (1).
    Ethernet,
    /// Linux cooked capture (113), from `tcpdump -i any` for example.
    LinuxCooked,
    /// Linux cooked capture, version 2 (276).
    LinuxCooked2,
    /// IP packets alone (101, 229).
    Ip,
}

impl LinkType {
    /// The link type that has this number in captures.
    ///
    /// # Errors
    ///
    /// [`UnknownLinkType`] if its frames cannot be read.
    pub const fn from_number(number: u16) -> Result<Self, UnknownLinkType> {
        match number {
            1 => Ok(Self::Ethernet),
            101 | 229 => Ok(Self::Ip),
            113 => Ok(Self::LinuxCooked),
            276 => Ok(Self::LinuxCooked2),
            _ => Err(UnknownLinkType(number)),
        }
    }
}

/// A link type whose frames cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownLinkType(pub u16);

impl fmt::Display for UnknownLinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.0;
        write!(f, "link type {number} must be Ethernet (1), raw (101), Linux cooked (113, 276) or IPv6 (229)")
    }
}

impl core::error::Error for UnknownLinkType {}

/// A frame as it was captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'c> {
    /// Capture-clock time in milliseconds.
    pub time_ms: u64,
    /// How it begins.
    pub link: LinkType,
    /// What was captured of it.
    pub octets: &'c [u8],
    /// Whether it was longer than that.
    pub captured_short: bool,
}

/// What may be an IPv6 packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payload<'c> {
    /// The octets behind the header of the link; none if the frame was captured too short to have them.
    pub packet: &'c [u8],
    /// Whether the frame bears a VLAN id other than 0, and so belongs to another link.
    pub other_vlan: bool,
}

impl<'c> Frame<'c> {
    /// What stands behind the header of the link and its VLAN tags; `None` if it is certain that no IPv6 packet
    /// does. Padding is left on: the packet's own length tells it apart.
    pub fn payload(&self) -> Option<Payload<'c>> {
        let mut other_vlan = false;
        let behind = match self.link {
            LinkType::Ethernet => walk_tags(self.octets.get(12..), &mut other_vlan),
            LinkType::LinuxCooked => walk_tags(self.octets.get(14..), &mut other_vlan),
            LinkType::LinuxCooked2 => match self.octets.split_first_chunk() {
                Some((&ethertype, _)) => walk_tags_behind(ethertype, self.octets.get(20..), &mut other_vlan),
                None => Behind::Unclear,
            },
            LinkType::Ip => Behind::Ipv6(self.octets),
        };
        match behind {
            Behind::Ipv6(packet) if !packet.is_empty() || self.captured_short => {
                Some(Payload { packet, other_vlan })
            }
            Behind::Unclear if self.captured_short => Some(Payload { packet: &[], other_vlan }),
            _ => None,
        }
    }
}

/// What stands behind an EtherType.
enum Behind<'c> {
    Ipv6(&'c [u8]),
    Other,
    /// The octets end before it is clear.
    Unclear,
}

/// Walks an EtherType and the tags that it may name.
fn walk_tags<'c>(octets: Option<&'c [u8]>, other_vlan: &mut bool) -> Behind<'c> {
    match octets.and_then(<[u8]>::split_first_chunk) {
        Some((&ethertype, behind)) => walk_tags_behind(ethertype, Some(behind), other_vlan),
        None => Behind::Unclear,
    }
}

fn walk_tags_behind<'c>(ethertype: [u8; 2], behind: Option<&'c [u8]>, other_vlan: &mut bool) -> Behind<'c> {
    let ethertype = u16::from_be_bytes(ethertype);
    let tagged = ETHERTYPES_VLAN.contains(&ethertype);
    match behind {
        _ if !tagged && ethertype != ETHERTYPE_IPV6 => Behind::Other,
        None => Behind::Unclear,
        Some(behind) if tagged => match behind.split_first_chunk() {
            Some((&tag, behind)) => {
                *other_vlan |= u16::from_be_bytes(tag) & VLAN_ID != 0;
                walk_tags(Some(behind), other_vlan)
            }
            None => Behind::Unclear,
        },
        Some(behind) => Behind::Ipv6(behind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKET: [u8; 3] = [0x60, 1, 2];

    /// The payload of a frame that begins with `head` and goes on with [`PACKET`].
    fn payload(link: LinkType, head: &[&[u8]]) -> Option<(Vec<u8>, bool)> {
        let mut octets = head.concat();
        octets.extend(PACKET);
        let frame = Frame { time_ms: 0, link, octets: &octets, captured_short: false };
        frame.payload().map(|payload| (payload.packet.to_vec(), payload.other_vlan))
    }

    #[test]
    fn tags_of_id_0_are_none_and_any_other_id_is_another_link() {
        let here = Some((PACKET.to_vec(), false));
        let elsewhere = Some((PACKET.to_vec(), true));
        for (tags, expected) in [
            (&[0x86, 0xdd][..], &here),
            (&[0x81, 0, 0, 0, 0x86, 0xdd], &here),
            (&[0x81, 0, 0xf0, 0, 0x86, 0xdd], &here),
            (&[0x81, 0, 0, 1, 0x86, 0xdd], &elsewhere),
            (&[0x88, 0xa8, 0, 0, 0x81, 0, 0, 0, 0x86, 0xdd], &here),
            (&[0x88, 0xa8, 0, 0, 0x81, 0, 0, 9, 0x86, 0xdd], &elsewhere),
            (&[0x88, 0xa8, 0x0f, 0xff, 0x81, 0, 0, 0, 0x86, 0xdd], &elsewhere),
            (&[0x91, 0, 0, 2, 0x86, 0xdd], &elsewhere),
            (&[0x08, 0], &None),
            (&[0x81, 0, 0, 0, 0x08, 0], &None),
            (&[0x81, 0, 0, 1, 0x08, 0], &None),
            (&[0x05, 0xdc], &None),
        ] {
            assert_eq!(payload(LinkType::Ethernet, &[&[0; 12], tags]), *expected, "{tags:x?}");
            assert_eq!(payload(LinkType::LinuxCooked, &[&[0; 14], tags]), *expected, "{tags:x?}");
            let (ethertype, rest) = tags.split_at(2);
            assert_eq!(payload(LinkType::LinuxCooked2, &[ethertype, &[0; 18], rest]), *expected, "{tags:x?}");
        }
        assert_eq!(payload(LinkType::Ip, &[]), here);
    }

    #[test]
    fn frames_captured_short_may_be_anything_that_their_octets_allow() {
        let ethernet = [&[0; 12][..], &[0x81, 0, 0, 5, 0x86, 0xdd, 0x60]].concat();
        for (len, other_vlan) in
            [(0, false), (13, false), (14, false), (15, false), (16, true), (18, true), (19, true)]
        {
            let mut frame = Frame {
                time_ms: 0,
                link: LinkType::Ethernet,
                octets: &ethernet[..len],
                captured_short: true,
            };
            assert_eq!(
                frame.payload(),
                Some(Payload { packet: ethernet.get(18..len).unwrap_or(&[]), other_vlan })
            );
            frame.captured_short = false;
            assert_eq!(frame.payload().is_some(), len == 19, "{len} octets are all there was");
        }
        let ipv4 = [&[0; 12][..], &[0x08, 0]].concat();
        let frame = Frame { time_ms: 0, link: LinkType::Ethernet, octets: &ipv4, captured_short: true };
        assert_eq!(frame.payload(), None);
        for (octets, expected) in [(&[0x86, 0xdd, 0][..], true), (&[0x08, 0, 0], false), (&[0x86], true)] {
            let frame = Frame { time_ms: 0, link: LinkType::LinuxCooked2, octets, captured_short: true };
            assert_eq!(frame.payload().is_some(), expected, "{octets:x?}");
        }
    }
}

/// The reason for ignoring a packet. Each reason is counted in [`Stats`](crate::router::Stats); nothing else changes.
///
/// In the order in which a packet is checked: the first check that fails names the reason
/// (RFC 9777 sections 5.1.14, 5.2.14, 6.2, 7.4, 7.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Discard {
    /// The packet is shorter than its headers state.
    Truncated,
    /// A fragment, or a packet with a fragment header: MLD messages fit the link (R-WIRE-78).
    Fragment,
    /// The hop limit is not 1 (R-SEC-1).
    HopLimit,
    /// No Router Alert option for MLD in a hop-by-hop header (R-SEC-1, R-SEC-2).
    NoRouterAlert,
    /// The source is `::`: a host during duplicate address detection, or a snooping switch (R-WIRE-66, R-ELE-9).
    SourceUnspecified,
    /// The source is no link-local address (R-WIRE-52, R-WIRE-67).
    SourceNotLinkLocal,
    /// The source is the router's own address: an echo, a duplicate address or a forgery (R-SEC-13, A-32).
    OwnAddress,
    /// The ICMPv6 checksum is wrong (R-WIRE-9).
    BadChecksum,
    /// The message is too short for its kind or for what it counts (R-WIRE-31, R-WIRE-56, R-WIRE-72).
    BadLength,
    /// The message names no address that MLD manages (R-WIRE-54, R-WIRE-55, R-WIRE-73).
    GroupAddress,
    /// The destination is an address of another node, or an unusual one where those are refused (R-WIRE-51, R-WIRE-71).
    Destination,
    /// The configuration excludes messages of this version (R-V1R-14, R-CMP-8).
    WrongVersion,
    /// The frame belongs to another VLAN. Counted by drivers; the engine sees no frames.
    OtherVlan,
    /// The router had not been started.
    BeforeStart,
    /// The packet carries no MLD message.
    NotMld,
}

impl Discard {
    /// Every reason, in order of checking.
    pub const ALL: [Self; 15] = [
        Self::Truncated,
        Self::Fragment,
        Self::HopLimit,
        Self::NoRouterAlert,
        Self::SourceUnspecified,
        Self::SourceNotLinkLocal,
        Self::OwnAddress,
        Self::BadChecksum,
        Self::BadLength,
        Self::GroupAddress,
        Self::Destination,
        Self::WrongVersion,
        Self::OtherVlan,
        Self::BeforeStart,
        Self::NotMld,
    ];

    /// The name in counters and documents, in kebab case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::Fragment => "fragment",
            Self::HopLimit => "hop-limit",
            Self::NoRouterAlert => "no-router-alert",
            Self::SourceUnspecified => "source-unspecified",
            Self::SourceNotLinkLocal => "source-not-link-local",
            Self::OwnAddress => "own-address",
            Self::BadChecksum => "bad-checksum",
            Self::BadLength => "bad-length",
            Self::GroupAddress => "group-address",
            Self::Destination => "destination",
            Self::WrongVersion => "wrong-version",
            Self::OtherVlan => "other-vlan",
            Self::BeforeStart => "before-start",
            Self::NotMld => "not-mld",
        }
    }
}

impl core::fmt::Display for Discard {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

impl core::error::Error for Discard {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_listed_in_order_of_their_numbers() {
        for (number, reason) in Discard::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, number);
        }
    }
}

use core::fmt;
use core::net::Ipv6Addr;
use core::str::FromStr;

/// Addresses that `set_other_addresses` of a router or listener keeps at most.
pub const OTHER_ADDRESSES: usize = 8;

/// `ff02::1`, every node of a link. It is never reported.
pub const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// `ff02::2`, every router of a link. MLDv1 Done messages go here.
pub const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
/// `ff02::16`, every MLDv2 router of a link. MLDv2 Reports go here.
pub const ALL_MLDV2_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x16);

/// Returns true for an address in fe80::/64: Reports are sent from such a one, and it takes part in the election
/// (R-WIRE-5, R-WIRE-6, A-22).
pub(crate) fn is_usable_link_local(address: &Ipv6Addr) -> bool {
    address.segments()[..4] == [0xfe80, 0, 0, 0]
}

/// A multicast address that MLD manages: of scope 2 or wider, and not `ff02::1`.
///
/// R-WIRE-73, R-SEC-14 (RFC 9777 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupAddr(Ipv6Addr);

impl GroupAddr {
    /// Checks `address`.
    ///
    /// # Errors
    ///
    /// [`NotManaged`] if it is no multicast address, of scope 0 or 1, or `ff02::1`.
    pub const fn new(address: Ipv6Addr) -> Result<Self, NotManaged> {
        if address.is_multicast() && scope(address) >= 2 && address.to_bits() != ALL_NODES.to_bits() {
            Ok(Self(address))
        } else {
            Err(NotManaged)
        }
    }

    /// The address.
    pub const fn get(self) -> Ipv6Addr {
        self.0
    }

    /// The scope, 2 (link-local) to 15 (RFC 7346).
    pub const fn scope(self) -> u8 {
        scope(self.0)
    }

    /// Returns true if the scope is no wider than the link. Such groups are tracked and never forwarded (R-FWD-4).
    pub const fn is_link_local(self) -> bool {
        self.scope() <= 2
    }
}

const fn scope(address: Ipv6Addr) -> u8 {
    address.octets()[1] & 0x0f
}

impl TryFrom<Ipv6Addr> for GroupAddr {
    type Error = NotManaged;

    fn try_from(address: Ipv6Addr) -> Result<Self, NotManaged> {
        Self::new(address)
    }
}

impl From<GroupAddr> for Ipv6Addr {
    fn from(group: GroupAddr) -> Self {
        group.0
    }
}

impl FromStr for GroupAddr {
    type Err = NotManaged;

    fn from_str(text: &str) -> Result<Self, NotManaged> {
        Self::new(text.parse().map_err(|_| NotManaged)?)
    }
}

impl fmt::Display for GroupAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The address is not one that MLD manages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotManaged;

impl fmt::Display for NotManaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a multicast address of scope 2 or wider other than ff02::1")
    }
}

impl core::error::Error for NotManaged {}

/// Link-local unicast, fe80::/10, as accepted in a source.
pub(crate) const fn is_link_local(address: Ipv6Addr) -> bool {
    address.is_unicast_link_local()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_groups_that_are_reported_are_managed() {
        for (text, managed) in [
            ("ff01::101", false),
            ("ff00::1", false),
            ("ff02::1", false),
            ("ff02::2", true),
            ("ff02::16", true),
            ("ff02::1:ff00:a", true),
            ("ff05::1:3", true),
            ("ff12::1", true),
            ("ff31::1", false),
            ("2001:db8::1", false),
            ("::", false),
        ] {
            assert_eq!(text.parse::<GroupAddr>().is_ok(), managed, "{text}");
        }
    }
}

//! Numbers and addresses that all draws share.

use core::net::Ipv6Addr;

/// Chances are in this many.
pub(super) const HUNDRED: u64 = 100;
/// Room that is never short.
pub(super) const ROOM_GROUPS: u32 = 64;
pub(super) const ROOM_SOURCES: u32 = 256;

/// In one of the ff3x::/32, where there is no exclude mode (R-SSM-1, R-LSN-49).
pub(super) const fn is_ssm(group: Ipv6Addr) -> bool {
    matches!(group.segments(), [0xff30..=0xff3f, 0, ..])
}

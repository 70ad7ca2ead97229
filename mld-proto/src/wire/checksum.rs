//! The ICMPv6 checksum: one's complement over a pseudo header and the whole message (R-WIRE-8).

use core::net::Ipv6Addr;

use super::NEXT_HEADER_ICMPV6;

/// Whether the message adds up. Both ways to write zero pass (R-WIRE-10).
pub fn verify(source: Ipv6Addr, destination: Ipv6Addr, message: &[u8]) -> bool {
    fold(pseudo_header(source, destination, message.len()) + sum(message)) == 0xffff
}

/// The value of the checksum field for a message in which that field is zero.
pub fn compute(source: Ipv6Addr, destination: Ipv6Addr, message: &[u8]) -> u16 {
    !fold(pseudo_header(source, destination, message.len()) + sum(message))
}

fn pseudo_header(source: Ipv6Addr, destination: Ipv6Addr, len: usize) -> u64 {
    sum(&source.octets()) + sum(&destination.octets()) + len as u64 + u64::from(NEXT_HEADER_ICMPV6)
}

/// Adds big-endian words of four octets: their sum folds to the same 16 bits as that of words of two.
fn sum(octets: &[u8]) -> u64 {
    let (words, rest) = octets.as_chunks::<4>();
    let mut sum: u64 = words.iter().map(|word| u64::from(u32::from_be_bytes(*word))).sum();
    if !rest.is_empty() {
        let mut last = [0; 4];
        last[..rest.len()].copy_from_slice(rest);
        sum += u64::from(u32::from_be_bytes(last));
    }
    sum
}

fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    // R-WIRE-10
    #[test]
    fn both_encodings_of_zero_pass() {
        let address = Ipv6Addr::UNSPECIFIED;
        let mut message = [130, 0, 0, 0, 0, 0, 0, 0];
        let rest = compute(address, address, &message);
        message[6..].copy_from_slice(&rest.to_be_bytes());
        assert!(verify(address, address, &message));
        message[2..4].copy_from_slice(&[0xff, 0xff]);
        assert!(verify(address, address, &message));
    }
}

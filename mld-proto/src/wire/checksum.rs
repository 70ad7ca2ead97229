//! The ICMPv6 checksum: one's complement over a pseudo header and the whole message (R-WIRE-8).

use core::net::Ipv6Addr;

use super::NEXT_HEADER_ICMPV6;

/// Returns true if the checksum is correct. Both ways to write zero pass (R-WIRE-10).
#[inline]
pub fn verify(source: Ipv6Addr, destination: Ipv6Addr, message: &[u8]) -> bool {
    sum(source, destination, message) == 0xffff
}

/// The value of the checksum field for a message in which that field is zero.
#[inline]
pub fn compute(source: Ipv6Addr, destination: Ipv6Addr, message: &[u8]) -> u16 {
    !sum(source, destination, message)
}

/// The one's complement sum of the pseudo header and the message.
#[inline]
fn sum(source: Ipv6Addr, destination: Ipv6Addr, message: &[u8]) -> u16 {
    // Words of eight octets add up to the same 16 bits as words of two, and in the byte order of the machine to the
    // same 16 bits swapped (RFC 1071).
    let mut sum =
        u128::from((message.len() as u32).to_be()) + u128::from(u32::from(NEXT_HEADER_ICMPV6).to_be());
    for octets in [&source.octets()[..], &destination.octets()[..], message] {
        let (words, rest) = octets.as_chunks::<8>();
        for word in words {
            sum += u128::from(u64::from_ne_bytes(*word));
        }
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            sum += u128::from(u64::from_ne_bytes(last));
        }
    }
    while sum > 0xffff_ffff {
        sum = (sum & 0xffff_ffff) + (sum >> 32);
    }
    let mut sum = sum as u32;
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (sum as u16).to_be()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_any_size_add_up_to_words_of_two() {
        let source = Ipv6Addr::new(0xfe80, 0, 0, 0, 0xffff, 0xfffe, 0x8000, 0xa);
        let destination = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x16);
        let octets: std::vec::Vec<u8> = (0..100u8).map(|octet| octet.wrapping_mul(151)).collect();
        for len in 0..octets.len() {
            let message = &octets[..len];
            let words = source.segments().into_iter().chain(destination.segments()).map(u32::from);
            let pairs = message
                .chunks(2)
                .map(|pair| u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| (*low).into()));
            let mut plain: u32 = words.chain(pairs).sum::<u32>() + len as u32 + u32::from(NEXT_HEADER_ICMPV6);
            while plain > 0xffff {
                plain = (plain & 0xffff) + (plain >> 16);
            }
            assert_eq!(sum(source, destination, message), plain as u16, "{len} octets");
        }
    }

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

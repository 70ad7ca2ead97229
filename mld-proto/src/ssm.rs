use core::fmt;
use core::net::Ipv6Addr;

/// How many prefixes an [`SsmRange`] holds.
pub const SSM_PREFIXES_MAX: usize = 16;

/// An IPv6 prefix. Bits past the length are zero.
// An address takes no more than 17 octets with its length; a u128 would take 32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Prefix {
    address: Ipv6Addr,
    length: u8,
}

impl Prefix {
    /// The prefix of `address` with `length` bits, at most 128; further bits of the address are dropped.
    pub const fn new(address: Ipv6Addr, length: u8) -> Option<Self> {
        if length > 128 {
            return None;
        }
        Some(Self::cut(address.to_bits(), length))
    }

    /// The first address.
    pub const fn address(self) -> Ipv6Addr {
        self.address
    }

    /// How many bits count.
    pub const fn length(self) -> u8 {
        self.length
    }

    /// Returns true if `address` begins with this prefix.
    pub const fn contains(self, address: Ipv6Addr) -> bool {
        address.to_bits() & Self::mask(self.length) == self.address.to_bits()
    }

    /// The longest prefix that both begin with.
    const fn common(self, other: Self) -> Self {
        let mut length = (self.address.to_bits() ^ other.address.to_bits()).leading_zeros() as u8;
        if self.length < length {
            length = self.length;
        }
        if other.length < length {
            length = other.length;
        }
        Self::cut(self.address.to_bits(), length)
    }

    const fn cut(bits: u128, length: u8) -> Self {
        Self { address: Ipv6Addr::from_bits(bits & Self::mask(length)), length }
    }

    const fn mask(length: u8) -> u128 {
        if length == 0 { 0 } else { u128::MAX << (128 - length as u32) }
    }
}

impl core::str::FromStr for Prefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        let (address, length) = text.split_once('/').ok_or(PrefixError)?;
        let address = address.parse().map_err(|_| PrefixError)?;
        let prefix = Self::new(address, length.parse().map_err(|_| PrefixError)?).ok_or(PrefixError)?;
        if prefix.address == address { Ok(prefix) } else { Err(PrefixError) }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

/// The text is no IPv6 prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrefixError;

impl fmt::Display for PrefixError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an IPv6 prefix such as ff3e::/32 without bits past its length")
    }
}

impl core::error::Error for PrefixError {}

/// The groups that are only ever joined together with sources (R-SSM-1, R-SSM-2; RFC 4607 section 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SsmRange {
    prefixes: [Prefix; SSM_PREFIXES_MAX],
    len: u8,
    /// The octets that all prefixes share: one comparison decides for nearly every address.
    common: Prefix,
}

impl SsmRange {
    /// No group at all: switches the rules for source-specific multicast off.
    pub const EMPTY: Self = {
        let none = Prefix { address: Ipv6Addr::UNSPECIFIED, length: 0 };
        Self { prefixes: [none; SSM_PREFIXES_MAX], len: 0, common: none }
    };

    /// The sixteen prefixes ff3x::/32 of RFC 4607.
    pub const RFC_4607: Self = {
        let mut range = Self::EMPTY;
        while range.len < 16 {
            let address = Ipv6Addr::new(0xff30 + range.len as u16, 0, 0, 0, 0, 0, 0, 0);
            range = match range.with(Prefix { address, length: 32 }) {
                Some(range) => range,
                None => panic!("sixteen prefixes fit"),
            };
        }
        range
    };

    /// The range with one more prefix; `None` if it holds [`SSM_PREFIXES_MAX`] already.
    pub const fn with(mut self, prefix: Prefix) -> Option<Self> {
        if self.len as usize == SSM_PREFIXES_MAX {
            return None;
        }
        self.common = if self.len == 0 { prefix } else { self.common.common(prefix) };
        self.prefixes[self.len as usize] = prefix;
        self.len += 1;
        Some(self)
    }

    /// The prefixes of the range.
    pub fn prefixes(&self) -> &[Prefix] {
        &self.prefixes[..usize::from(self.len)]
    }

    /// Returns true if `address` is in the range.
    pub fn contains(&self, address: Ipv6Addr) -> bool {
        self.common.contains(address) && self.prefixes().iter().any(|prefix| prefix.contains(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // R-SSM-1
    #[test]
    fn ssm_range_is_ff3x_with_a_zero_plen_field() {
        for (text, inside) in [
            ("ff3e::8000:1", true),
            ("ff32::1", true),
            ("ff3e:0:1::1", true),
            ("ff3e:20:2001:db8::1", false),
            ("ff1e::1", false),
            ("ff7e::1", false),
        ] {
            assert_eq!(SsmRange::RFC_4607.contains(text.parse().unwrap()), inside, "{text}");
        }
        assert!(!SsmRange::EMPTY.contains("ff3e::8000:1".parse().unwrap()));
    }

    #[test]
    fn prefixes_read_what_they_print() {
        use std::string::ToString;
        for text in ["ff3e::/32", "::/0", "ff3e::1/128"] {
            assert_eq!(text.parse::<Prefix>().unwrap().to_string(), text);
        }
        for text in ["ff3e::1/32", "ff3e::/129", "ff3e::", "x/3"] {
            assert!(text.parse::<Prefix>().is_err(), "{text}");
        }
    }
}

//! The allowed values of single keys. Every error names the key and the allowed values.

use core::fmt;
use core::time::Duration;

use serde::de::{self, DeserializeSeed, Deserializer, SeqAccess, Visitor};

use super::{KEYS, canonical};
use crate::ssm::{Prefix, SSM_PREFIXES_MAX, SsmRange};

/// A protocol key by its canonical name, or one of `others`.
pub(super) struct Key {
    pub(super) others: &'static [&'static str],
}

impl<'de> DeserializeSeed<'de> for Key {
    type Value = &'static str;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<&'static str, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Key {
    type Value = &'static str;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<&'static str, E> {
        let other = || self.others.iter().copied().find(|other| *other == key);
        canonical(key).or_else(other).ok_or_else(|| E::custom(UnknownKey { key, others: self.others }))
    }
}

struct UnknownKey<'k> {
    key: &'k str,
    others: &'static [&'static str],
}

impl fmt::Display for UnknownKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown key {}; allowed are", self.key)?;
        for (at, key) in self.others.iter().chain(KEYS).enumerate() {
            write!(f, "{} {key}", if at == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

/// One of a few words or numbers; a word that is a number is written as such.
pub(super) struct Choice<T: 'static> {
    key: &'static str,
    allowed: &'static str,
    values: &'static [(&'static str, T)],
}

impl<T> Choice<T> {
    pub(super) const fn new(
        key: &'static str,
        allowed: &'static str,
        values: &'static [(&'static str, T)],
    ) -> Self {
        Self { key, allowed, values }
    }
}

/// A whole number in a range.
pub(super) struct Whole<T> {
    key: &'static str,
    min: T,
    max: T,
}

impl<T> Whole<T> {
    pub(super) const fn new(key: &'static str, min: T, max: T) -> Self {
        Self { key, min, max }
    }
}

/// Seconds, with decimals or without, in a range of milliseconds.
pub(super) struct Seconds {
    key: &'static str,
    min_ms: u64,
    max_ms: u64,
}

impl Seconds {
    pub(super) const fn new(key: &'static str, min_ms: u64, max_ms: u64) -> Self {
        Self { key, min_ms, max_ms }
    }
}

/// `true` or `false`.
pub(super) struct Switch {
    key: &'static str,
}

impl Switch {
    pub(super) const fn new(key: &'static str) -> Self {
        Self { key }
    }
}

/// One prefix of multicast addresses, or a list of them.
pub(super) struct Groups {
    key: &'static str,
}

impl Groups {
    pub(super) const fn new(key: &'static str) -> Self {
        Self { key }
    }

    fn prefix<E: de::Error>(&self, text: &str) -> Result<Prefix, E> {
        let refused = |why: &dyn fmt::Display| E::custom(format_args!("{} {text:?} is {why}", self.key));
        let prefix = text.parse().map_err(|error| refused(&error))?;
        // No bits are set past the length, so a multicast address says that all of the prefix is multicast.
        let multicast = text.split_once('/').is_some_and(|(address, _)| is_multicast(address));
        if multicast { Ok(prefix) } else { Err(refused(&"not a prefix of multicast addresses, in ff00::/8")) }
    }
}

fn is_multicast(address: &str) -> bool {
    address.parse().is_ok_and(|address: core::net::Ipv6Addr| address.is_multicast())
}

impl<T: Copy> Choice<T> {
    fn choose<E: de::Error>(&self, given: impl fmt::Display, is: impl Fn(&str) -> bool) -> Result<T, E> {
        let chosen = self.values.iter().find(|(word, _)| is(word)).map(|(_, value)| *value);
        chosen.ok_or_else(|| must_be(self.key, self.allowed, given))
    }

    fn is_number(&self) -> bool {
        self.values.iter().all(|(word, _)| word.parse::<u64>().is_ok())
    }
}

impl<'de, T: Copy> DeserializeSeed<'de> for Choice<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<T: Copy> Visitor<'_> for Choice<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for {}", self.allowed, self.key)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        self.choose(number, |word| word.parse() == Ok(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        self.choose(number, |word| word.parse() == Ok(number))
    }

    fn visit_str<E: de::Error>(self, given: &str) -> Result<T, E> {
        if self.is_number() {
            return Err(E::invalid_type(de::Unexpected::Str(given), &self));
        }
        self.choose(format_args!("{given:?}"), |word| word == given)
    }
}

impl<'de, T> DeserializeSeed<'de> for Whole<T>
where
    T: Copy + PartialOrd + fmt::Display + TryFrom<u64>,
{
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<T> Visitor<'_> for Whole<T>
where
    T: Copy + PartialOrd + fmt::Display + TryFrom<u64>,
{
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number, {} to {}, for {}", self.min, self.max, self.key)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        match u64::try_from(number) {
            Ok(number) => self.visit_u64(number),
            Err(_) => Err(must_be(self.key, format_args!("{} to {}", self.min, self.max), number)),
        }
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        match T::try_from(number) {
            Ok(value) if (self.min..=self.max).contains(&value) => Ok(value),
            _ => Err(must_be(self.key, format_args!("{} to {}", self.min, self.max), number)),
        }
    }
}

impl Seconds {
    fn out_of_range<E: de::Error>(&self, given: impl fmt::Display) -> E {
        must_be(self.key, format_args!("{} to {} seconds", seconds(self.min_ms), seconds(self.max_ms)), given)
    }
}

impl<'de> DeserializeSeed<'de> for Seconds {
    type Value = Duration;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Duration, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Seconds {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {} seconds for {}", seconds(self.min_ms), seconds(self.max_ms), self.key)
    }

    fn visit_i64<E: de::Error>(self, whole: i64) -> Result<Duration, E> {
        match u64::try_from(whole) {
            Ok(whole) => self.visit_u64(whole),
            Err(_) => Err(self.out_of_range(whole)),
        }
    }

    fn visit_u64<E: de::Error>(self, whole: u64) -> Result<Duration, E> {
        match whole.checked_mul(1000) {
            Some(millis) if (self.min_ms..=self.max_ms).contains(&millis) => {
                Ok(Duration::from_millis(millis))
            }
            _ => Err(self.out_of_range(whole)),
        }
    }

    fn visit_f64<E: de::Error>(self, decimal: f64) -> Result<Duration, E> {
        // Not a number is in no range.
        if (seconds(self.min_ms)..=seconds(self.max_ms)).contains(&decimal) {
            Ok(Duration::from_millis((decimal * 1000.0 + 0.5) as u64))
        } else {
            Err(self.out_of_range(decimal))
        }
    }
}

impl<'de> DeserializeSeed<'de> for Switch {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Switch {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "true or false for {}", self.key)
    }

    fn visit_bool<E: de::Error>(self, on: bool) -> Result<bool, E> {
        Ok(on)
    }
}

impl<'de> DeserializeSeed<'de> for Groups {
    type Value = SsmRange;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<SsmRange, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Groups {
    type Value = SsmRange;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "one prefix such as \"ff3e::/32\", or a list of at most {SSM_PREFIXES_MAX}, for {}",
            self.key
        )
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<SsmRange, E> {
        let prefix = self.prefix(text)?;
        SsmRange::EMPTY.with(prefix).ok_or_else(|| E::custom(TooMany { key: self.key }))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<SsmRange, A::Error> {
        let mut range = SsmRange::EMPTY;
        while let Some(prefix) = list.next_element_seed(Element(&self))? {
            range = range.with(prefix).ok_or_else(|| de::Error::custom(TooMany { key: self.key }))?;
        }
        Ok(range)
    }
}

/// One prefix of a list.
struct Element<'g>(&'g Groups);

impl<'de> DeserializeSeed<'de> for Element<'_> {
    type Value = Prefix;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Prefix, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Element<'_> {
    type Value = Prefix;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a prefix such as \"ff3e::/32\" for {}", self.0.key)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Prefix, E> {
        self.0.prefix(text)
    }
}

struct TooMany {
    key: &'static str,
}

impl fmt::Display for TooMany {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} must be at most {SSM_PREFIXES_MAX} prefixes", self.key)
    }
}

fn must_be<E: de::Error>(key: &str, allowed: impl fmt::Display, given: impl fmt::Display) -> E {
    E::custom(format_args!("{key} must be {allowed}, not {given}"))
}

/// Exact where a decimal fraction in a file would be: both are the nearest number to it.
const fn seconds(millis: u64) -> f64 {
    millis as f64 / 1000.0
}

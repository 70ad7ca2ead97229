//! How single values are written: decimal seconds, decimal probabilities, lists of addresses.

use core::fmt;
use core::net::Ipv6Addr;

use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// The longest time that a scenario may name: more than 30 years.
const LONGEST_MS: u64 = 1_000_000_000_000;
/// How many addresses one entry of a list may stand for.
const RANGE_MAX: u128 = 65_536;

/// Whole milliseconds, written as decimal seconds.
pub(in crate::scenario) mod seconds {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Seconds;

    pub(in crate::scenario) fn serialize<S: Serializer>(
        millis: &u64,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        Seconds(*millis).serialize(serializer)
    }

    pub(in crate::scenario) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<u64, D::Error> {
        Ok(Seconds::deserialize(deserializer)?.0)
    }
}

/// Perhaps milliseconds.
pub(in crate::scenario) mod maybe_seconds {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Seconds;

    pub(in crate::scenario) fn serialize<S: Serializer>(
        millis: &Option<u64>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        millis.map(Seconds).serialize(serializer)
    }

    pub(in crate::scenario) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<u64>, D::Error> {
        Ok(Some(Seconds::deserialize(deserializer)?.0))
    }
}

/// Perhaps a list of moments.
pub(in crate::scenario) mod maybe_moments {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Seconds;

    pub(in crate::scenario) fn serialize<S: Serializer>(
        moments: &Option<Vec<u64>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let moments =
            moments.as_ref().map(|moments| moments.iter().copied().map(Seconds).collect::<Vec<_>>());
        moments.serialize(serializer)
    }

    pub(in crate::scenario) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<u64>>, D::Error> {
        let moments = Vec::<Seconds>::deserialize(deserializer)?;
        Ok(Some(moments.into_iter().map(|moment| moment.0).collect()))
    }
}

/// The shortest and the longest of a time: one number for both, or a list of the two.
pub(in crate::scenario) mod span {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{Seconds, Span};

    pub(in crate::scenario) fn serialize<S: Serializer>(
        span: &(u64, u64),
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let (shortest, longest) = *span;
        if shortest == longest {
            Seconds(shortest).serialize(serializer)
        } else {
            [Seconds(shortest), Seconds(longest)].serialize(serializer)
        }
    }

    pub(in crate::scenario) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<(u64, u64), D::Error> {
        let Span(shortest, longest) = Span::deserialize(deserializer)?;
        Ok((shortest, longest))
    }
}

/// Perhaps the shortest and the longest of a time.
pub(in crate::scenario) mod maybe_span {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::{Span, span};

    pub(in crate::scenario) fn serialize<S: Serializer>(
        times: &Option<(u64, u64)>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match times {
            Some(times) => span::serialize(times, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(in crate::scenario) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<(u64, u64)>, D::Error> {
        let Span(shortest, longest) = Span::deserialize(deserializer)?;
        Ok(Some((shortest, longest)))
    }
}

/// Any number of 64 bits; TOML's own end at 63, so that greater ones are written as text.
pub(in crate::scenario) mod seed {
    use serde::{Deserializer, Serializer};

    use super::SeedVisitor;

    pub(in crate::scenario) fn serialize<S: Serializer>(
        seed: &u64,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match i64::try_from(*seed) {
            Ok(seed) => serializer.serialize_i64(seed),
            Err(_) => serializer.serialize_str(&seed.to_string()),
        }
    }

    pub(in crate::scenario) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<u64, D::Error> {
        deserializer.deserialize_any(SeedVisitor)
    }
}

/// Parts per million, written as a decimal from 0 to 1.
pub(in crate::scenario) mod probability {
    use serde::{Deserializer, Serializer};

    use super::ProbabilityVisitor;

    pub(in crate::scenario) fn serialize<S: Serializer>(ppm: &u32, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(f64::from(*ppm) / 1e6)
    }

    pub(in crate::scenario) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<u32, D::Error> {
        deserializer.deserialize_any(ProbabilityVisitor)
    }
}

/// Addresses; an entry `FIRST..LAST` stands for all from one to the other.
pub(in crate::scenario) mod addresses {
    use core::net::Ipv6Addr;

    use serde::{Deserializer, Serialize, Serializer};

    use super::AddressesVisitor;

    pub(in crate::scenario) fn serialize<S: Serializer>(
        addresses: &[Ipv6Addr],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        addresses.serialize(serializer)
    }

    pub(in crate::scenario) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Ipv6Addr>, D::Error> {
        deserializer.deserialize_seq(AddressesVisitor)
    }
}

/// Perhaps addresses.
pub(in crate::scenario) mod maybe_addresses {
    use core::net::Ipv6Addr;

    use serde::{Deserializer, Serialize, Serializer};

    use super::AddressesVisitor;

    pub(in crate::scenario) fn serialize<S: Serializer>(
        addresses: &Option<Vec<Ipv6Addr>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        addresses.serialize(serializer)
    }

    pub(in crate::scenario) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<Ipv6Addr>>, D::Error> {
        deserializer.deserialize_seq(AddressesVisitor).map(Some)
    }
}

/// Whether a value is what an absent key stands for, so that it need not be written.
pub(in crate::scenario) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::scenario) struct Seconds(pub(in crate::scenario) u64);

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_multiple_of(1000) {
            serializer.serialize_u64(self.0 / 1000)
        } else {
            // The nearest number to the decimal fraction, which is read back as the same milliseconds.
            serializer.serialize_f64(self.0 as f64 / 1000.0)
        }
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecondsVisitor)
    }
}

struct SecondsVisitor;

impl Visitor<'_> for SecondsVisitor {
    type Value = Seconds;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0 to {} seconds", LONGEST_MS / 1000)
    }

    fn visit_i64<E: de::Error>(self, whole: i64) -> Result<Seconds, E> {
        let millis = u64::try_from(whole).ok().and_then(|whole| whole.checked_mul(1000));
        millis.filter(|millis| *millis <= LONGEST_MS).map(Seconds).ok_or_else(|| must_be(&self, whole))
    }

    fn visit_f64<E: de::Error>(self, decimal: f64) -> Result<Seconds, E> {
        // Not a number is in no range.
        if (0.0..=LONGEST_MS as f64 / 1000.0).contains(&decimal) {
            Ok(Seconds((decimal * 1000.0).round() as u64))
        } else {
            Err(must_be(&self, decimal))
        }
    }
}

struct Span(u64, u64);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SpanVisitor)
    }
}

struct SpanVisitor;

impl<'de> Visitor<'de> for SpanVisitor {
    type Value = Span;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("seconds, or a list of the shortest and the longest")
    }

    fn visit_i64<E: de::Error>(self, whole: i64) -> Result<Span, E> {
        SecondsVisitor.visit_i64(whole).map(|Seconds(millis)| Span(millis, millis))
    }

    fn visit_f64<E: de::Error>(self, decimal: f64) -> Result<Span, E> {
        SecondsVisitor.visit_f64(decimal).map(|Seconds(millis)| Span(millis, millis))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Span, A::Error> {
        let mut next = || list.next_element::<Seconds>();
        match (next()?, next()?, next()?) {
            (Some(shortest), Some(longest), None) if shortest.0 <= longest.0 => {
                Ok(Span(shortest.0, longest.0))
            }
            _ => Err(de::Error::custom("must be two times, the longer one last")),
        }
    }
}

struct ProbabilityVisitor;

impl Visitor<'_> for ProbabilityVisitor {
    type Value = u32;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a probability from 0 to 1")
    }

    fn visit_i64<E: de::Error>(self, whole: i64) -> Result<u32, E> {
        match whole {
            0 => Ok(0),
            1 => Ok(1_000_000),
            _ => Err(must_be(&self, whole)),
        }
    }

    fn visit_f64<E: de::Error>(self, decimal: f64) -> Result<u32, E> {
        if (0.0..=1.0).contains(&decimal) {
            Ok((decimal * 1e6).round() as u32)
        } else {
            Err(must_be(&self, decimal))
        }
    }
}

struct SeedVisitor;

impl Visitor<'_> for SeedVisitor {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number, 0 to {}, in quotation marks from {} on", u64::MAX, 1_u64 << 63)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<u64, E> {
        u64::try_from(number).map_err(|_| must_be(&self, number))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<u64, E> {
        text.parse().map_err(|_| must_be(&self, format_args!("{text:?}")))
    }
}

struct AddressesVisitor;

impl<'de> Visitor<'de> for AddressesVisitor {
    type Value = Vec<Ipv6Addr>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of IPv6 addresses")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Ipv6Addr>, A::Error> {
        let mut addresses = Vec::new();
        while let Some(text) = list.next_element::<String>()? {
            let (first, last) = text.split_once("..").unwrap_or((&text, &text));
            let (Ok(first), Ok(last)) = (first.parse::<Ipv6Addr>(), last.parse::<Ipv6Addr>()) else {
                return Err(must_be(&"IPv6 addresses", format_args!("{text:?}")));
            };
            let (first, last) = (first.to_bits(), last.to_bits());
            if last < first || last - first >= RANGE_MAX {
                return Err(must_be(&"a range of 1 to 65536 addresses", format_args!("{text:?}")));
            }
            addresses.extend((first..=last).map(Ipv6Addr::from_bits));
        }
        Ok(addresses)
    }
}

fn must_be<E: de::Error>(allowed: &dyn de::Expected, given: impl fmt::Display) -> E {
    E::custom(format_args!("must be {allowed}, not {given}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Values {
        #[serde(with = "seconds")]
        seconds: u64,
        #[serde(with = "maybe_moments")]
        moments: Option<Vec<u64>>,
        #[serde(with = "span")]
        span: (u64, u64),
        #[serde(with = "probability")]
        probability: u32,
        #[serde(with = "seed")]
        seed: u64,
    }

    #[test]
    fn every_value_is_read_as_it_was_written() {
        let mut rng = Rng::named(1, "values");
        for round in 0..20_000_u32 {
            let millis = |rng: &mut Rng| rng.between(0..=LONGEST_MS) >> rng.below(41);
            let (one, other) = (millis(&mut rng), millis(&mut rng));
            let values = Values {
                seconds: millis(&mut rng),
                moments: Some(vec![one, other]),
                span: (one.min(other), one.max(other)),
                probability: if round == 0 {
                    1_000_000
                } else {
                    rng.below(1_000_001) as u32 >> rng.below(20)
                },
                seed: rng.next_u64() >> rng.below(64),
            };
            let text = toml::to_string(&values).expect("TOML can say it");
            assert_eq!(toml::from_str::<Values>(&text), Ok(values), "{text}");
        }
    }

    #[test]
    fn what_is_below_a_millisecond_is_rounded() {
        for (text, millis) in [("0.0004", 0), ("0.0006", 1), ("31.25", 31_250), ("1e3", 1_000_000)] {
            let value: toml::Value = text.parse().expect("a number");
            assert_eq!(Seconds::deserialize(value), Ok(Seconds(millis)), "{text}");
        }
        for text in ["nan", "inf", "-0.001", "1000000001", "\"1\"", "true"] {
            let value: toml::Value = text.parse().expect("a value");
            Seconds::deserialize(value).expect_err(text);
        }
    }
}

//! How the version of a host is written.

use core::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};

use crate::world::HostVersion;

impl Serialize for HostVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One => serializer.serialize_u8(1),
            Self::Two => serializer.serialize_u8(2),
            Self::TwoOnly => serializer.serialize_str("2-only"),
        }
    }
}

impl<'de> Deserialize<'de> for HostVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(HostVersionVisitor)
    }
}

struct HostVersionVisitor;

impl Visitor<'_> for HostVersionVisitor {
    type Value = HostVersion;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("1, 2 or \"2-only\"")
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<HostVersion, E> {
        match number {
            1 => Ok(HostVersion::One),
            2 => Ok(HostVersion::Two),
            _ => Err(E::invalid_value(de::Unexpected::Signed(number), &self)),
        }
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<HostVersion, E> {
        match word {
            "2-only" => Ok(HostVersion::TwoOnly),
            _ => Err(E::invalid_value(de::Unexpected::Str(word), &self)),
        }
    }
}

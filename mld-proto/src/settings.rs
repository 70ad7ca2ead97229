//! The keys of the configuration file, for any format that serde reads. Needs no allocator.
//!
//! [`File`] is the whole of a file, [`InterfaceSettings`] one `[[interface]]` of it, and [`Settings`] the keys that
//! both share. What one value may be is checked while it is read, so that a format which knows the place can name
//! it; what values may be together is checked by [`Settings::config`]. Every error names the key and what is
//! allowed.

use core::marker::PhantomData;
use core::time::Duration;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, Visitor};

use crate::config::{Config, ConfigBuilder, ConfigError, Interpretations, QuerierMode};
use crate::ssm::SsmRange;
use crate::wire::Version;

mod value;

use value::{Choice, Groups, Key, Seconds, Switch, Whole};

/// The most groups that an interface may be configured for. Programs allocate their tables at once, so the limits
/// must end where a small machine still has the memory.
pub const GROUPS_MAX: u32 = 1 << 22;
/// The most sources that an interface may be configured for, and one group of it.
pub const SOURCES_MAX: u32 = 1 << 24;
/// `max-groups` if it is not configured.
pub const DEFAULT_MAX_GROUPS: u32 = 65_536;
/// `max-group-sources` if it is not configured.
pub const DEFAULT_MAX_GROUP_SOURCES: u32 = 1024;
/// `max-sources` if it is not configured: so many for each of `max-groups`.
pub const DEFAULT_SOURCES_PER_GROUP: u32 = 4;

/// Milliseconds of the longest Query Interval that a Query can announce (R-WIRE-42).
const INTERVAL_MAX_MS: u64 = 31_744_000;
/// Milliseconds of the longest Maximum Response Delay that a Query can announce (R-WIRE-40).
const RESPONSE_MAX_MS: u64 = 8_387_584;

/// Declares each key once: its field, its name with other names, and its allowed values.
macro_rules! settings {
    ($($(#[$doc:meta])* $field:ident: $type:ty, $key:literal $(or $alias:literal)* = $value:expr;)*) => {
        /// The protocol keys of a configuration file: those of its top level, or of one interface. `None` where a
        /// key is absent.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Settings {
            $($(#[$doc])* pub $field: Option<$type>,)*
        }

        /// Every protocol key of a configuration file.
        pub const KEYS: &[&str] = &[$($key),*];

        impl Settings {
            /// These settings, and `defaults` where a key is absent here.
            #[must_use]
            pub fn over(self, defaults: Self) -> Self {
                Self { $($field: self.$field.or(defaults.$field),)* }
            }

            /// Reads the value of a key that [`canonical`] yielded.
            fn read<'de, A: MapAccess<'de>>(&mut self, key: &'static str, map: &mut A) -> Result<(), A::Error> {
                match key {
                    $($key => store(&mut self.$field, key, map, ($value)(key)),)*
                    _ => Err(de::Error::unknown_field(key, KEYS)),
                }
            }
        }

        /// The name by which [`KEYS`] knows `key`.
        fn canonical(key: &str) -> Option<&'static str> {
            match key {
                $($key $(| $alias)* => Some($key),)*
                _ => None,
            }
        }
    };
}

settings! {
    /// Which standard the interface follows.
    version: Version, "version" = |key| Choice::new(key, "1 or 2", &[("1", Version::V1), ("2", Version::V2)]);
    /// Participation in the election of the querier.
    querier: QuerierMode, "querier" = |key| Choice::new(
        key, "\"auto\" or \"never\"", &[("auto", QuerierMode::Auto), ("never", QuerierMode::Never)]);
    /// Robustness Variable.
    robustness_variable: u8, "robustness-variable" = |key| Whole::new(key, 1, u8::MAX);
    /// Query Interval.
    query_interval: Duration, "query-interval" = |key| Seconds::new(key, 1000, INTERVAL_MAX_MS);
    /// Query Response Interval.
    query_max_response_time: Duration, "query-max-response-time" = |key| Seconds::new(key, 1, RESPONSE_MAX_MS);
    /// Last Listener Query Interval.
    last_member_query_interval: Duration, "last-member-query-interval" = |key| Seconds::new(key, 1, RESPONSE_MAX_MS);
    /// Last Listener Query Count.
    last_member_query_count: u8, "last-member-query-count" = |key| Whole::new(key, 1, u8::MAX);
    /// Startup Query Interval.
    startup_query_interval: Duration, "startup-query-interval" = |key| Seconds::new(key, 1, INTERVAL_MAX_MS);
    /// Startup Query Count.
    startup_query_count: u8, "startup-query-count" = |key| Whole::new(key, 1, u8::MAX);
    /// The querier drops state without waiting for an answer.
    immediate_leave: bool, "immediate-leave" = Switch::new;
    /// A received message must have a Router Alert option.
    require_router_alert: bool, "require-router-alert" = Switch::new;
    /// Groups held at the same time, at most [`GROUPS_MAX`].
    max_groups: u32, "max-groups" = |key| Whole::new(key, 1, GROUPS_MAX);
    /// Sources of one group, at most [`SOURCES_MAX`].
    max_group_sources: u32, "max-group-sources" or "max-sources-per-group" = |key| Whole::new(key, 1, SOURCES_MAX);
    /// Sources of all groups together, at most [`SOURCES_MAX`].
    max_sources: u32, "max-sources" = |key| Whole::new(key, 1, SOURCES_MAX);
    /// Octets of the largest packet sent.
    mtu: u16, "mtu" = |key| Whole::new(key, 1280, u16::MAX);
    /// The groups of source-specific multicast; the empty range switches their rules off.
    ssm_range: SsmRange, "ssm-range" = Groups::new;
    /// See [`Interpretations::legacy_mali`].
    legacy_mali: bool, "legacy-mali" = Switch::new;
    /// See [`Interpretations::strict_query_destination`].
    strict_query_destination: bool, "strict-query-destination" = Switch::new;
    /// See [`Interpretations::ignore_v1_querier`].
    ignore_v1_querier: bool, "ignore-v1-querier" = Switch::new;
    /// See [`Interpretations::version_1_reads_version_2_reports`].
    version_1_reads_version_2_reports: bool, "version-1-reads-version-2-reports" = Switch::new;
    /// See [`Interpretations::version_2_only`].
    version_2_only: bool, "version-2-only" = Switch::new;
    /// See [`Interpretations::ignore_link_local_groups`].
    ignore_link_local_groups: bool, "ignore-link-local-groups" = Switch::new;
}

impl Settings {
    /// The checked configuration of an interface whose device can send packets of `device_mtu` octets. An MTU that
    /// IPv6 or the length of a packet does not allow counts as the nearest one that they do.
    ///
    /// # Errors
    ///
    /// The first combination that RFC 9777 section 9 or the version forbids (R-TIM-3, R-CMP-4).
    pub fn config(&self, device_mtu: u32) -> Result<Config, ConfigError> {
        let device_mtu = device_mtu.clamp(1280, u16::MAX.into()) as u16;
        let max_groups = self.max_groups.unwrap_or(DEFAULT_MAX_GROUPS);
        let max_sources = max_groups.saturating_mul(DEFAULT_SOURCES_PER_GROUP);
        let mut builder = Config::builder()
            .mtu(self.mtu.unwrap_or(device_mtu))
            .max_groups(max_groups)
            .max_group_sources(self.max_group_sources.unwrap_or(DEFAULT_MAX_GROUP_SOURCES))
            .max_sources(self.max_sources.unwrap_or(max_sources))
            .interpretations(self.interpretations());
        set(&mut builder, self.version, ConfigBuilder::version);
        set(&mut builder, self.querier, ConfigBuilder::querier);
        set(&mut builder, self.robustness_variable, ConfigBuilder::robustness_variable);
        set(&mut builder, self.query_interval, ConfigBuilder::query_interval);
        set(&mut builder, self.query_max_response_time, ConfigBuilder::query_response_interval);
        set(&mut builder, self.last_member_query_interval, ConfigBuilder::last_listener_query_interval);
        set(&mut builder, self.last_member_query_count, ConfigBuilder::last_listener_query_count);
        set(&mut builder, self.startup_query_interval, ConfigBuilder::startup_query_interval);
        set(&mut builder, self.startup_query_count, ConfigBuilder::startup_query_count);
        set(&mut builder, self.immediate_leave, ConfigBuilder::immediate_leave);
        set(&mut builder, self.require_router_alert, ConfigBuilder::require_router_alert);
        set(&mut builder, self.ssm_range, ConfigBuilder::ssm_range);
        builder.build()
    }

    fn interpretations(&self) -> Interpretations {
        Interpretations {
            legacy_mali: self.legacy_mali.unwrap_or_default(),
            strict_query_destination: self.strict_query_destination.unwrap_or_default(),
            ignore_v1_querier: self.ignore_v1_querier.unwrap_or_default(),
            version_1_reads_version_2_reports: self.version_1_reads_version_2_reports.unwrap_or_default(),
            version_2_only: self.version_2_only.unwrap_or_default(),
            ignore_link_local_groups: self.ignore_link_local_groups.unwrap_or_default(),
        }
    }
}

/// One `[[interface]]` of a configuration file; `N` is text, such as `String` or `heapless::String`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterfaceSettings<N> {
    /// The name of the interface, not empty.
    pub name: N,
    /// Settings that differ from the defaults of the file.
    pub settings: Settings,
}

/// A configuration file; `N` is text, `I` a collection of [`InterfaceSettings`], such as `Vec` or `heapless::Vec`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct File<N, I> {
    /// Where the control socket is to be, if the file says so.
    pub control_socket: Option<N>,
    /// The defaults of every interface.
    pub defaults: Settings,
    /// The interfaces in order of the file. No name occurs twice.
    pub interfaces: I,
}

impl<N: AsRef<str>, I: AsRef<[InterfaceSettings<N>]>> File<N, I> {
    /// The settings of the interface `name`: its own over the defaults, the defaults alone if the file does not
    /// name it.
    pub fn settings(&self, name: &str) -> Settings {
        match self.interfaces.as_ref().iter().find(|interface| interface.name.as_ref() == name) {
            Some(interface) => interface.settings.over(self.defaults),
            None => self.defaults,
        }
    }

    /// Checks the configuration of every interface; of a file that names none, the defaults.
    ///
    /// # Errors
    ///
    /// The first interface whose settings do not go together, with the reason; no interface for the defaults.
    pub fn check(&self) -> Result<(), (Option<&str>, ConfigError)> {
        let interfaces = self.interfaces.as_ref();
        if interfaces.is_empty() {
            self.defaults.config(0).map_err(|error| (None, error))?;
        }
        for interface in interfaces {
            let config = interface.settings.over(self.defaults).config(0);
            config.map_err(|error| (Some(interface.name.as_ref()), error))?;
        }
        Ok(())
    }
}

/// Where in a text an error lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'t> {
    /// The line, from 1.
    pub line: usize,
    /// The character of the line, from 1.
    pub column: usize,
    /// The key of a line: the text before its first `=`, or the whole of it.
    pub key: &'t str,
}

impl<'t> Place<'t> {
    /// The place of the octets `span` of `text`; `None` if they are nothing at its beginning or the whole of several
    /// lines: an error of the file, not of a line.
    pub fn of(text: &'t str, span: core::ops::Range<usize>) -> Option<Self> {
        let whole = text.trim_end();
        if span.start == 0 && (span.end == 0 || (span.end >= whole.len() && whole.contains('\n'))) {
            return None;
        }
        let (line, column) = line_and_column(text, span.start);
        let key = text.lines().nth(line - 1).unwrap_or_default().split('=').next().unwrap_or_default().trim();
        Some(Self { line, column, key })
    }
}

/// The line and the column, both from 1, of the octet `offset` of `text`: columns count characters.
pub fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

const NAME: &str = "name";
const CONTROL_SOCKET: &str = "control-socket";
const INTERFACE: &str = "interface";

impl<'de> Deserialize<'de> for Settings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(SettingsVisitor)
    }
}

struct SettingsVisitor;

impl<'de> Visitor<'de> for SettingsVisitor {
    type Value = Settings;

    fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("a table of settings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Settings, A::Error> {
        let mut settings = Settings::default();
        while let Some(key) = map.next_key_seed(Key { others: &[] })? {
            settings.read(key, &mut map)?;
        }
        Ok(settings)
    }
}

impl<'de, N: Deserialize<'de> + AsRef<str>> Deserialize<'de> for InterfaceSettings<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InterfaceVisitor(PhantomData))
    }
}

struct InterfaceVisitor<N>(PhantomData<N>);

impl<'de, N: Deserialize<'de> + AsRef<str>> Visitor<'de> for InterfaceVisitor<N> {
    type Value = InterfaceSettings<N>;

    fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("a table of settings with the name of an interface")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut settings = Settings::default();
        let mut name: Option<N> = None;
        while let Some(key) = map.next_key_seed(Key { others: &[NAME] })? {
            match key {
                NAME => store(&mut name, key, &mut map, PhantomData)?,
                _ => settings.read(key, &mut map)?,
            }
        }
        let name = name.ok_or_else(|| de::Error::missing_field(NAME))?;
        if name.as_ref().is_empty() {
            return Err(de::Error::custom("name must be that of an interface, not empty"));
        }
        Ok(InterfaceSettings { name, settings })
    }
}

impl<'de, N, I> Deserialize<'de> for File<N, I>
where
    N: Deserialize<'de> + AsRef<str>,
    I: Deserialize<'de> + AsRef<[InterfaceSettings<N>]> + Default,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FileVisitor(PhantomData))
    }
}

struct FileVisitor<N, I>(PhantomData<(N, I)>);

impl<'de, N, I> Visitor<'de> for FileVisitor<N, I>
where
    N: Deserialize<'de> + AsRef<str>,
    I: Deserialize<'de> + AsRef<[InterfaceSettings<N>]> + Default,
{
    type Value = File<N, I>;

    fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("a configuration")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut defaults = Settings::default();
        let mut control_socket: Option<N> = None;
        let mut interfaces: Option<I> = None;
        while let Some(key) = map.next_key_seed(Key { others: &[CONTROL_SOCKET, INTERFACE] })? {
            match key {
                CONTROL_SOCKET => store(&mut control_socket, key, &mut map, PhantomData)?,
                INTERFACE => store(&mut interfaces, key, &mut map, PhantomData)?,
                _ => defaults.read(key, &mut map)?,
            }
        }
        if control_socket.as_ref().is_some_and(|path| path.as_ref().is_empty()) {
            return Err(de::Error::custom("control-socket must be a path, not empty"));
        }
        let interfaces = interfaces.unwrap_or_default();
        let list = interfaces.as_ref();
        for (at, interface) in list.iter().enumerate() {
            let name = interface.name.as_ref();
            if list[..at].iter().any(|earlier| earlier.name.as_ref() == name) {
                return Err(de::Error::custom(format_args!(
                    "interface {name} must be named once, not twice"
                )));
            }
        }
        Ok(File { control_socket, defaults, interfaces })
    }
}

/// Reads a value into `slot`, once.
fn store<'de, T, A, S>(slot: &mut Option<T>, key: &'static str, map: &mut A, seed: S) -> Result<(), A::Error>
where
    A: MapAccess<'de>,
    S: DeserializeSeed<'de, Value = T>,
{
    if slot.is_some() {
        return Err(de::Error::duplicate_field(key));
    }
    *slot = Some(map.next_value_seed(seed)?);
    Ok(())
}

fn set<T>(builder: &mut ConfigBuilder, value: Option<T>, setter: fn(ConfigBuilder, T) -> ConfigBuilder) {
    if let Some(value) = value {
        *builder = setter(*builder, value);
    }
}

#[cfg(test)]
mod tests;

//! What `mld run` is to do: the configuration file and the command line, united.

use std::fs;
use std::path::{Path, PathBuf};

use mld_proto::settings::{File, InterfaceSettings, Place, Settings, line_and_column};
use mld_proto::{Config, ConfigError};
use toml::de::{DeTable, DeValue};

use crate::failure::fold;
use crate::log;

/// The interfaces to manage, in order, and where the control socket is to be.
#[derive(Debug)]
pub(crate) struct Configuration {
    /// `None`: the default place.
    pub(crate) control_socket: Option<PathBuf>,
    pub(crate) interfaces: Vec<Managed>,
}

/// One interface to manage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Managed {
    pub(crate) name: String,
    pub(crate) settings: Settings,
    pub(crate) config: Config,
}

impl Managed {
    /// The options of its driver.
    pub(crate) fn options(&self) -> mld_linux::Options {
        let options = mld_linux::Options::new(self.config);
        match self.settings.mtu {
            Some(mtu) => options.with_mtu(mtu),
            None => options,
        }
    }
}

/// Reads `file`, if there is one, and adds `names`, which come first and have the defaults of the file unless it
/// names them too.
///
/// # Errors
///
/// One line that names the file, the line and the key, and what is allowed; or that no interface is named.
pub(crate) fn load(file: Option<&Path>, names: &[String]) -> Result<Configuration, String> {
    let parsed = match file {
        Some(path) => {
            let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
            parse(&text).map_err(|(line, message)| match line {
                Some(line) => format!("{}:{line}: {message}", path.display()),
                None => format!("{}: {message}", path.display()),
            })?
        }
        None => File::default(),
    };
    let mut united: Vec<&str> = Vec::new();
    for name in names.iter().chain(parsed.interfaces.iter().map(|interface| &interface.name)) {
        if !united.contains(&name.as_str()) {
            united.push(name);
        }
    }
    if united.is_empty() {
        return Err(match file {
            Some(path) => {
                format!(
                    "{}: no interface is named, neither here as [[interface]] nor on the command line",
                    path.display()
                )
            }
            None => "no interface is named; usage: mld run [INTERFACE]... [--config FILE]".to_owned(),
        });
    }
    let interfaces =
        united.into_iter().map(|name| managed(name, parsed.settings(name))).collect::<Result<_, _>>();
    Ok(Configuration {
        control_socket: parsed.control_socket.map(PathBuf::from),
        interfaces: interfaces.map_err(|(name, error)| match file {
            Some(path) => format!("{}: interface {name}: {error}", path.display()),
            None => format!("interface {name}: {error}"),
        })?,
    })
}

/// Logs what is allowed in the configuration and should not be (R-TIM-1, R-CMP-20).
pub(crate) fn warn(configuration: &Configuration) {
    for managed in &configuration.interfaces {
        for warning in managed.config.warnings() {
            log::line(&format!("{}: {warning}", managed.name));
        }
    }
}

/// An interface with these settings.
///
/// # Errors
///
/// The settings do not go together.
pub(crate) fn managed(name: &str, settings: Settings) -> Result<Managed, (String, ConfigError)> {
    let device_mtu = mld_proto::router::DEFAULT_MTU;
    let config = settings.config(device_mtu.into()).map_err(|error| (name.to_owned(), error))?;
    Ok(Managed { name: name.to_owned(), settings, config })
}

type Parsed = File<String, Vec<InterfaceSettings<String>>>;

/// The file, checked; or the line that is wrong and why.
fn parse(text: &str) -> Result<Parsed, (Option<usize>, String)> {
    let parsed: Parsed = toml::from_str(text).map_err(|error| {
        let message = fold(error.message());
        match error.span().and_then(|span| Place::of(text, span)) {
            Some(Place { line, key, .. }) if !message.contains(key) => {
                (Some(line), format!("{key}: {message}"))
            }
            place => (place.map(|place| place.line), message.into_owned()),
        }
    })?;
    if let Err((name, error)) = parsed.check() {
        let line = place(text, name, &error).map(|offset| line_and_column(text, offset).0);
        let interface = name.map_or_else(String::new, |name| format!("interface {name}: "));
        return Err((line, format!("{interface}{error}")));
    }
    Ok(parsed)
}

/// Where the file sets the key that `error` is about: for the interface `name`, else for all.
fn place(text: &str, name: Option<&str>, error: &ConfigError) -> Option<usize> {
    let keys: &[&str] = match error {
        ConfigError::OutOfRange { key, .. } => &[key],
        _ => &["query-max-response-time", "query-interval"],
    };
    let document = DeTable::parse(text).ok()?;
    let defaults = document.get_ref();
    let find = |table: &DeTable<'_>| {
        table.iter().find(|(key, _)| keys.contains(&key.get_ref().as_ref())).map(|(key, _)| key.span().start)
    };
    let own = name.and_then(|name| {
        let interfaces = defaults.get("interface")?.get_ref().as_array()?;
        let named = |table: &&DeTable<'_>| {
            table
                .get("name")
                .is_some_and(|value| matches!(value.get_ref(), DeValue::String(text) if text == name))
        };
        find(interfaces.iter().filter_map(|interface| interface.get_ref().as_table()).find(named)?)
    });
    own.or_else(|| find(defaults))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> (Option<usize>, String) {
        let refused = parse(text).expect_err("refused");
        assert!(!refused.1.contains('\n'), "{refused:?}");
        refused
    }

    #[test]
    fn an_error_names_the_line_the_key_and_what_is_allowed() {
        for (text, line, parts) in [
            ("version = 2\nquery-intervall = 5\n", 2, &["query-intervall", "query-interval"][..]),
            ("\nrobustness-variable = 0\n", 2, &["robustness-variable", "1 to 255"]),
            ("querier = \"always\"\n", 1, &["querier", "never"]),
            ("[[interface]]\nname = \"eth0\"\nmtu = 100\n", 3, &["mtu", "1280"]),
            ("version = \n", 1, &["version"]),
            ("mtu = 1500\nmtu = 1500\n", 2, &["mtu", "duplicate"]),
            ("version = 2\n[interface]\nname = \"eth0\"\n", 2, &["[interface]"]),
        ] {
            let (found, message) = refused(text);
            assert_eq!(found, Some(line), "{message}");
            for part in parts {
                assert!(message.contains(part), "{message}");
            }
        }
    }

    #[test]
    fn values_that_do_not_go_together_are_found_where_they_stand() {
        let (line, message) = refused("query-interval = 8\n");
        assert_eq!(line, Some(1), "{message}");
        assert!(message.contains("query-max-response-time"), "{message}");

        let twice = "[[interface]]\nname = \"eth0\"\n[[interface]]\nname = \"eth0\"\n";
        let (line, message) = refused(twice);
        assert_eq!(line, None, "{message}");
        assert!(message.contains("eth0"), "{message}");

        let overridden = "query-interval = 5\n[[interface]]\nname = \"eth1\"\nquery-interval = 60\n";
        assert!(parse(overridden).is_ok(), "no interface has the value alone");

        let own = "[[interface]]\nname = \"eth0\"\n\n[[interface]]\nname = \"eth1\"\nquery-interval = 5\n";
        let (line, message) = refused(own);
        assert_eq!(line, Some(6), "{message}");
        assert!(message.contains("eth1"), "{message}");

        let inherited =
            "version = 2\nquery-max-response-time = 70\n[[interface]]\nname = \"eth1\"\nversion = 1\n";
        let (line, message) = refused(inherited);
        assert_eq!(line, Some(2), "{message}");
        assert!(message.contains("eth1"), "{message}");
    }

    #[test]
    fn names_of_the_command_line_and_of_the_file_are_united() {
        let path = std::env::temp_dir().join(format!("mld-configuration-{}.toml", std::process::id()));
        fs::write(&path, "query-interval = 60\n[[interface]]\nname = \"eth1\"\nquery-interval = 30\n")
            .expect("written");
        let names = ["eth2", "eth1", "eth2"].map(str::to_owned);
        let loaded = load(Some(&path), &names);
        let missing = load(Some(&path.with_extension("absent")), &names);
        fs::remove_file(&path).expect("ours");

        let seconds = |managed: &Managed| (managed.name.clone(), managed.config.query_interval().as_secs());
        let loaded = loaded.expect("fine");
        assert_eq!(loaded.control_socket, None);
        let found: Vec<_> = loaded.interfaces.iter().map(seconds).collect();
        assert_eq!(found, [("eth2".to_owned(), 60), ("eth1".to_owned(), 30)]);
        assert!(missing.expect_err("no file").contains(".absent"));
    }

    #[test]
    fn no_interface_at_all_is_refused() {
        assert!(load(None, &[]).expect_err("none").contains("no interface"));
    }
}

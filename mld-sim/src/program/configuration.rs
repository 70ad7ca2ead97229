//! The configuration file.

use std::path::Path;

use mld_proto::settings::{File, InterfaceSettings, Place};

use crate::Error;

/// A configuration file that can be used.
pub(super) type Configuration = File<String, Vec<InterfaceSettings<String>>>;

/// Reads and checks the configuration file at `path`.
///
/// # Errors
///
/// [`Status::Unusable`](crate::Status::Unusable) with the file, the line and the key or interface.
pub(super) fn read(path: &Path) -> Result<Configuration, Error> {
    let shown = path.display();
    let text =
        std::fs::read_to_string(path).map_err(|error| Error::unusable(format_args!("{shown}: {error}")))?;
    let file: Configuration = toml::from_str(&text).map_err(|error| {
        let message = error.message();
        match error.span().and_then(|span| Place::of(&text, span)) {
            Some(Place { line, column, key }) if message.contains(key) => {
                Error::unusable(format_args!("{shown}:{line}:{column}: {message}"))
            }
            Some(Place { line, column, key }) => {
                Error::unusable(format_args!("{shown}:{line}:{column}: {key}: {message}"))
            }
            None => Error::unusable(format_args!("{shown}: {message}")),
        }
    })?;
    file.check().map_err(|(interface, error)| match interface {
        Some(name) => Error::unusable(format_args!("{shown}: interface {name}: {error}")),
        None => Error::unusable(format_args!("{shown}: {error}")),
    })?;
    Ok(file)
}

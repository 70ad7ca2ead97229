//! The configuration file.

use std::path::Path;

use mld_proto::settings::{File, InterfaceSettings, line_and_column};

use crate::Error;

/// A configuration file that can be used.
pub type Configuration = File<String, Vec<InterfaceSettings<String>>>;

/// Reads and checks the configuration file at `path`.
///
/// # Errors
///
/// [`Status::Unusable`](crate::Status::Unusable) with the file, the line and the key or interface.
pub fn read(path: &Path) -> Result<Configuration, Error> {
    let shown = path.display();
    let text =
        std::fs::read_to_string(path).map_err(|error| Error::unusable(format_args!("{shown}: {error}")))?;
    let file: Configuration = toml::from_str(&text).map_err(|error| match error.span() {
        Some(span) => {
            let (line, column) = line_and_column(&text, span.start);
            Error::unusable(format_args!("{shown}:{line}:{column}: {}", error.message()))
        }
        None => Error::unusable(format_args!("{shown}: {}", error.message())),
    })?;
    file.check().map_err(|(interface, error)| match interface {
        Some(name) => Error::unusable(format_args!("{shown}: interface {name}: {error}")),
        None => Error::unusable(format_args!("{shown}: {error}")),
    })?;
    Ok(file)
}

//! Files that are named in arguments.

use std::borrow::Cow;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use crate::Error;

/// A file that is written must not be one that is read, nor be written twice. Each comes with the words that name it.
///
/// # Errors
///
/// The first that is another one as well.
pub(super) fn distinct(
    read: &[(&str, Option<&Path>)],
    written: &[(&str, Option<&Path>)],
) -> Result<(), Error> {
    let mut seen: Vec<(&str, PathBuf)> = Vec::new();
    for (at, (name, path)) in read.iter().chain(written).enumerate() {
        let Some(path) = path else { continue };
        // A device or pipe cannot be overwritten.
        let Some(file) = real_path(path).filter(|path| path.is_file() || !path.exists()) else { continue };
        let same = seen.iter().find(|(_, other)| *other == file);
        if let Some((other, _)) = same.filter(|_| at >= read.len()) {
            return Err(Error::unusable(format_args!(
                "{name} {} must be another file than {other}",
                path.display()
            )));
        }
        seen.push((name, file));
    }
    Ok(())
}

/// Files that are to be written later can be: nothing is left behind, and what is there stays as it is.
///
/// # Errors
///
/// The first that cannot be written.
pub(super) fn can_be_written(written: &[(&str, Option<&Path>)]) -> Result<(), Error> {
    for (name, path) in written {
        let Some(path) = path else { continue };
        try_writing(path).map_err(|error| {
            Error::unusable(format_args!("{name} {}: cannot be written: {error}", path.display()))
        })?;
    }
    Ok(())
}

fn try_writing(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            // A pipe would wait for its reader.
            let is_file = fs::metadata(path)?.is_file();
            if is_file || path.is_dir() {
                OpenOptions::new().write(true).open(path).map(drop)
            } else {
                Ok(())
            }
        }
        Err(error) => Err(error),
    }
}

/// A path as a word of a command.
pub(super) fn word(path: &Path) -> String {
    let text = path.to_string_lossy();
    // No path has an octet of zero, the only thing that cannot be quoted.
    shlex::try_quote(&text).map_or_else(|_| text.to_string(), Cow::into_owned)
}

/// The path of a file without links, also of one that is still to be made.
fn real_path(path: &Path) -> Option<PathBuf> {
    let folder =
        path.parent().map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
    let made = || Some(folder?.canonicalize().ok()?.join(path.file_name()?));
    path.canonicalize().ok().or_else(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_is_one_word_of_a_command() {
        for (path, wanted) in [("a/b-1.toml", "a/b-1.toml"), ("my scenario.toml", "'my scenario.toml'")] {
            assert_eq!(word(Path::new(path)), wanted);
        }
    }
}

//! Files that are named in arguments.

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

/// The path of a file without links, also of one that is still to be made.
fn real_path(path: &Path) -> Option<PathBuf> {
    let folder =
        path.parent().map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
    let made = || Some(folder?.canonicalize().ok()?.join(path.file_name()?));
    path.canonicalize().ok().or_else(made)
}

use core::error;
use core::fmt;
use std::io;

/// Why an interface cannot be managed. Shown, it is one line that names the interface.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// There is no interface of that name in this network namespace.
    NoSuchInterface {
        /// Its name.
        interface: String,
    },
    /// The process lacks a privilege.
    Permission {
        /// The interface.
        interface: String,
        /// The capability that is missing.
        what: &'static str,
    },
    /// The interface is a port of a bridge, bond or team, which takes every frame that arrives on it.
    Enslaved {
        /// The interface.
        interface: String,
        /// The interface that gets the frames.
        master: String,
    },
    /// The interface cannot carry multicast.
    NoMulticast {
        /// The interface.
        interface: String,
    },
    /// The system refused something.
    System {
        /// The interface.
        interface: String,
        /// What was attempted.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl Error {
    /// The interface that cannot be managed.
    pub fn interface(&self) -> &str {
        match self {
            Self::NoSuchInterface { interface }
            | Self::Permission { interface, .. }
            | Self::Enslaved { interface, .. }
            | Self::NoMulticast { interface }
            | Self::System { interface, .. } => interface,
        }
    }

    /// Whether a privilege is missing.
    pub const fn is_permission(&self) -> bool {
        matches!(self, Self::Permission { .. })
    }

    /// The error of a call of the system, a missing privilege told apart.
    pub(crate) fn system(interface: &str, doing: &'static str, source: io::Error) -> Self {
        let interface = interface.to_owned();
        match source.kind() {
            io::ErrorKind::PermissionDenied => Self::Permission { interface, what: "CAP_NET_RAW" },
            _ => Self::System { interface, doing, source },
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchInterface { interface } => write!(f, "{interface}: no such interface"),
            Self::Permission { interface, what } => {
                let program = std::env::current_exe().ok();
                let program =
                    program.as_deref().map_or_else(|| "PROGRAM".into(), |path| path.to_string_lossy());
                let capability = what.to_ascii_lowercase();
                write!(f, "{interface}: {what} is missing: run as root, or once: ")?;
                write!(f, "sudo setcap {capability}+ep {program}")
            }
            Self::Enslaved { interface, master } => {
                write!(f, "{interface}: nothing can be received on a port of {master}: use {master} instead")
            }
            Self::NoMulticast { interface } => {
                write!(f, "{interface}: the interface cannot carry multicast (no MULTICAST flag)")
            }
            Self::System { interface, doing, source } => write!(f, "{interface}: cannot {doing}: {source}"),
        }
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::System { source, .. } => Some(source),
            _ => None,
        }
    }
}

//! Virtual links in network namespaces, for demonstrations and tests: real kernel hosts on real links, without
//! privileges and without a trace.
//!
//! A process that has one thread calls [`enter`] and is root in a user and network namespace of its own. There it
//! makes links ([`veth`], [`bridge`]) and hosts ([`Host`]: a thread in a further namespace), and lets the hosts join
//! and leave groups through their kernel ([`Listener`]). All of it ends with the process.

mod host;
mod injector;
mod link;
mod listener;

use core::error;
use core::fmt;
use core::time::Duration;
use std::fs;
use std::io;

use rustix::process::{getgid, getuid};
use rustix::thread::UnshareFlags;

use crate::sys;

pub use host::Host;
pub use injector::Injector;
pub use link::{
    add_link_local, bridge, cut_multicast, delete, limit_rate, macvlan, no_dad, remove_link_local, set_down,
    set_mac, set_master, set_mtu, set_up, unlimit_rate, veth, wait_link_local, write_sysctl,
};
pub use listener::Listener;

/// Moves the process into a new user and network namespace, in which it is root and `lo` is up. Where user
/// namespaces are forbidden and the process is root already, into a network namespace alone.
///
/// # Errors
///
/// [`LabError::Threads`] if the process has several threads, [`LabError::Forbidden`] if the system does not let it.
pub fn enter() -> Result<(), LabError> {
    if fs::read_dir("/proc/self/task").is_ok_and(|tasks| tasks.count() > 1) {
        return Err(LabError::Threads);
    }
    let (user, group) = (getuid().as_raw(), getgid().as_raw());
    match sys::unshare(UnshareFlags::NEWUSER | UnshareFlags::NEWNET) {
        Ok(()) => {
            let map = |file: &'static str, text: String| {
                fs::write(file, text).map_err(|source| LabError::Forbidden { doing: file, source })
            };
            map("/proc/self/setgroups", "deny".to_owned())?;
            map("/proc/self/uid_map", format!("0 {user} 1"))?;
            map("/proc/self/gid_map", format!("0 {group} 1"))?;
        }
        Err(source) => sys::unshare(UnshareFlags::NEWNET)
            .map_err(|_| LabError::Forbidden { doing: "unshare(CLONE_NEWUSER | CLONE_NEWNET)", source })?,
    }
    set_up("lo")
}

/// Has the kernel end this process when the thread that started it ends: nothing that a test started outlives it.
///
/// # Errors
///
/// What the system says.
pub fn end_with_parent() -> Result<(), LabError> {
    sys::die_with_parent().map_err(|source| LabError::system("ask for a signal at the parent's end", source))
}

/// Why a virtual link cannot be made. Shown, it is one line.
#[derive(Debug)]
#[non_exhaustive]
pub enum LabError {
    /// The process has several threads, so it may not enter a user namespace.
    Threads,
    /// The system does not let this user make namespaces.
    Forbidden {
        /// The call or file that was refused.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// No link-local address became usable in time.
    NoLinkLocal {
        /// The interface.
        interface: String,
        /// How long it was waited for.
        within: Duration,
    },
    /// Something else was refused.
    System {
        /// What was attempted.
        doing: String,
        /// What the system said.
        source: io::Error,
    },
}

impl LabError {
    fn system(doing: impl Into<String>, source: io::Error) -> Self {
        Self::System { doing: doing.into(), source }
    }
}

impl fmt::Display for LabError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Threads => f.write_str("namespaces cannot be entered by a process with several threads"),
            Self::Forbidden { doing, source } => {
                write!(
                    f,
                    "this system does not let an ordinary user make network namespaces ({doing}: {source}): "
                )?;
                f.write_str("run it as root, or allow it with the sysctl user.max_user_namespaces, ")?;
                f.write_str(
                    "kernel.unprivileged_userns_clone or kernel.apparmor_restrict_unprivileged_userns",
                )
            }
            Self::NoLinkLocal { interface, within } => {
                write!(f, "{interface}: no link-local address became usable within {within:?}")
            }
            Self::System { doing, source } => write!(f, "cannot {doing}: {source}"),
        }
    }
}

impl error::Error for LabError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Forbidden { source, .. } | Self::System { source, .. } => Some(source),
            Self::Threads | Self::NoLinkLocal { .. } => None,
        }
    }
}

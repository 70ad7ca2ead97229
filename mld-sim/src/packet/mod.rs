//! MLD packets, read and written without the engine.
//!
//! - [`write`](mod@write): packets built octet by octet, correct ones and wrong ones.
//! - [`strict()`]: reads a packet that a node of this project sent, and refuses every deviation from the standards.
//!
//! Nothing here is shared with [`mld_proto`], so that a fault of its reader or writer is not repeated here.

pub(crate) mod codes;
mod read;
mod strict;
pub mod write;

pub use read::Reason;
pub use strict::{Sent, SentQuery, SentRecord, strict};

pub(crate) use read::{HeardByHost, Message, Query, Record, Rules, heard_by_host, read};

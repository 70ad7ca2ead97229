//! What happened in a world, for people and for other programs: observers that write it down.
//!
//! - [`Trace`]: one JSON object a line, for programs, and to be searched.
//! - [`Pcapng`]: the frames, for Wireshark and tshark, each with a comment that says what became of it.
//! - [`Picture`]: an SVG that a person understands at a glance.
//!
//! None of them judges, and [`Observer::observe`](crate::world::Observer::observe) of none ends a run. What goes wrong with the output is kept and returned
//! by `finish`, without which a record is not complete: lend the world an `Rc` of a `RefCell` of it, and take it back. The
//! same happenings give the same octets.
//!
//! ```
//! use core::cell::RefCell;
//! use core::time::Duration;
//! use std::rc::Rc;
//!
//! use mld_sim::record::Trace;
//! use mld_sim::{Link, Router, World};
//!
//! let trace = Rc::new(RefCell::new(Trace::new(Vec::new())));
//! let mut world = World::new(7);
//! world.observe(Rc::clone(&trace));
//! let lan = world.link(Link::ethernet());
//! world.router(lan, Router::new("r1", "fe80::1".parse()?));
//! world.run_for(Duration::from_secs(30))?;
//!
//! drop(world);
//! let trace = Rc::into_inner(trace).expect("the world is gone").into_inner().finish()?;
//! assert!(trace.starts_with(br#"{"time":0,"event":"call","node":"r1","call":"start","address":"fe80::1"}"#));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

mod pcapng;
mod picture;
mod trace;
mod words;

pub use pcapng::Pcapng;
pub use picture::Picture;
pub use trace::Trace;

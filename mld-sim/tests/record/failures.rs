//! An output that cannot be written.

use core::cell::RefCell;
use std::io::{self, ErrorKind, Write};
use std::rc::Rc;

use mld_sim::World;
use mld_sim::record::{Pcapng, Picture, Trace};
use mld_sim::world::Observer;

use crate::scenarios;

/// Holds so many octets, and no more.
struct Disk {
    left: usize,
}

impl Write for Disk {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        match octets.len().min(self.left) {
            0 if !octets.is_empty() => Err(ErrorKind::StorageFull.into()),
            count => {
                self.left -= count;
                Ok(count)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_said_at_the_end() {
    for left in [0, 1, 100, 5_000] {
        let disk = || Disk { left };
        let trace = observed(Trace::new(disk())).finish();
        assert_eq!(trace.err().map(|error| error.kind()), Some(ErrorKind::StorageFull), "{left}");
        let pcapng = Pcapng::new(disk()).and_then(|pcapng| observed(pcapng).finish());
        assert_eq!(pcapng.err().map(|error| error.kind()), Some(ErrorKind::StorageFull), "{left}");
        let picture = observed(Picture::new(disk(), "")).finish();
        assert_eq!(picture.err().map(|error| error.kind()), Some(ErrorKind::StorageFull), "{left}");
    }
}

#[test]
fn what_a_buffer_still_holds_is_written_at_the_end() {
    for left in [0, 100] {
        let disk = || io::BufWriter::with_capacity(1 << 24, Disk { left });
        let trace = observed(Trace::new(disk())).finish();
        assert_eq!(trace.err().map(|error| error.kind()), Some(ErrorKind::StorageFull));
        let pcapng = Pcapng::new(disk()).and_then(|pcapng| observed(pcapng).finish());
        assert_eq!(pcapng.err().map(|error| error.kind()), Some(ErrorKind::StorageFull));
        let picture = observed(Picture::new(disk(), "")).finish();
        assert_eq!(picture.err().map(|error| error.kind()), Some(ErrorKind::StorageFull));
    }
}

/// The observer, after a run that it did not end.
fn observed<O: Observer + 'static>(observer: O) -> O {
    let observer = Rc::new(RefCell::new(observer));
    let mut world = World::new(7);
    world.observe(Rc::clone(&observer));
    scenarios::everything(&mut world);
    drop(world);
    Rc::into_inner(observer).expect("the world is gone").into_inner()
}

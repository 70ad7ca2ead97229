//! What a run of a scenario writes.

use core::cell::RefCell;
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use clap::Args;

use crate::Error;
use crate::record::{Pcapng, Picture, Trace};
use crate::world::World;

/// Where to write what happens.
#[derive(Args, Clone, Debug)]
pub(super) struct Outputs {
    /// Write every frame, with what its receivers said of it, to a pcapng.
    #[arg(long, value_name = "FILE")]
    pub(super) pcap: Option<PathBuf>,
    /// Write everything that happens, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    pub(super) trace: Option<PathBuf>,
    /// Draw what happens, as an SVG.
    #[arg(long, value_name = "FILE.svg")]
    pub(super) picture: Option<PathBuf>,
}

impl Outputs {
    /// The arguments that name files, and the files.
    pub(super) fn written(&self) -> [(&'static str, Option<&Path>); 3] {
        [
            ("--pcap", self.pcap.as_deref()),
            ("--trace", self.trace.as_deref()),
            ("--picture", self.picture.as_deref()),
        ]
    }

    /// Whether nobody wants any.
    pub(super) fn are_none(&self) -> bool {
        self.written().iter().all(|(_, path)| path.is_none())
    }
}

/// What is written while the scenario runs.
pub(super) struct Records {
    trace: Option<Record<Trace<Output>>>,
    pcap: Option<Record<Pcapng<Output>>>,
    picture: Option<Record<Picture<Output>>>,
}

type Output = BufWriter<File>;
type Record<O> = (PathBuf, Rc<RefCell<O>>);

impl Records {
    /// Makes the files and lets their writers watch the world.
    pub(super) fn attach(outputs: &Outputs, title: &str, world: &mut World) -> Result<Self, Error> {
        let trace = make(outputs.trace.as_deref(), |output| Ok(Trace::new(output)))?;
        let pcap = make(outputs.pcap.as_deref(), Pcapng::new)?;
        let picture = make(outputs.picture.as_deref(), |output| Ok(Picture::new(output, title)))?;
        if let Some((_, trace)) = &trace {
            world.observe(Rc::clone(trace));
        }
        if let Some((_, pcap)) = &pcap {
            world.observe(Rc::clone(pcap));
        }
        if let Some((_, picture)) = &picture {
            world.observe(Rc::clone(picture));
        }
        Ok(Self { trace, pcap, picture })
    }

    /// Ends them, when the world is gone.
    pub(super) fn finish(self) -> Result<(), Error> {
        // One that cannot be ended takes nothing away from the others.
        let ended = [
            finish(self.trace, Trace::finish),
            finish(self.pcap, Pcapng::finish),
            finish(self.picture, Picture::finish),
        ];
        ended.into_iter().collect()
    }
}

fn make<O>(
    path: Option<&Path>,
    writer: impl FnOnce(Output) -> io::Result<O>,
) -> Result<Option<Record<O>>, Error> {
    let Some(path) = path else { return Ok(None) };
    let made = File::create(path).and_then(|file| writer(BufWriter::new(file)));
    let made = made.map_err(|error| Error::writing(path, &error))?;
    Ok(Some((path.into(), Rc::new(RefCell::new(made)))))
}

fn finish<O>(record: Option<Record<O>>, end: impl FnOnce(O) -> io::Result<Output>) -> Result<(), Error> {
    let Some((path, record)) = record else { return Ok(()) };
    let record = Rc::into_inner(record).expect("the world that watched is gone").into_inner();
    end(record).map(|_| ()).map_err(|error| Error::writing(&path, &error))
}

//! A timeline as SVG. [`notes`] are taken while things happen; at the end [`plan`] says what gets a
//! line and what stands where, and [`draw`] draws it.

mod draw;
mod notes;
mod plan;

use std::io::{self, Write};

use mld_proto::Instant;

use self::notes::Notes;
use crate::world::{Happening, Observer, Scene, Violation};

/// Draws what happens as a timeline, an SVG image.
///
/// Time runs from top to bottom, one line for each thing that happened; quiet stretches are skipped and marked. Routers
/// and hosts are lanes. Messages run across them in the colour of their kind and end in arrows where they arrived, in
/// crosses where they were lost. Beside a router stands a bar for each group that it knows, coloured by filter mode; the
/// querier wears a crown. Faults are shaded.
///
/// A long scenario stays readable: many hosts share a lane, what changes nothing is summed up, and what is still too much is
/// left out in the middle, each with its number.
pub struct Picture<W> {
    output: W,
    title: String,
    notes: Notes,
}

impl<W: Write> Picture<W> {
    /// A picture that goes to `output` when it is finished.
    pub fn new(output: W, title: impl Into<String>) -> Self {
        Self { output, title: title.into(), notes: Notes::default() }
    }

    /// Draws the picture and gives the output back, flushed.
    ///
    /// # Errors
    ///
    /// The output cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        svg::write(&mut self.output, &draw::draw(&self.title, &self.notes))?;
        self.output.flush()?;
        Ok(self.output)
    }
}

impl<W> Observer for Picture<W> {
    fn observe(
        &mut self,
        scene: &Scene<'_>,
        at: Instant,
        happening: &Happening<'_>,
    ) -> Result<(), Violation> {
        self.notes.note(*scene, at, happening);
        Ok(())
    }
}

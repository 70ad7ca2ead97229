use core::fmt;
use core::time::Duration;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};

use mld_proto::wire::MessageKind;
use mld_proto::{Discard, Instant};
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::pcapng::blocks::section_header::{SectionHeaderBlock, SectionHeaderOption};
use pcap_file::{DataLink, Endianness, PcapError};

use super::words::kind_name;
use crate::world::{Frame, Happening, LinkId, Loss, Medium, NodeId, Observer, Scene, Violation};

/// Writes the frames of a world as a pcapng capture that Wireshark and tshark read: an interface for each link, time
/// from 0 and exact to the millisecond, in order of sending.
///
/// The comment of a packet says who sent it and what became of it: of routers the verdict, of hosts whom it reached,
/// and of the others why not. A packet is held back until that is known. The octets are those that were sent; where
/// the link damaged them, the comment says so.
pub struct Pcapng<W: Write> {
    writer: PcapNgWriter<W>,
    error: Option<io::Error>,
    /// Frames that are still under way, by number, which is the order of sending.
    pending: BTreeMap<u64, Pending>,
    /// The frame of which it is being told to whom it goes.
    sending: Option<u64>,
    links: usize,
}

struct Pending {
    at: Instant,
    link: LinkId,
    /// The name of the sender.
    from: String,
    octets: Vec<u8>,
    fates: Vec<(NodeId, String, Fate)>,
}

/// What became of a frame on its way to somebody.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Arrived { verdict: Option<Result<MessageKind, Discard>>, is_damaged: bool },
    Lost(Loss),
    UnderWay,
}

const ETHER_TYPE_IPV6: [u8; 2] = [0x86, 0xdd];
/// Times are written as nanoseconds, which is what the library does.
const NANOSECONDS: u8 = 9;
/// Names in one clause of a comment, which a person reads, and which the format bounds to 64 KiB.
const NAMES_MAX: usize = 16;
/// Octets of a comment.
const COMMENT_MAX: usize = 60_000;

impl<W: Write> Pcapng<W> {
    /// A capture that goes to `output`, which should be buffered.
    ///
    /// # Errors
    ///
    /// `output` cannot be written.
    pub fn new(output: W) -> io::Result<Self> {
        let section = SectionHeaderBlock {
            endianness: Endianness::Little,
            options: vec![SectionHeaderOption::UserApplication(Cow::Borrowed("mld-sim"))],
            ..SectionHeaderBlock::default()
        };
        let writer = PcapNgWriter::with_section_header(output, section).map_err(io_error)?;
        Ok(Self { writer, error: None, pending: BTreeMap::new(), sending: None, links: 0 })
    }

    /// Ends the capture and gives the output back, flushed. Frames that are still under way are written.
    ///
    /// # Errors
    ///
    /// The first error of writing; the capture ends there.
    pub fn finish(mut self) -> io::Result<W> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        while let Some((_, frame)) = self.pending.pop_first() {
            self.write(frame)?;
        }
        let mut output = self.writer.into_inner();
        output.flush()?;
        Ok(output)
    }

    fn note(&mut self, scene: Scene<'_>, at: Instant, happening: &Happening<'_>) -> io::Result<()> {
        for link in scene.links().skip(self.links) {
            let block = interface(scene.link_name(link), scene.medium(link));
            self.writer.write_pcapng_block(block).map_err(io_error)?;
            self.links += 1;
        }
        let told = match *happening {
            Happening::Sent { frame } => {
                let from = scene.name(frame.from).to_owned();
                let octets = octets(frame, scene.medium(frame.link));
                self.pending
                    .insert(frame.number, Pending { at, link: frame.link, from, octets, fates: Vec::new() });
                Some(frame.number)
            }
            Happening::UnderWay { frame, to } => {
                self.fate(scene, frame, to, Fate::UnderWay);
                Some(frame.number)
            }
            Happening::Lost { frame, to, why } => {
                self.fate(scene, frame, to, Fate::Lost(why));
                self.sending
            }
            Happening::Delivered { frame, to, packet, verdict } => {
                let is_damaged = packet != &*frame.packet;
                self.fate(scene, frame, to, Fate::Arrived { verdict, is_damaged });
                None
            }
            Happening::Turn(_)
            | Happening::Host { .. }
            | Happening::Refused { .. }
            | Happening::Change { .. } => None,
        };
        self.sending = told;
        while let Some(first) = self.pending.first_entry() {
            if Some(*first.key()) == told || first.get().is_under_way() {
                break;
            }
            let frame = first.remove();
            self.write(frame)?;
        }
        Ok(())
    }

    /// What became of a frame takes the place of its being under way. A loss on the link never was under way.
    fn fate(&mut self, scene: Scene<'_>, frame: &Frame, to: NodeId, fate: Fate) {
        let Some(pending) = self.pending.get_mut(&frame.number) else { return };
        let ends = matches!(fate, Fate::Arrived { .. } | Fate::Lost(Loss::Down));
        let under_way = |known: &&mut (NodeId, String, Fate)| known.0 == to && known.2 == Fate::UnderWay;
        match pending.fates.iter_mut().find(under_way).filter(|_| ends) {
            Some(known) => known.2 = fate,
            None => pending.fates.push((to, scene.name(to).to_owned(), fate)),
        }
    }

    fn write(&mut self, mut frame: Pending) -> io::Result<()> {
        frame.fates.sort_by_key(|(node, ..)| *node);
        let block = EnhancedPacketBlock {
            interface_id: frame.link.0,
            timestamp: timestamp(frame.at)?,
            original_len: frame.octets.len() as u32,
            options: vec![EnhancedPacketOption::Comment(Cow::Owned(frame.comment()))],
            data: Cow::Owned(frame.octets),
        };
        self.writer.write_pcapng_block(block).map_err(io_error).map(drop)
    }
}

impl<W: Write> Observer for Pcapng<W> {
    fn observe(
        &mut self,
        scene: &Scene<'_>,
        at: Instant,
        happening: &Happening<'_>,
    ) -> Result<(), Violation> {
        if self.error.is_none() {
            self.error = self.note(*scene, at, happening).err();
        }
        Ok(())
    }
}

impl Pending {
    fn is_under_way(&self) -> bool {
        self.fates.iter().any(|(_, _, fate)| *fate == Fate::UnderWay)
    }

    /// One clause for all to whom the same happened, in order of the first of them.
    fn comment(&self) -> String {
        let mut clauses: Vec<(Fate, Vec<(&str, u32)>)> = Vec::new();
        for (_, name, fate) in &self.fates {
            match clauses.iter_mut().find(|(known, _)| known == fate) {
                Some((_, names)) => match names.last_mut() {
                    Some((last, count)) if last == name => *count += 1,
                    _ => names.push((name, 1)),
                },
                None => clauses.push((*fate, vec![(name, 1)])),
            }
        }
        let mut comment = format!("from {}", self.from);
        for (fate, names) in clauses {
            let shown = if names.len() > NAMES_MAX + 1 { NAMES_MAX } else { names.len() };
            for ((name, count), number) in names[..shown].iter().zip(0..) {
                comment += if number == 0 { "; " } else { ", " };
                comment += name;
                comment += if *count > 1 { " (twice)" } else { "" };
            }
            if names.len() > shown {
                comment += &format!(" and {} others", names.len() - shown);
            }
            comment += &format!(": {fate}");
        }
        if comment.len() > COMMENT_MAX {
            let end = (0..=COMMENT_MAX).rfind(|at| comment.is_char_boundary(*at));
            comment.truncate(end.unwrap_or_default());
            comment.push('…');
        }
        comment
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Arrived { verdict, is_damaged } => {
                match verdict {
                    None => f.write_str("received")?,
                    Some(Ok(kind)) => write!(f, "accepted {}", kind_name(kind))?,
                    Some(Err(why)) => write!(f, "discarded {why}")?,
                }
                f.write_str(if is_damaged { " (damaged on the way)" } else { "" })
            }
            Self::Lost(Loss::Chance) => f.write_str("lost"),
            Self::Lost(Loss::Partition) => f.write_str("not reached (partition)"),
            Self::Lost(Loss::Down) => f.write_str("not reached (down)"),
            Self::UnderWay => f.write_str("still under way at the end"),
        }
    }
}

fn interface(name: &str, medium: Medium) -> InterfaceDescriptionBlock<'_> {
    InterfaceDescriptionBlock {
        linktype: match medium {
            Medium::Ethernet => DataLink::ETHERNET,
            Medium::PointToPoint => DataLink::IPV6,
        },
        snaplen: 0,
        options: vec![
            InterfaceDescriptionOption::IfName(Cow::Borrowed(name)),
            InterfaceDescriptionOption::IfTsResol(NANOSECONDS),
        ],
    }
}

fn octets(frame: &Frame, medium: Medium) -> Vec<u8> {
    match medium {
        Medium::Ethernet => {
            [&frame.destination_mac[..], &frame.source_mac, &ETHER_TYPE_IPV6, &frame.packet].concat()
        }
        Medium::PointToPoint => frame.packet.to_vec(),
    }
}

/// The format counts nanoseconds in 64 bits, which is 584 years.
fn timestamp(at: Instant) -> io::Result<Duration> {
    let time = Duration::from_millis(at.as_millis());
    match u64::try_from(time.as_nanos()) {
        Ok(_) => Ok(time),
        Err(_) => Err(io::Error::other("a time too late for a capture with nanoseconds")),
    }
}

fn io_error(error: PcapError) -> io::Error {
    match error {
        PcapError::IoError(error) => error,
        other => io::Error::other(other),
    }
}

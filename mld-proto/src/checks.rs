//! The checks of every message that routers and listeners share.

use crate::addr::is_link_local;
use crate::discard::Discard;
use crate::io::MessageMeta;
use crate::wire::{self, MessageKind, Packet, checksum};

/// A message with its headers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Received<'p> {
    pub(crate) meta: MessageMeta,
    /// The fault of the packet around the message.
    pub(crate) flaw: Option<Discard>,
    pub(crate) message: &'p [u8],
}

impl<'p> Received<'p> {
    /// Walks the headers of an IPv6 packet.
    #[inline]
    pub(crate) fn read(packet: &'p [u8], checksum_verified: bool) -> Result<Self, Discard> {
        let packet = Packet::parse(packet)?;
        let meta = MessageMeta {
            source: packet.source,
            destination: packet.destination,
            hop_limit: packet.hop_limit,
            router_alert: packet.router_alert,
            checksum_verified,
            own_host: false,
        };
        let flaw = if packet.truncated {
            Some(Discard::Truncated)
        } else {
            packet.fragment.then_some(Discard::Fragment)
        };
        Ok(Self { meta, flaw, message: packet.message })
    }

    /// The kind of the message.
    #[inline]
    pub(crate) fn kind(&self) -> Result<MessageKind, Discard> {
        match self.message.first() {
            None => Err(Discard::Truncated),
            Some(octet) => wire::kind(*octet).ok_or(Discard::NotMld),
        }
    }

    /// The checks that need no more than the headers and the checksum, in order (R-SEC-1, R-WIRE-53, R-WIRE-65).
    /// `refuses` returns true if the source is an own address and the message an echo or a forgery.
    #[inline]
    pub(crate) fn check(
        &self,
        require_router_alert: bool,
        refuses: impl FnOnce(&MessageMeta) -> bool,
    ) -> Result<(), Discard> {
        let meta = &self.meta;
        if let Some(flaw) = self.flaw {
            return Err(flaw);
        }
        if meta.hop_limit != 1 {
            return Err(Discard::HopLimit);
        }
        if require_router_alert && !meta.router_alert {
            return Err(Discard::NoRouterAlert);
        }
        if meta.source.is_unspecified() {
            return Err(Discard::SourceUnspecified);
        }
        if !is_link_local(meta.source) {
            return Err(Discard::SourceNotLinkLocal);
        }
        if refuses(meta) {
            return Err(Discard::OwnAddress);
        }
        if !meta.checksum_verified && !checksum::verify(meta.source, meta.destination, self.message) {
            return Err(Discard::BadChecksum);
        }
        Ok(())
    }
}

//! Packets come in: checked in the order of [`Discard`], then heeded (RFC 9777 sections 6 and 6.2).

use super::engine::Core;
use super::tables::View;
use crate::checks::Received;
use crate::discard::Discard;
use crate::io::MessageMeta;
use crate::wire::{self, MessageKind, Query, Version};

impl Core {
    pub(super) fn handle_packet(
        &mut self,
        view: &mut View<'_>,
        now: u64,
        packet: &[u8],
        checksum_verified: bool,
    ) -> Result<MessageKind, Discard> {
        match Received::read(packet, checksum_verified) {
            Ok(received) => self.take(view, now, &received),
            Err(reason) => {
                self.stats.count_discard(reason, None);
                Err(reason)
            }
        }
    }

    /// Checks a message and heeds it.
    pub(super) fn take(
        &mut self,
        view: &mut View<'_>,
        now: u64,
        received: &Received<'_>,
    ) -> Result<MessageKind, Discard> {
        let kind = match received.kind() {
            Ok(kind) => kind,
            Err(reason) => {
                self.stats.count_discard(reason, None);
                return Err(reason);
            }
        };
        let taken = self.check(received).and_then(|()| match kind {
            MessageKind::Query => self.take_query(view, now, &received.meta, received.message),
            MessageKind::ReportV1 => self.take_report(view, now, &received.meta, received.message),
            // R-WIRE-69: for routers.
            MessageKind::Done | MessageKind::ReportV2 => {
                self.arrive(now);
                Ok(())
            }
        });
        match taken {
            Ok(()) => {
                self.stats.received.count(kind);
                Ok(kind)
            }
            Err(reason) => {
                self.stats.count_discard(reason, Some(kind));
                Err(reason)
            }
        }
    }

    /// The checks that every message has to pass (R-LSN-40, R-LSN-75, R-SEC-1).
    fn check(&self, received: &Received<'_>) -> Result<(), Discard> {
        if !self.running {
            return Err(Discard::BeforeStart);
        }
        // The router beside this listener may query from the same address.
        let refuses = |meta: &MessageMeta| self.is_own(meta.source) && !meta.own_host;
        received.check(self.config.require_router_alert, refuses)
    }

    /// R-WIRE-51, R-WIRE-70
    fn check_destination(&self, meta: &MessageMeta) -> Result<(), Discard> {
        if meta.destination.is_multicast() || self.is_own(meta.destination) {
            Ok(())
        } else {
            Err(Discard::Destination)
        }
    }

    fn take_query(
        &mut self,
        view: &mut View<'_>,
        now: u64,
        meta: &MessageMeta,
        message: &[u8],
    ) -> Result<(), Discard> {
        let query = Query::parse(message, self.config.version)?;
        self.check_destination(meta)?;
        let version_2_only = self.config.version_2_only && self.config.version == Version::V2;
        if version_2_only && query.sent_as == Version::V1 {
            // R-CMP-39, R-SEC-4
            return Err(Discard::WrongVersion);
        }
        self.arrive(now);
        self.adopt(&query);
        if !self.is_version_1() {
            self.apply_query(view, &query);
            return Ok(());
        }
        // R-CMP-34: what an MLDv2 querier sent as well.
        let query = Query::parse(message, Version::V1)?;
        self.heed_as_version_1(view, &query);
        Ok(())
    }

    fn take_report(
        &mut self,
        view: &mut View<'_>,
        now: u64,
        meta: &MessageMeta,
        message: &[u8],
    ) -> Result<(), Discard> {
        let group = wire::version_1_group(message)?;
        self.check_destination(meta)?;
        self.arrive(now);
        self.overhear(view, group);
        Ok(())
    }
}

//! The messages, record types and versions of MLD.

/// A version of MLD.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Version {
    /// RFC 2710 alone. Chosen by the administrator, never by the router itself (R-CMP-1, R-CMP-2).
    V1,
    /// RFC 9777, with MLDv1 hosts and routers beside it.
    #[default]
    V2,
}

impl Version {
    /// 1 or 2.
    pub const fn number(self) -> u8 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
        }
    }
}

/// A kind of MLD message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// Query of either version, type 130.
    Query,
    /// MLDv1 Report, type 131.
    ReportV1,
    /// MLDv1 Done, type 132.
    Done,
    /// MLDv2 Report, type 143.
    ReportV2,
}

/// The type of a Multicast Address Record (RFC 9777 section 5.2.12), or an MLDv1 Report in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordType {
    /// MODE_IS_INCLUDE.
    IsIn,
    /// MODE_IS_EXCLUDE.
    IsEx,
    /// CHANGE_TO_INCLUDE_MODE.
    ToIn,
    /// CHANGE_TO_EXCLUDE_MODE.
    ToEx,
    /// ALLOW_NEW_SOURCES.
    Allow,
    /// BLOCK_OLD_SOURCES.
    Block,
    /// No record: an MLDv1 Report, which has the meaning of MODE_IS_EXCLUDE without sources.
    Report,
}

impl RecordType {
    /// The name in documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::IsIn => "is-in",
            Self::IsEx => "is-ex",
            Self::ToIn => "to-in",
            Self::ToEx => "to-ex",
            Self::Allow => "allow",
            Self::Block => "block",
            Self::Report => "report",
        }
    }
}

//! Judges of routers.

mod agreement;
mod forwarding;
mod safety;

pub(super) use agreement::ModelAgreement;
pub(super) use forwarding::Forwarding;
pub(super) use safety::ForwardingSafety;

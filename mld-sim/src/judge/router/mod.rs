//! Judges of routers.

mod agreement;
mod forwarding;
mod safety;

pub(super) use agreement::Twin;
pub(super) use forwarding::Forwarding;
pub(super) use safety::Books;

//! The eras before 2026-07-28: `initialize`, sessions, and requests from us to the host.
//!
//! **Invariant:** the inner model stays the modern one. A call that needs input comes back as
//! [`drawbridge_contract::InputRequired`]; `converse.rs` asks the host on the open stream, and calls again with the answers.

mod batch;
mod converse;
mod peer;
mod serve;
pub(crate) mod sessions;
pub(crate) mod streams;
mod tasks;

use bytes::Bytes;
use drawbridge_contract::Change;

use crate::encode::notification;
use crate::listen::method_of;

pub(crate) use batch::part_of_batch;
pub(crate) use peer::{Peer, Voice};
pub(crate) use serve::{initialize, notice, serve};

/// What a host that missed changes is told.
pub(crate) const EVERY_LIST: [Change; 3] = [Change::Tools, Change::Resources, Change::Prompts];

/// The notification that tells a session of a change.
pub(crate) fn told(change: &Change) -> Bytes {
    notification(method_of(change), |params| {
        if let Change::Resource(uri) = change {
            params.value("uri", uri);
        }
    })
}

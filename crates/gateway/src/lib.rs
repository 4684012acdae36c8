//! The one door: turns a `Call` into an `Outcome`. Start at `handle.rs`.
//!
//! **Invariant:** names no server and no transport.
//! **Invariant:** nothing runs without an `Allowed`; only `authorize` makes one.
//! **Invariant:** what may change something is in the audit, on disk, before it happens.

mod access;
mod approvals;
mod authorize;
mod catalog;
mod effects;
mod gateway;
mod handle;
mod invoke;
mod limits;
mod mask;
mod meter;
mod pattern;
mod policy;
mod record;
mod rules;
mod running;
mod schema;
mod seal;
mod tiers;
mod time;

pub use authorize::DEPTH_MAX;
pub use catalog::CatalogError;
pub use effects::Effect;
pub use gateway::{BrowserSessions, Gateway, GatewayError, GatewaySettings};
pub use mask::masked;
pub use meter::calls_left;
pub use pattern::{PatternError, Patterns};
pub use policy::{BRIDGE, LOWERED, RAISED};
pub use rules::{Decision, RuleSettings, When};
pub use running::Ongoing;
pub use schema::SchemaError;

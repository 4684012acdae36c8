//! Requests that leave this machine, and the rules of where they may go.
//!
//! ```text
//! address   which addresses are everybody's, and which are somebody's own network
//! allowed   the hosts that the owner lets through all the same
//! resolve   names become addresses, and those that are refused are left out: what is checked is what is dialled
//! client    the requests
//! peer      one server that is asked again and again
//! line      its connections in plain HTTP
//! question  what is sent over them, as bytes
//! answer    what comes back, from its bytes
//! ```
//!
//! Start at [`Outbound`].
//!
//! **Invariant:** no connection is opened to a private, link-local or loopback address, whatever name led to it, unless
//! the owner allowed the host.
//! **Invariant:** no redirect is followed, and no proxy of the environment is used: either would go round the rules.
//! **Invariant:** a body is read within a bound that the caller names.

mod address;
mod allowed;
mod answer;
mod client;
mod error;
mod line;
mod peer;
mod question;
mod resolve;

pub use address::is_public;
pub use allowed::{AllowedHosts, BadHost};
pub use client::{Outbound, Settings, body};
pub use error::OutboundError;
pub use peer::{Peer, Reply};
/// What requests and responses are made of, so that whoever sends some needs no client of its own.
pub use reqwest::{Method, RequestBuilder, Response, StatusCode, Url, header};

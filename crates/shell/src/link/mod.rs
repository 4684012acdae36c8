//! The way to the hub: requests with answers and news on their way, over whatever carries messages, made again when it
//! breaks.

mod address;
mod client;
mod keeper;
mod message;
mod tls;
mod wire;

pub use address::{Address, AddressError};
pub(crate) use client::{Client, Event, Reply};
pub(crate) use message::CallError;
pub use wire::{Dial, DialError, Wire};

//! What every HTTP entrance shares: the listener and the guard in front of all routes; and the routes that are not MCP:
//! REST for every tool, its OpenAPI document, live streams over WebSocket, and those of older clients.
//!
//! **Invariant:** no route is served without the guard. `GET /health`, the console's files and its sign-in alone answer
//! without a key.
//! **Invariant:** what reaches a tool or a stream goes through the door, as a [`drawbridge_contract::Call`].
//!
//! Start at `routes.rs`: one table names every route.

mod browser;
mod credential;
mod exchange;
mod front;
mod guard;
mod health;
mod intake;
mod jobs;
mod limits;
mod listen;
mod lm_terminal;
mod openapi;
mod papers;
mod pipe;
mod problem;
mod rest;
mod routes;
mod stream;
mod web;
mod ws;

pub use front::Front;
pub use guard::{Guard, HostNames, HostNamesError};
pub use limits::*;
pub use listen::{CONNECTIONS_MAX, HEADER_TIMEOUT, ListenError, Listener, SHUTDOWN_GRACE};
pub use pipe::{Pipe, STDIO_PATH, STDIO_PROTOCOL, WORKER_PATH, WORKER_PROTOCOL, stdio, worker};
pub use routes::{paths, routes};
pub use web::{StatusSource, Web};
pub use ws::{Farewell, MessageReader, MessageWriter, Visitor, WS_PATH, ws};

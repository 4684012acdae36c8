//! What every HTTP entrance shares: the listener, the guard in front of all routes, and the routes that are not MCP.
//!
//! **Invariant:** no route is served without the guard. `GET /health` alone answers without a key.

mod guard;
mod listen;
mod routes;

pub use guard::{Guard, HostNames, HostNamesError};
pub use listen::{CONNECTIONS_MAX, HEADER_TIMEOUT, ListenError, Listener, SHUTDOWN_GRACE};
pub use routes::{StatusSource, routes};

//! The wire from outside: over HTTP and stdio, in both eras, with a small server behind the kit's door.
#![expect(clippy::unwrap_used, reason = "a test that fails should say where")]

mod attacks;
mod channels;
mod http_host;
mod legacy_http;
mod modern_http;
mod sockets;
mod stdio;
mod stdio_host;
mod world;

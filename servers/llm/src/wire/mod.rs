//! The dialects of providers and of clients, translated into [`chat`](crate::chat) and back. No I/O.

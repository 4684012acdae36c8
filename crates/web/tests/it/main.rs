//! The routes from outside: over a real listener, with a small server behind a door that can be told to refuse.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say so and stop")]

mod door;
mod exchanges;
mod front;
mod house;
mod lm_terminal;
mod openapi;
mod rest;
mod stdio;
mod strangers;
mod streams;
mod terminal;
mod tools;

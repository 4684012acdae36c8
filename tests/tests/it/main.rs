//! Drawbridge from outside: one module for each way to look at it. A new one is a file here and a line below.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say so and stop")]

mod attacks;
mod conformance;
mod console;
mod llm;
mod older;
mod program;
mod rest;
mod sdk_client;
mod stories;
mod tasks;

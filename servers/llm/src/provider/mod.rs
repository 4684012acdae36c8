//! Providers: reached, shared fairly, left alone while they fail.

mod breaker;
mod line;
mod turn;

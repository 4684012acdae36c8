//! The files server, tried through the seam.

mod basics;
mod sample;

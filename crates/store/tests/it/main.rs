//! The store as its users see it: files in a folder, several processes, and what survives.

mod audit;
mod support;

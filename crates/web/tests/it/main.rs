//! The routes from outside: over a real listener, with a small server behind a door that can be told to refuse.

mod door;
mod house;
mod openapi;
mod page;
mod rest;
mod strangers;
mod streams;
mod tools;

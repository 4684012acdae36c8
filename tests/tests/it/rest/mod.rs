//! The routes of REST, against the program as it is built.

mod lm_terminal;
mod page;

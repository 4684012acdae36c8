//! Commands and terminals, for programs and for the people who watch them.

mod screen;

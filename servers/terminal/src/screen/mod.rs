//! What a program writes, made into what a person sees. Nothing here knows a process.
//!
//! ```text
//! filter     what of an output may reach a person's terminal, and the shell's marks in it
//! mark       what a shell says about its prompts and commands
//! log        the last bytes of the output, by position
//! display    the emulator, drawn late
//! emulator   the terminal that a program believes to write to: its screen, and its answers
//! text       bytes as text for models: without control sequences, or drawn line by line
//! keys       the names of keys, and what they send
//! ```

pub(crate) mod display;
pub(crate) mod emulator;
pub(crate) mod filter;
pub(crate) mod keys;
pub(crate) mod log;
pub(crate) mod mark;
pub(crate) mod text;

//! What can be typed: words, quotes, JSON, views, files and the background. Pure: text in, commands out.

pub(crate) mod arguments;
pub(crate) mod lex;
pub(crate) mod parse;
pub(crate) mod schema;

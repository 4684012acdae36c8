//! The disk: handles, single names, and what is never touched. Nothing outside this module opens anything.

pub(crate) mod denied;
pub(crate) mod entries;
#[cfg(fast)]
mod fast;
pub(crate) mod folder;
pub(crate) mod known;
pub(crate) mod locate;
pub(crate) mod locks;
pub(crate) mod name;
pub(crate) mod protected;
pub(crate) mod replace;
pub(crate) mod root;
pub(crate) mod roots;
pub(crate) mod settle;
pub(crate) mod stat;
pub(crate) mod trash;
pub(crate) mod tree;

//! What the console keeps for its pages, and looks into only to list it: conversations and preferences. One file each, in
//! a folder of the state folder that only the owner can read.

mod folder;
mod routes;

pub(crate) use folder::Kept;
pub(crate) use routes::{
    conversation, conversations, forget_conversation, keep_conversation, keep_preferences, preferences,
};

//! What the writer's thread and everybody else look at together.

use std::path::PathBuf;

use crate::{audit::head::HeadFile, generation::Generation, health::Monitor};

pub(crate) struct Shared {
    /// The database's path.
    pub(crate) database: PathBuf,
    pub(crate) generation: Generation,
    pub(crate) head_file: HeadFile,
    pub(crate) health: Monitor,
}

//! What changes while callers are connected.

/// Something that a connected host may want to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Tools came, went or changed.
    Tools,
    /// The list of resources changed.
    Resources,
    /// Prompts came, went or changed.
    Prompts,
    /// This resource's contents changed. Sent only while somebody watches it.
    Resource(String),
}

/// Keeps a watch alive: dropped, it ends.
pub struct Watch(#[expect(dead_code, reason = "held only for its drop")] Box<dyn Send + Sync>);

impl Watch {
    /// A watch that lasts as long as `guard`.
    pub fn new(guard: impl Send + Sync + 'static) -> Self {
        Self(Box::new(guard))
    }
}

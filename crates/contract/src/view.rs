//! What one caller sees of the catalog.

use std::sync::Arc;

use crate::{PromptSpec, ResourceSpec, ResourceTemplate, Resources, Tool};

/// What one caller sees of the catalog, in a fixed order. Computed once per caller and catalog change, not per
/// request; entrances may cache what they render from it under its `revision`.
pub struct View {
    /// Unique in this process: two views with the same number are the same view. 0 is that of nobody.
    pub revision: u64,
    /// The tools this caller may call, sorted by name.
    pub tools: Vec<Arc<dyn Tool>>,
    /// The servers whose resources this caller may read, in their order.
    pub resources: Vec<Arc<dyn Resources>>,
    /// The templates this caller may read by.
    pub templates: Vec<ResourceTemplate>,
    /// The prompts this caller may get, sorted by name.
    pub prompts: Vec<PromptSpec>,
    /// The servers' instructions, joined.
    pub instructions: String,
}

impl View {
    /// Nothing at all, for a caller who may no longer call.
    pub fn empty() -> Self {
        let (tools, resources, templates, prompts) = Default::default();
        Self { revision: 0, tools, resources, templates, prompts, instructions: String::new() }
    }

    /// Whether this is the view of a caller who may no longer call: whose key was revoked or has expired.
    pub fn is_nobodys(&self) -> bool {
        self.revision == 0
    }

    /// The resources that are listed now. They come and go with the files behind them, so nothing of this is cached
    /// under the view's revision.
    pub fn list_resources(&self) -> Vec<ResourceSpec> {
        self.resources.iter().flat_map(|resources| resources.list()).collect()
    }
}

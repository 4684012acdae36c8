//! Walking a tree by handles.

pub(crate) mod rules;
pub(crate) mod smallest;

//! What only the program can tell or do: it knows the configuration's fields, and where things are.

use serde_json::Value;

/// The program, as the console sees it.
pub trait Program: Send + Sync + 'static {
    /// How the hub is, as `GET /api/status` tells it.
    fn status(&self) -> Value;

    /// Who has models, as far as it is configured: names, kinds and addresses, never a key.
    fn providers(&self) -> Value;
}

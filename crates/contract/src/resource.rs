//! Resources: what can be read by URI.

use serde::{Deserialize, Serialize};

use crate::{BoxFuture, Completion, Context, Outcome, Suggestions, ToolError, Watch};

/// A resource that is listed. Serialises to an MCP `Resource`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceSpec {
    /// Where it is.
    pub uri: String,
    /// For programs and lists.
    pub name: String,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// For models.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its media type, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    /// In bytes, before any encoding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
}

/// A family of resources (RFC 6570 template). Serialises to an MCP `ResourceTemplate`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceTemplate {
    /// Such as `file:///notes/{+path}`.
    pub uri_template: String,
    /// For programs and lists.
    pub name: String,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// For models.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The media type of all of them, if they share one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
}

/// What a resource holds. Serialises to an MCP `ResourceContents`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Contents {
    /// Which one, of those that were read.
    pub uri: String,
    /// Its media type, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    /// When it is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// When it is not: base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blob: Option<String>,
}

/// The answer to reading a resource.
#[derive(Debug, Clone)]
pub struct ResourceResult {
    /// One or several, such as the files of a folder.
    pub contents: Vec<Contents>,
}

/// The resources of a server.
pub trait Resources: Send + Sync + 'static {
    /// Those that are listed, in a fixed order. May be a selection: templates say what else there is.
    fn list(&self) -> Vec<ResourceSpec>;

    /// The families of which every member can be read.
    fn templates(&self) -> Vec<ResourceTemplate>;

    /// Whether `uri` is one of this server's, existing or not.
    fn owns(&self, uri: &str) -> bool;

    /// Reads one.
    fn read<'a>(
        &'a self,
        uri: &'a str,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Outcome<ResourceResult>, ToolError>>;

    /// Starts to watch one; [`crate::Change::Resource`] comes for as long as the guard lives.
    ///
    /// # Errors
    /// When it is not there, or too many are watched.
    fn watch(&self, uri: &str) -> Result<Watch, ToolError>;

    /// Suggests values for a variable of a template of this server's.
    fn complete<'a>(&'a self, template: &'a str, request: &'a Completion) -> BoxFuture<'a, Suggestions>;
}

//! Protocol errors as they go over the wire.

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::version::Version;

/// Not JSON.
pub(crate) const PARSE_ERROR: i32 = -32700;
/// JSON, but no JSON-RPC message that we take.
pub(crate) const INVALID_REQUEST: i32 = -32600;
/// No such method in this revision.
pub(crate) const METHOD_NOT_FOUND: i32 = -32601;
/// The parameters do not fit, or name what is not there.
pub(crate) const INVALID_PARAMS: i32 = -32602;
/// Anything else on our side.
pub(crate) const INTERNAL_ERROR: i32 = -32603;
/// No good key (what is not MCP's; its servers close the connection after it).
pub(crate) const NOT_AUTHENTICATED: i32 = -32000;
/// No such resource (2025-11-25 and earlier; later -32602).
pub(crate) const RESOURCE_NOT_FOUND: i32 = -32002;
/// The HTTP headers do not say what the body says (2026-07-28).
pub(crate) const HEADER_MISMATCH: i32 = -32020;
/// The host cannot be asked what the call needs (2026-07-28).
pub(crate) const MISSING_CAPABILITY: i32 = -32021;
/// We do not speak the revision that was asked for (2026-07-28).
pub(crate) const UNSUPPORTED_VERSION: i32 = -32022;

/// A JSON-RPC error.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WireError {
    /// One of the codes above.
    pub(crate) code: i32,
    /// What happened, why, and what to do.
    pub(crate) message: Cow<'static, str>,
    /// For programs.
    pub(crate) data: Option<Value>,
    /// The request as such is at fault, not what it names: over HTTP a 4xx.
    pub(crate) is_malformed: bool,
}

impl WireError {
    fn new(code: i32, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), data: None, is_malformed: false }
    }

    fn malformed(code: i32, message: impl Into<Cow<'static, str>>) -> Self {
        Self { is_malformed: true, ..Self::new(code, message) }
    }

    pub(crate) fn parse(message: impl Into<Cow<'static, str>>) -> Self {
        Self::malformed(PARSE_ERROR, message)
    }

    pub(crate) fn invalid_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::malformed(INVALID_REQUEST, message)
    }

    pub(crate) fn invalid_params(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(INVALID_PARAMS, message)
    }

    /// A modern request without the metadata that every request must carry.
    pub(crate) fn invalid_meta(message: impl Into<Cow<'static, str>>) -> Self {
        Self::malformed(INVALID_PARAMS, message)
    }

    /// An error of another dialect, with a code of its own.
    pub(crate) fn of_dialect(code: i32, message: String) -> Self {
        Self::new(code, message)
    }

    pub(crate) fn not_authenticated(message: impl Into<Cow<'static, str>>) -> Self {
        Self::malformed(NOT_AUTHENTICATED, message)
    }

    pub(crate) fn internal(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(INTERNAL_ERROR, message)
    }

    pub(crate) fn header_mismatch(message: impl Into<Cow<'static, str>>) -> Self {
        Self::malformed(HEADER_MISMATCH, message)
    }

    pub(crate) fn unknown_method(method: &str, version: Version) -> Self {
        let shown: String = method.chars().take(100).collect();
        Self::new(METHOD_NOT_FOUND, format!("there is no method {shown:?} in MCP {}", version.as_str()))
    }

    /// A tool that is called as a task and runs in no such way, or the reverse (2025-11-25).
    pub(crate) fn wrong_way(message: String) -> Self {
        Self::new(METHOD_NOT_FOUND, message)
    }

    pub(crate) fn unsupported_version(requested: &str) -> Self {
        let shown: String = requested.chars().take(100).collect();
        let supported = Version::ALL.map(Version::as_str);
        let message = format!("MCP {shown:?} is not spoken here; {} are", supported.join(", "));
        Self::malformed(UNSUPPORTED_VERSION, message)
            .with(json!({ "supported": supported, "requested": requested }))
    }

    pub(crate) fn missing_capability(needed: &Value) -> Self {
        let message =
            format!("this call needs the client capabilities {needed}, which the request does not declare");
        Self::malformed(MISSING_CAPABILITY, message).with(json!({ "requiredCapabilities": needed }))
    }

    pub(crate) fn resource_not_found(uri: &str, version: Version) -> Self {
        let code = if version.is_modern() { INVALID_PARAMS } else { RESOURCE_NOT_FOUND };
        Self::new(code, format!("there is no resource {uri}")).with(json!({ "uri": uri }))
    }

    pub(crate) fn with(self, data: Value) -> Self {
        Self { data: Some(data), ..self }
    }
}

//! Errors as clients of the dialect know them: a code and a message.

use drawbridge_contract::Refusal;
use drawbridge_mcp::Told;

/// No such method, or its server is not there.
pub(crate) const METHOD_NOT_FOUND: i32 = -32601;
/// The parameters do not fit.
pub(crate) const INVALID_PARAMS: i32 = -32602;
/// Anything else on our side.
pub(crate) const INTERNAL: i32 = -32603;
/// Too many calls.
pub(crate) const RATE_LIMIT: i32 = -32001;
/// The caller may not.
pub(crate) const PERMISSION: i32 = -32002;
/// The tokens of the caller are used up.
pub(crate) const LLM_QUOTA: i32 = -32003;
/// The caller may not ask this model.
pub(crate) const LLM_MODEL: i32 = -32004;

/// Where the codes of files begin. A base itself is for what fails; one below it is for what makes no sense, two for what is
/// forbidden, three for what is not there.
pub(crate) const FILES: i32 = -32010;
/// Where the codes of other tools' failures begin, which are those of JSON-RPC.
pub(crate) const NO_BASE: i32 = 0;

/// A code and a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OldError {
    pub(crate) code: i32,
    pub(crate) message: String,
}

/// What kind of failure a tool tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Invalid,
    Refused,
    NotFound,
    Failed,
}

impl OldError {
    pub(crate) fn new(code: i32, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// A parameter that does not fit, in the words that clients know.
    pub(crate) fn parameter(path: &str, why: impl std::fmt::Display) -> Self {
        Self::new(INVALID_PARAMS, format!("Invalid parameter '{path}': {why}"))
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(INTERNAL, message)
    }

    pub(crate) fn no_method(method: &str) -> Self {
        let shown: String = method.chars().take(100).collect();
        Self::new(METHOD_NOT_FOUND, format!("there is no method {shown:?}; mcp.hello lists those there are"))
    }

    /// A method whose tools this caller has not: hidden from it, or not there.
    pub(crate) fn no_server(method: &str, server: &str) -> Self {
        let message =
            format!("{method} needs the server `{server}`, which is not there, or not for this caller");
        Self::new(METHOD_NOT_FOUND, message)
    }

    /// A tool's failure, in the codes of its server.
    pub(crate) fn of_tool(base: i32, fault: Fault, message: String) -> Self {
        let code = match (base, fault) {
            (NO_BASE, Fault::Invalid) => INVALID_PARAMS,
            (NO_BASE, Fault::Refused) => PERMISSION,
            (NO_BASE, _) => INTERNAL,
            (base, Fault::Invalid) => base - 1,
            (base, Fault::Refused) => base - 2,
            (base, Fault::NotFound) => base - 3,
            (base, Fault::Failed) => base,
        };
        Self::new(code, message)
    }
}

impl From<Refusal> for OldError {
    fn from(refusal: Refusal) -> Self {
        let code = match &refusal {
            Refusal::NotFound { .. } => METHOD_NOT_FOUND,
            Refusal::InvalidArguments { .. } => INVALID_PARAMS,
            Refusal::Raised | Refusal::Denied(_) | Refusal::NeedsApproval(_) | Refusal::Stopped(_) => {
                PERMISSION
            }
            Refusal::RateLimited { .. } | Refusal::TierSpent { .. } => RATE_LIMIT,
            _ => INTERNAL,
        };
        Self::new(code, refusal.to_string())
    }
}

impl From<OldError> for Told {
    fn from(error: OldError) -> Self {
        Self::Error { code: error.code, message: error.message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_that_were_documented() {
        let of = |fault| OldError::of_tool(FILES, fault, String::new()).code;
        assert_eq!(
            [Fault::Failed, Fault::Invalid, Fault::Refused, Fault::NotFound].map(of),
            [-32010, -32011, -32012, -32013]
        );
        assert_eq!(OldError::from(Refusal::Raised).code, -32002);
        assert_eq!(OldError::parameter("path", "is missing").message, "Invalid parameter 'path': is missing");
    }
}

//! Why a call was not let through, in the wire's words.

use drawbridge_contract::{Refusal, ToolError, ToolResult};

use super::Purpose;
use super::result::tool;
use crate::encode::Reply;
use crate::envelope::Id;
use crate::error::WireError;
use crate::version::Version;

/// For tools most refusals are results that the model can read and act on; for the others they are errors.
pub(crate) fn refusal(version: Version, id: &Id, purpose: &Purpose, refusal: &Refusal) -> Reply {
    match (purpose, refusal) {
        (_, Refusal::BadState(_)) => error(id, WireError::invalid_params(refusal.to_string())),
        (_, Refusal::Internal(_)) => error(id, WireError::internal(refusal.to_string())),
        (Purpose::Tool, Refusal::NotFound { .. }) => {
            error(id, WireError::invalid_params(refusal.to_string()))
        }
        (Purpose::Tool, _) => tool(version, id, &ToolResult::error(&refusal.to_string())),
        (Purpose::Resource(uri), Refusal::NotFound { .. } | Refusal::Tool(ToolError::NotFound(_))) => {
            error(id, WireError::resource_not_found(uri, version))
        }
        (_, Refusal::NotFound { .. } | Refusal::InvalidArguments { .. }) => {
            error(id, WireError::invalid_params(refusal.to_string()))
        }
        (_, Refusal::Tool(ToolError::Invalid(_) | ToolError::NotFound(_))) => {
            error(id, WireError::invalid_params(refusal.to_string()))
        }
        _ => error(id, WireError::internal(refusal.to_string())),
    }
}

fn error(id: &Id, error: WireError) -> Reply {
    Reply::error(Some(id), &error)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use drawbridge_contract::RawValue;
    use serde_json::Value;

    use super::*;

    fn reply(version: Version, purpose: &Purpose, why: &Refusal) -> Value {
        let id = Id::read(&RawValue::from_string("1".to_owned()).unwrap()).unwrap();
        serde_json::from_slice(&refusal(version, &id, purpose, why).message).unwrap()
    }

    fn code(version: Version, purpose: &Purpose, why: &Refusal) -> Value {
        reply(version, purpose, why)["error"]["code"].clone()
    }

    const MODERN: Version = Version::V2026_07_28;
    const LEGACY: Version = Version::V2025_11_25;

    #[test]
    fn what_the_model_can_act_on_is_a_result_for_tools_and_an_error_elsewhere() {
        let (tool, limit): (Box<str>, _) = ("t".into(), Duration::from_secs(1));
        let refusals = [
            Refusal::InvalidArguments { tool: tool.clone(), why: "x".to_owned() },
            Refusal::Denied("x".to_owned()),
            Refusal::NeedsApproval("x".to_owned()),
            Refusal::RateLimited { per_minute: 1, retry_after: limit },
            Refusal::TimedOut { tool: tool.clone(), limit },
            Refusal::TooLarge { tool, size_bytes: 2, bytes_max: 1 },
            Refusal::Raised,
            Refusal::TooDeep(8),
            Refusal::AuditUnavailable("x".to_owned()),
            Refusal::Tool(ToolError::Refused("x".to_owned())),
        ];
        for why in refusals {
            let result = reply(MODERN, &Purpose::Tool, &why);
            assert_eq!(result["result"]["isError"], true, "{why}");
            assert_eq!(result["result"]["content"][0]["text"], why.to_string());
            for purpose in [Purpose::Prompt, Purpose::Resource("u".into())] {
                let code = code(MODERN, &purpose, &why);
                assert!(code == -32602 || code == -32603, "{why}: {code}");
            }
        }
    }

    #[test]
    fn what_is_not_there_is_said_as_each_revision_says_it() {
        let missing = Refusal::NotFound { kind: "tool", name: "x".into() };
        assert_eq!(code(MODERN, &Purpose::Tool, &missing), -32602);
        let resource = Purpose::Resource("note://x".into());
        for why in [missing, Refusal::Tool(ToolError::NotFound("x".to_owned()))] {
            assert_eq!(code(MODERN, &resource, &why), -32602);
            assert_eq!(code(LEGACY, &resource, &why), -32002);
            assert_eq!(reply(LEGACY, &resource, &why)["error"]["data"]["uri"], "note://x");
        }
    }

    #[test]
    fn b8_a_state_that_is_not_ours_is_an_error_for_all() {
        for purpose in [Purpose::Tool, Purpose::Prompt, Purpose::Resource("u".into())] {
            assert_eq!(code(MODERN, &purpose, &Refusal::BadState("it was altered")), -32602);
            assert_eq!(code(MODERN, &purpose, &Refusal::Internal("x".into())), -32603);
        }
    }
}

//! `mcp.licence.check`: what the caller's tier allows, and what is left of it.

use chrono::{DateTime, SecondsFormat};
use drawbridge_contract::{BoxFuture, Caller, Licence, LlmLimits, Standing, Tier};
use serde_json::{Map, Value, json};

use crate::door::Door;
use crate::error::{NO_BASE, OldError};

/// What has no bound.
const UNLIMITED: &str = "unlimited";
/// The tier of the owner.
const OWNER: &str = "OWNER";
/// The tier of another whom none bounds: a key that names none, where no licence gives one.
const NO_TIER: &str = "UNLIMITED";
/// What is not known, or not counted.
const NOT_COUNTED: &str = "N/A";

/// `{tier, key_id, user_identifier, is_valid, expires_at, effective_permissions, quotas, note}`
pub(crate) fn check(door: &Door, _: Map<String, Value>) -> BoxFuture<'_, Result<Value, OldError>> {
    Box::pin(async move {
        let standing = door.handler.standing(&door.caller);
        let mut shown = shown(&door.caller, &standing);
        if shown["quotas"]["max_llm_tokens_per_day"].as_u64().is_some_and(|tokens| tokens > 0)
            && let Ok(usage) = door.call(NO_BASE, "llm_usage", Map::new()).await
            && let Some(left) = usage.data["today"]["tokens_left"].as_u64()
        {
            shown["quotas"]["llm_tokens_today_remaining"] = left.into();
        }
        Ok(shown)
    })
}

fn shown(caller: &Caller, standing: &Standing) -> Value {
    let no_tier = if caller.is_owner() { OWNER } else { NO_TIER };
    let tier = standing.grade.as_ref().map(|grade| &*grade.tier);
    let licence = standing.licence.as_deref();
    let fault = standing.grade.as_ref().and_then(|grade| grade.fault.as_deref());
    let permissions = tier.map_or_else(|| json!(["*"]), |tier| json!(tier.allowed));
    json!({
        "tier": tier.map_or(no_tier, |tier| &tier.name),
        "key_id": licence.map_or(&*caller.id, |licence| &licence.key_id),
        "user_identifier": licence.map(|licence| &*licence.user).filter(|user| !user.is_empty()).unwrap_or(&caller.id),
        "is_valid": fault.is_none(),
        "expires_at": licence.and_then(expiry),
        "effective_permissions": permissions,
        "quotas": quotas(tier, standing.calls_left),
        "note": fault.unwrap_or("as of now; changes take effect at once"),
    })
}

fn expiry(licence: &Licence) -> Option<String> {
    let at = DateTime::from_timestamp_micros(licence.expires_us?)?;
    Some(at.to_rfc3339_opts(SecondsFormat::Secs, true))
}

fn quotas(tier: Option<&Tier>, calls_left: Option<u32>) -> Value {
    let limit = tier.and_then(|tier| tier.calls).map_or_else(
        || UNLIMITED.to_owned(),
        |limit| format!("{}/{}", limit.count, window(limit.window_seconds)),
    );
    // The owner's models have no bounds here; a tier that says nothing of models has none of them.
    let owners = LlmLimits { models: vec!["*".into()], ..LlmLimits::default() };
    let llm = tier.map_or(Some(&owners), |tier| tier.llm.as_ref());
    let most = |bound: Option<u64>| bound.map_or_else(|| json!(UNLIMITED), Value::from);
    let none = LlmLimits { tokens_per_request: Some(0), tokens_per_day: Some(0), ..LlmLimits::default() };
    let bounds = llm.unwrap_or(&none);
    let left = if bounds.tokens_per_day.is_none() { UNLIMITED } else { NOT_COUNTED };
    json!({
        "api_requests_limit": limit,
        "api_requests_remaining_in_window": calls_left.map_or_else(|| json!(NOT_COUNTED), Value::from),
        "llm_access": llm.is_some(),
        "allowed_llm_models": bounds.models,
        "max_llm_tokens_per_request": most(bounds.tokens_per_request),
        "max_llm_tokens_per_day": most(bounds.tokens_per_day),
        "llm_tokens_today_remaining": left,
    })
}

/// A window as the method always wrote it: `60min`; one that is no whole minutes in seconds.
fn window(seconds: u32) -> String {
    if seconds.is_multiple_of(60) { format!("{}min", seconds / 60) } else { format!("{seconds}s") }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use drawbridge_contract::{CallLimit, CallerKind, Grade};

    use super::*;

    fn key() -> Caller {
        Caller::new("key:a", CallerKind::Key)
    }

    #[test]
    fn the_owner_has_no_bounds() {
        let shown = shown(&Caller::new("owner", CallerKind::Owner), &Standing::default());
        assert_eq!((&shown["tier"], &shown["is_valid"]), (&json!("OWNER"), &json!(true)));
        assert_eq!(shown["quotas"]["api_requests_limit"], "unlimited");
        assert_eq!(shown["quotas"]["llm_access"], true);
    }

    #[test]
    fn a_key_without_a_tier_is_not_the_owner() {
        let shown = shown(&key(), &Standing::default());
        assert_eq!((&shown["tier"], &shown["key_id"]), (&json!("UNLIMITED"), &json!("key:a")));
        assert_eq!(shown["quotas"]["api_requests_limit"], "unlimited");
    }

    #[test]
    fn a_tier_is_told_as_it_stands() {
        let tier = Tier {
            name: "PRO".into(),
            allowed: vec!["mcp.fs.*".into()],
            hidden: Vec::new(),
            calls: Some(CallLimit { count: 1000, window_seconds: 3600 }),
            llm: None,
        };
        let grade = Grade { tier: Arc::new(tier), account: "key:a".into(), until_us: None, fault: None };
        let standing = Standing { grade: Some(grade), calls_left: Some(7), ..Standing::default() };
        let shown = shown(&key(), &standing);
        assert_eq!(shown["effective_permissions"], json!(["mcp.fs.*"]));
        assert_eq!(shown["quotas"]["api_requests_limit"], "1000/60min");
        assert_eq!(shown["quotas"]["api_requests_remaining_in_window"], 7);
        assert_eq!(
            (&shown["quotas"]["llm_access"], &shown["quotas"]["max_llm_tokens_per_day"]),
            (&json!(false), &json!(0))
        );
    }

    #[test]
    fn a_licence_at_fault_is_not_valid() {
        let fault: Option<Arc<str>> = Some("it expired on 2025-12-31".into());
        let grade = Grade { tier: Arc::new(Tier::nothing()), account: "key:a".into(), until_us: None, fault };
        let shown = shown(&key(), &Standing { grade: Some(grade), ..Standing::default() });
        assert_eq!((&shown["is_valid"], &shown["effective_permissions"]), (&json!(false), &json!([])));
        assert!(shown["note"].as_str().unwrap().contains("expired"));
    }
}

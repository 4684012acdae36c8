//! What differs between what holds and what would: shown before anything is written.

use std::collections::HashMap;

use drawbridge_gateway::{Decision, Effect};
use serde_json::{Value, json};

/// One decision for one caller and one tool, as it is shown.
pub(super) fn shown(effect: &Effect) -> Value {
    json!({"caller": effect.caller, "tool": effect.tool, "decision": effect.decision, "why": effect.why})
}

/// Every caller and tool of which something else is decided, in the order of `after`; then those that a caller would not
/// see any more. Where something is not seen, its decision is `null`.
pub(super) fn differences(before: &[Effect], after: &[Effect]) -> Vec<Value> {
    let (was, would_be) = (decisions(before), decisions(after));
    let other = after.iter().filter_map(|effect| {
        let was = was.get(&(&*effect.caller, &*effect.tool));
        let mut change = (was != Some(&effect.decision)).then(|| shown(effect))?;
        change["before"] = json!(was);
        Some(change)
    });
    let gone = before.iter().filter(|effect| !would_be.contains_key(&(&*effect.caller, &*effect.tool)));
    other.chain(gone.map(|effect| {
        json!({"caller": effect.caller, "tool": effect.tool, "decision": null, "why": "not seen", "before": effect.decision})
    }))
    .collect()
}

fn decisions(effects: &[Effect]) -> HashMap<(&str, &str), Decision> {
    effects.iter().map(|effect| ((&*effect.caller, &*effect.tool), effect.decision)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effect(tool: &str, decision: Decision) -> Effect {
        Effect { caller: "key:a".into(), tool: tool.into(), decision, why: "a rule".into() }
    }

    #[test]
    fn what_is_new_other_and_gone_is_told_and_the_rest_is_not() {
        let before = [
            effect("same", Decision::Allow),
            effect("other", Decision::Allow),
            effect("gone", Decision::Ask),
        ];
        let after = [
            effect("same", Decision::Allow),
            effect("other", Decision::Deny),
            effect("new", Decision::Allow),
        ];
        let told: Vec<(String, Value, Value)> = differences(&before, &after)
            .into_iter()
            .map(|one| {
                (one["tool"].as_str().unwrap().to_owned(), one["before"].clone(), one["decision"].clone())
            })
            .collect();
        let row = |tool: &str, before: Value, decision: Value| (tool.to_owned(), before, decision);
        assert_eq!(
            told,
            [
                row("other", json!("allow"), json!("deny")),
                row("new", Value::Null, json!("allow")),
                row("gone", json!("ask"), Value::Null)
            ]
        );
    }
}

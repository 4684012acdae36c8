//! Under which names limits are kept.

use std::sync::Arc;

use drawbridge_jobs::Scope;

use crate::names::{queue_in, queue_out};

/// What a limit is kept under.
pub(crate) fn member(scope: &Scope) -> String {
    let (kind, name) = match scope {
        Scope::Queue(name) => ("queue", name.as_deref().map(queue_in)),
        Scope::Tool(name) => ("tool", name.as_deref()),
        Scope::Caller(name) => ("caller", name.as_deref()),
    };
    format!("{kind} {}", name.unwrap_or("\0"))
}

pub(crate) fn scope(member: &str) -> Option<Scope> {
    let (kind, name) = member.split_once(' ')?;
    let name = (name != "\0").then(|| Arc::<str>::from(name));
    match kind {
        "queue" => Some(Scope::Queue(name.map(|name| queue_out(&name)))),
        "tool" => Some(Scope::Tool(name)),
        "caller" => Some(Scope::Caller(name)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_kept_under_names_that_come_back() {
        for one in [
            Scope::Queue(None),
            Scope::Queue(Some("default".into())),
            Scope::Tool(Some("mail send".into())),
            Scope::Caller(None),
        ] {
            assert_eq!(scope(&member(&one)), Some(one));
        }
        assert_eq!(scope("nonsense"), None);
    }
}

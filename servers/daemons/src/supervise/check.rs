//! Whether what the owner says of daemons makes sense: whether those that need each other can be started at all.

use std::collections::BTreeSet;

use super::ProcessSettings;
use crate::caps::is_service_name;

/// Why daemons cannot be started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProcessError {
    /// It cannot be called so.
    #[error("daemon.{0:?}: a daemon's name is a lower-case letter, then up to 31 of a-z 0-9 _ -")]
    Name(String),
    /// It has no program.
    #[error("daemon.{0}.command names no program")]
    Command(String),
    /// One needs another that the hub does not run.
    #[error("daemon.{name}.after names {missing}, and there is no daemon.{missing}")]
    Missing {
        /// Who needs it.
        name: String,
        /// What is needed.
        missing: String,
    },
    /// They need each other.
    #[error("each of these daemons waits for another of them: {0}; take one `after` out")]
    Circle(String),
}

/// Says what keeps daemons from ever being started.
pub(crate) fn check(processes: &[ProcessSettings]) -> Result<(), ProcessError> {
    let names: BTreeSet<&str> = processes.iter().map(|one| one.name.as_str()).collect();
    for one in processes {
        if !is_service_name(&one.name) {
            return Err(ProcessError::Name(one.name.clone()));
        }
        if one.command.first().is_none_or(String::is_empty) {
            return Err(ProcessError::Command(one.name.clone()));
        }
        if let Some(missing) = one.after.iter().find(|name| !names.contains(name.as_str())) {
            return Err(ProcessError::Missing { name: one.name.clone(), missing: missing.clone() });
        }
    }
    let mut started = BTreeSet::new();
    while started.len() < names.len() {
        let can = |one: &&ProcessSettings| {
            !started.contains(one.name.as_str())
                && one.after.iter().all(|name| started.contains(name.as_str()))
        };
        let Some(next) = processes.iter().find(can) else {
            let left: Vec<&str> = names.difference(&started).copied().collect();
            return Err(ProcessError::Circle(left.join(", ")));
        };
        started.insert(next.name.as_str());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn processes(list: &[(&str, &[&str])]) -> Vec<ProcessSettings> {
        let one = |(name, after): &(&str, &[&str])| ProcessSettings {
            after: after.iter().map(ToString::to_string).collect(),
            ..ProcessSettings::new(*name, vec!["true".to_owned()])
        };
        list.iter().map(one).collect()
    }

    #[test]
    fn what_can_be_started_is() {
        assert_eq!(check(&processes(&[])), Ok(()));
        assert_eq!(check(&processes(&[("c", &["a", "b"]), ("b", &["a"]), ("a", &[])])), Ok(()));
    }

    #[test]
    fn circles_and_strangers_are_named() {
        let circle = check(&processes(&[("a", &["b"]), ("b", &["a"]), ("c", &[])])).unwrap_err();
        assert_eq!(circle, ProcessError::Circle("a, b".into()));
        assert!(check(&processes(&[("a", &["a"])])).is_err());
        assert_eq!(check(&processes(&[("../a", &[])])), Err(ProcessError::Name("../a".into())));
        let nothing = ProcessSettings::new("a", Vec::new());
        assert_eq!(check(&[nothing]), Err(ProcessError::Command("a".into())));
        assert!(check(&processes(&[("a", &["x"])])).unwrap_err().to_string().contains("no daemon.x"));
    }
}

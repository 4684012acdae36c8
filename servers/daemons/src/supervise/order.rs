//! Whether daemons that need each other can be started at all.

use std::collections::BTreeSet;

use super::ProcessSettings;

/// Why daemons cannot be started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
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
pub(crate) fn check(processes: &[ProcessSettings]) -> Result<(), OrderError> {
    let names: BTreeSet<&str> = processes.iter().map(|one| one.name.as_str()).collect();
    for one in processes {
        if let Some(missing) = one.after.iter().find(|name| !names.contains(name.as_str())) {
            return Err(OrderError::Missing { name: one.name.clone(), missing: missing.clone() });
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
            return Err(OrderError::Circle(left.join(", ")));
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
        assert_eq!(circle, OrderError::Circle("a, b".into()));
        assert!(check(&processes(&[("a", &["a"])])).is_err());
        assert!(check(&processes(&[("a", &["x"])])).unwrap_err().to_string().contains("no daemon.x"));
    }
}

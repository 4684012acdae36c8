//! The fields of `[jobs]`.

use std::collections::BTreeMap;

use drawbridge_jobs::{Limit, LimitRow, Rate, Scope};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Jobs {
    /// What keeps the jobs.
    pub(crate) engine: Engine,
    /// Where Redis is, for BullMQ. Its password comes from the environment: `DRAWBRIDGE_REDIS_PASSWORD`.
    pub(crate) redis: String,
    /// As whom jobs may run that other programs add there, by the callers' ids.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) foreign_callers: Vec<String>,
    pub(crate) durability: Durability,
    /// How many jobs the hub runs at once; absent goes by the machine's cores, 0 leaves them to other workers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) concurrency: Option<usize>,
    /// How many jobs that have not ended one caller may have.
    pub(crate) open_per_caller_max: u64,
    /// How long one attempt may take whose caller does not say.
    pub(crate) attempt_minutes: u64,
    /// How long jobs are remembered that completed or were cancelled.
    pub(crate) keep_days: u64,
    /// How long jobs are remembered that failed or are dead.
    pub(crate) keep_failed_days: u64,
    /// What single queues may do at once; `*` stands for each that is not named.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) queue: BTreeMap<String, Bound>,
    /// The same for tools.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) tool: BTreeMap<String, Bound>,
    /// The same for callers.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) caller: BTreeMap<String, Bound>,
}

/// What may run at once, and what may start within a time. What is not said is not limited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Bound {
    /// How many jobs run at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) running_max: Option<u32>,
    /// How many start within `per_seconds`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) starts_max: Option<u32>,
    /// Within how many seconds; a minute if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) per_seconds: Option<u32>,
}

/// Each one that is not named.
const EACH: &str = "*";
/// The window of a rate that names none.
const PER_SECONDS: u32 = 60;

impl Bound {
    fn limit(self) -> Limit {
        let window_ms = self.per_seconds.unwrap_or(PER_SECONDS).saturating_mul(1_000);
        let rate = self.starts_max.map(|starts_max| Rate { starts_max, window_ms });
        Limit { running_max: self.running_max, rate }
    }

    /// What makes no sense in it.
    fn problem(self, name: &str) -> Option<String> {
        if self.per_seconds.is_some() && self.starts_max.is_none() {
            return Some("per_seconds says nothing without starts_max".to_owned());
        }
        if name != EACH && name.contains('*') {
            return Some(
                "names one, or is \"*\" for each that is not named; patterns are not possible here"
                    .to_owned(),
            );
        }
        self.limit().check().err().map(|error| error.to_string())
    }
}

impl Jobs {
    /// Every limit, for the engine.
    pub(crate) fn limits(&self) -> Vec<LimitRow> {
        let rows = self.bounds().map(|(kind, name, bound)| {
            let name = (name != EACH).then(|| name.into());
            let scope = match kind {
                "queue" => Scope::Queue(name),
                "tool" => Scope::Tool(name),
                _ => Scope::Caller(name),
            };
            LimitRow { scope, limit: bound.limit() }
        });
        rows.filter(|row| row.limit != Limit::default()).collect()
    }

    /// What makes no sense in the limits and lists: the field, and why.
    pub(crate) fn problems(&self) -> Vec<(String, String)> {
        let limits = self
            .bounds()
            .filter_map(|(kind, name, bound)| Some((format!("jobs.{kind}.{name}"), bound.problem(name)?)));
        limits.chain(self.foreign_problems()).collect()
    }

    /// A caller who could be nobody: each must be named as a whole.
    fn foreign_problems(&self) -> impl Iterator<Item = (String, String)> {
        let is_none = |caller: &str| caller.trim() != caller || caller.is_empty() || caller.contains('*');
        let bad = self.foreign_callers.iter().enumerate().filter(move |(_, caller)| is_none(caller));
        bad.map(|(index, _)| {
            let why = "is no caller's id, such as owner, or key:NAME for the key of that name; patterns are not possible here";
            (format!("jobs.foreign_callers[{index}]"), why.to_owned())
        })
    }

    fn bounds(&self) -> impl Iterator<Item = (&'static str, &str, Bound)> {
        let all = [("queue", &self.queue), ("tool", &self.tool), ("caller", &self.caller)];
        all.into_iter()
            .flat_map(|(kind, bounds)| bounds.iter().map(move |(name, bound)| (kind, name.as_str(), *bound)))
    }
}

impl Default for Jobs {
    fn default() -> Self {
        Self {
            engine: Engine::Embedded,
            redis: "redis://127.0.0.1:6379".into(),
            foreign_callers: Vec::new(),
            durability: Durability::Full,
            concurrency: None,
            open_per_caller_max: 10_000,
            attempt_minutes: 60,
            keep_days: 7,
            keep_failed_days: 30,
            queue: BTreeMap::new(),
            tool: BTreeMap::new(),
            caller: BTreeMap::new(),
        }
    }
}

/// What keeps the jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Engine {
    /// A file of the state folder.
    Embedded,
    /// Redis, in the layout of BullMQ.
    Bullmq,
}

impl Engine {
    /// As it is written.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Bullmq => "bullmq",
        }
    }
}

/// What an acknowledged job survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Durability {
    /// A power cut.
    Full,
    /// The end of the hub.
    Normal,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jobs(text: &str) -> Jobs {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn limits_are_for_one_or_for_each() {
        let jobs = jobs(
            "[queue.night]\nrunning_max = 1\n[tool.\"*\"]\nstarts_max = 5\n[caller.agent]\nstarts_max = 2\nper_seconds = 1\n",
        );
        let rate =
            |starts_max, window_ms| Limit { running_max: None, rate: Some(Rate { starts_max, window_ms }) };
        assert_eq!(
            jobs.limits(),
            [
                LimitRow {
                    scope: Scope::Queue(Some("night".into())),
                    limit: Limit { running_max: Some(1), rate: None }
                },
                LimitRow { scope: Scope::Tool(None), limit: rate(5, 60_000) },
                LimitRow { scope: Scope::Caller(Some("agent".into())), limit: rate(2, 1_000) },
            ]
        );
        assert_eq!(jobs.problems(), []);
        assert_eq!(Jobs::default().limits(), []);
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for bad in [
            "[queue.x]\nrunning_max = 0\n",
            "[queue.x]\nper_seconds = 5\n",
            "[tool.\"mail_*\"]\nrunning_max = 1\n",
            "[caller.x]\nstarts_max = 0\n",
            "[caller.x]\nstarts_max = 1\nper_seconds = 86401\n",
            "foreign_callers = [\"\"]\n",
            "foreign_callers = [\"key:a\", \"key:*\"]\n",
            "foreign_callers = [\" owner\"]\n",
        ] {
            assert_eq!(jobs(bad).problems().len(), 1, "{bad}");
        }
        assert_eq!(jobs("[caller.x]\nstarts_max = 1\nper_seconds = 86400\n").problems(), []);
    }
}

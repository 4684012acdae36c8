//! What the engine has to know.

use std::fmt;
use std::time::Duration;

use drawbridge_jobs::{EngineError, Policies};

use crate::seal::Sealing;

/// How many jobs that ended are remembered, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// How many, the newest.
    pub count: u32,
    /// For how long; what is older than a day of its time is gone sooner or later, not at once.
    pub age: Duration,
}

/// Where Redis is, and how jobs are treated. `Debug` shows no password.
#[derive(Clone)]
pub struct Settings {
    /// Its address: `redis://host:6379/0`, or `rediss://` with TLS.
    pub redis: String,
    /// Its password, if that is not in the address.
    pub password: Option<String>,
    /// What all keys begin with; BullMQ's own is `bull`.
    pub prefix: String,
    /// Jobs that completed.
    pub keep_completed: Kept,
    /// Jobs that failed, are dead or were cancelled.
    pub keep_failed: Kept,
    /// How the jobs of each tool are treated when they fail.
    pub policies: Policies,
    /// By what we know our own jobs; the same for a hub and its workers.
    pub sealing: Sealing,
    /// As whom jobs without our seal may run, by the callers' ids: those that other programs add. None, unless somebody says so.
    pub foreign_callers: Vec<String>,
}

impl Settings {
    /// The usual settings, which are the old system's: the newest 1,000 that completed, for a day; 5,000 that failed, for
    /// a week.
    pub fn new(redis: &str, sealing: Sealing) -> Self {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        Self {
            redis: redis.into(),
            password: None,
            prefix: "bull".into(),
            keep_completed: Kept { count: 1_000, age: DAY },
            keep_failed: Kept { count: 5_000, age: 7 * DAY },
            policies: Policies::default(),
            sealing,
            foreign_callers: Vec::new(),
        }
    }

    /// The address with the password in it.
    pub(crate) fn url(&self) -> Result<String, EngineError> {
        let refusal =
            |problem: &str| EngineError::Invalid { what: "the address of Redis", problem: problem.into() };
        let (scheme, rest) =
            self.redis.split_once("://").ok_or_else(|| refusal("must begin with redis:// or rediss://"))?;
        if !matches!(scheme, "redis" | "rediss") {
            return Err(refusal("must begin with redis:// or rediss://"));
        }
        let Some(password) = &self.password else { return Ok(self.redis.clone()) };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (user.split(':').next().unwrap_or_default(), host),
            None => ("", authority),
        };
        Ok(format!("{scheme}://{user}:{}@{host}{path}", encoded(password)))
    }
}

fn encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut url, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => url.push(byte.into()),
            _ => url.push_str(&format!("%{byte:02X}")),
        }
        url
    })
}

impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.redis.rsplit_once('@').map_or(&*self.redis, |(_, place)| place);
        formatter
            .debug_struct("Settings")
            .field("redis", &place)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(redis: &str) -> Settings {
        Settings::new(redis, Sealing::new(&[7; 32]))
    }

    fn url(redis: &str, password: Option<&str>) -> Result<String, EngineError> {
        Settings { password: password.map(Into::into), ..new(redis) }.url()
    }

    #[test]
    fn the_password_is_put_into_the_address() {
        assert_eq!(url("redis://host:6379/2", None).unwrap(), "redis://host:6379/2");
        assert_eq!(url("redis://host:6379/2", Some("a/b@c")).unwrap(), "redis://:a%2Fb%40c@host:6379/2");
        assert_eq!(url("rediss://me:old@host", Some("new")).unwrap(), "rediss://me:new@host");
    }

    #[test]
    fn other_addresses_are_refused_without_showing_them() {
        for address in ["localhost:6379", "http://secret@host", ""] {
            let said = url(address, Some("hush")).unwrap_err().to_string();
            assert!(
                said.contains("redis://") && !said.contains("secret") && !said.contains("hush"),
                "{said}"
            );
        }
    }

    #[test]
    fn no_password_is_shown() {
        let settings = Settings { password: Some("hush".into()), ..new("redis://me:hush@host") };
        let shown = format!("{settings:?}");
        assert!(shown.contains("host") && !shown.contains("hush"), "{shown}");
    }
}

//! The environment's layer.

use super::check::Problem;
use super::file::{Config, Listen, LogFormat};
use super::jobs::Engine;

/// Moves the whole state.
pub(crate) const HOME: &str = "DRAWBRIDGE_HOME";
/// The owner's key, for containers and tests.
pub(crate) const OWNER_KEY: &str = "DRAWBRIDGE_OWNER_KEY";
/// The password of the Redis that keeps the jobs.
pub(crate) const REDIS_PASSWORD: &str = "DRAWBRIDGE_REDIS_PASSWORD";
const JOBS_ENGINE: &str = "DRAWBRIDGE_JOBS_ENGINE";
const REDIS: &str = "DRAWBRIDGE_REDIS";
const LISTEN: &str = "DRAWBRIDGE_LISTEN";
const LOG: &str = "DRAWBRIDGE_LOG";
const LOG_FORMAT: &str = "DRAWBRIDGE_LOG_FORMAT";

/// Puts what the environment says over the configuration.
pub(super) fn apply(config: &mut Config, get: impl Fn(&str) -> Option<String>) -> Result<(), Problem> {
    if let Some(text) = get(LISTEN) {
        config.listen = listen(&text).map_err(|why| Problem { field: LISTEN.to_owned(), why })?;
    }
    if let Some(level) = get(LOG) {
        config.log.level = level;
    }
    if let Some(address) = get(REDIS) {
        config.jobs.redis = address;
    }
    if let Some(word) = get(JOBS_ENGINE) {
        config.jobs.engine = engine(&word).map_err(|why| Problem { field: JOBS_ENGINE.to_owned(), why })?;
    }
    match get(LOG_FORMAT).as_deref() {
        None => {}
        Some("text") => config.log.format = LogFormat::Text,
        Some("json") => config.log.format = LogFormat::Json,
        Some(other) => {
            let why = format!("{other:?} is neither `text` nor `json`");
            return Err(Problem { field: LOG_FORMAT.to_owned(), why });
        }
    }
    Ok(())
}

fn engine(word: &str) -> Result<Engine, String> {
    let found = [Engine::Embedded, Engine::Bullmq].into_iter().find(|engine| engine.word() == word);
    found.ok_or_else(|| format!("{word:?} is neither `embedded` nor `bullmq`"))
}

/// One address, or several with commas.
fn listen(text: &str) -> Result<Listen, String> {
    let parse = |part: &str| {
        part.trim().parse().map_err(|_| format!("{part:?} is not an address such as 127.0.0.1:4747"))
    };
    text.split(',').map(parse).collect::<Result<Vec<_>, _>>().map(Listen::Several)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, value: &str) -> Result<Config, Problem> {
        let mut config = Config::default();
        apply(&mut config, |asked| (asked == name).then(|| value.to_owned())).map(|()| config)
    }

    #[test]
    fn the_environment_goes_over_the_file() {
        assert_eq!(with(LISTEN, "127.0.0.1:1, [::1]:2").unwrap().listen.addresses().len(), 2);
        assert_eq!(with(LOG_FORMAT, "json").unwrap().log.format, LogFormat::Json);
        assert_eq!(with(LOG, "debug").unwrap().log.level, "debug");
        assert_eq!(with(JOBS_ENGINE, "bullmq").unwrap().jobs.engine, Engine::Bullmq);
        assert_eq!(with(REDIS, "redis://host").unwrap().jobs.redis, "redis://host");
    }

    #[test]
    fn a_bad_value_names_its_variable() {
        assert_eq!(with(LISTEN, "4747").unwrap_err().field, LISTEN);
        assert_eq!(with(LOG_FORMAT, "xml").unwrap_err().field, LOG_FORMAT);
        assert_eq!(with(JOBS_ENGINE, "redis").unwrap_err().field, JOBS_ENGINE);
    }
}

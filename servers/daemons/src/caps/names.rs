//! The names of tools, from those of daemons and methods.

use sha2::{Digest, Sha256};

/// The longest name of a tool: model APIs take no longer ones.
const TOOL_BYTES_MAX: usize = 64;
/// The longest name of a daemon: half of that, so that the method's part says something, too.
const SERVICE_BYTES_MAX: usize = 32;

/// Whether a daemon may be called so: lower case, because rules and scopes tell letters apart and people do not.
pub(crate) fn is_service_name(name: &str) -> bool {
    (1..=SERVICE_BYTES_MAX).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte))
}

/// The name of a method's tool: `mcp.weather.today` of the daemon `weather` is `weather_today`. What `is_taken`, and what
/// is too long, ends in a number made of the method's name, so that it is the same every time.
pub(crate) fn tool_name(service: &str, method: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let rest = method.strip_prefix("mcp.").unwrap_or(method);
    let own = |rest: &str| Some(rest.strip_prefix(service)?.strip_prefix(['.', '/'])?.to_owned());
    let rest = own(rest).unwrap_or_else(|| rest.to_owned());
    let valid = |byte: char| if byte.is_ascii_alphanumeric() || byte == '-' { byte } else { '_' };
    let name = format!("{service}_{}", rest.chars().map(valid).collect::<String>());
    if name.len() <= TOOL_BYTES_MAX && !is_taken(&name) {
        return name;
    }
    let digest = Sha256::digest(method.as_bytes());
    let number: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let room = TOOL_BYTES_MAX - number.len() - 1;
    format!("{}_{number}", &name[..name.len().min(room)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_called_after_its_daemon_and_method() {
        for (method, expected) in [
            ("mcp.weather.today", "weather_today"),
            ("weather.today", "weather_today"),
            ("today", "weather_today"),
            ("mcp.agent.run", "weather_agent_run"),
            ("mcp.weather.a/b.c", "weather_a_b_c"),
            ("mcp.weathers.x", "weather_weathers_x"),
        ] {
            assert_eq!(tool_name("weather", method, |_| false), expected, "{method}");
        }
    }

    #[test]
    fn names_are_valid_and_unique_at_the_longest() {
        let fits = "m".repeat(TOOL_BYTES_MAX - 2);
        assert_eq!(tool_name("a", &fits, |_| false).len(), TOOL_BYTES_MAX);
        let long = tool_name("a", &format!("{fits}m"), |_| false);
        assert_eq!(long.len(), TOOL_BYTES_MAX);
        assert_ne!(long, tool_name("a", &format!("{fits}n"), |_| false));
        let taken = tool_name("a", "b.c", |name| name == "a_b_c");
        assert!(taken.starts_with("a_b_c_") && taken.len() <= TOOL_BYTES_MAX, "{taken}");
    }

    #[test]
    fn names_of_daemons_are_lower_case_words() {
        for good in ["a", "weather", "llm_router", "x-1", &"a".repeat(SERVICE_BYTES_MAX)] {
            assert!(is_service_name(good), "{good}");
        }
        for bad in ["", "A", "1a", "_a", "a.b", "a b", "é", "a/b", &"a".repeat(SERVICE_BYTES_MAX + 1)] {
            assert!(!is_service_name(bad), "{bad}");
        }
    }
}

//! What each field of the configuration is for, in a sentence: for `drawbridge config explain` and the full-screen menu.

use serde_json::Value;

use super::{CONFIG_FILE, Config, ConfigError, HOME, OWNER_KEY, Problem, REDIS_PASSWORD};

/// A field of the file: its name, its variable in the environment, and what it is for.
type Explained = (&'static str, Option<&'static str>, &'static str);

const FIELDS: &[Explained] = &[
    (
        "listen",
        Some("DRAWBRIDGE_LISTEN"),
        "Where the hub listens: one address, or several. Beyond 127.0.0.1 everyone who reaches it and has a key may call.",
    ),
    (
        "allowed_hosts",
        None,
        "Names beyond localhost under which this machine may be addressed; anything else is refused.",
    ),
    ("audit_days", None, "How many days the audit is kept; 0 keeps all of it."),
    (
        "limits.calls_per_minute",
        None,
        "Calls a minute for keys that name no rate of their own. The owner has no limit.",
    ),
    (
        "log.level",
        Some("DRAWBRIDGE_LOG"),
        "How much is logged: error, warn, info, debug, trace, or a filter such as info,drawbridge_mcp=debug.",
    ),
    ("log.format", Some("DRAWBRIDGE_LOG_FORMAT"), "How it is written: text or json."),
    ("log.days", None, "How many days of the log are kept, one file each."),
    (
        "rules",
        None,
        "Allow, ask or deny, by tool and caller; the first rule that fits decides (docs/control.md).",
    ),
    (
        "files.roots",
        None,
        "The folders that callers may use: each with name, path, and access read_write or read_only.",
    ),
    (
        "files.also_secret",
        None,
        "Names of files that are neither read nor written, besides the built-in ones.",
    ),
    (
        "files.also_protected",
        None,
        "Names of files that are read but not written, besides the built-in ones.",
    ),
    ("terminal.shell", None, "The shell of terminals; your own, if nothing is said."),
    ("terminal.run_shell", None, "The shell that reads single commands; bash, or sh."),
    ("terminal.folder", None, "Where commands work that name no folder."),
    ("terminal.confinement", None, "Whether the kernel confines commands: required, preferred or off."),
    (
        "terminal.read",
        None,
        "What confined commands read besides the system's programs and the roots of files.",
    ),
    ("terminal.write", None, "What they change besides the roots of files."),
    ("terminal.also_denied", None, "What they do not reach even there."),
    ("terminal.network", None, "Whether they reach the network: none or all."),
    ("terminal.unix_sockets", None, "Whether they use sockets of services on this machine."),
    ("terminal.environment", None, "Variables that commands inherit besides the usual ones."),
    ("terminal.sessions_max", None, "How many terminals there are at a time."),
    ("terminal.sessions_per_caller_max", None, "How many of them one caller has."),
    ("terminal.idle_minutes", None, "How long a terminal lives that nobody uses."),
    (
        "llm.discover",
        None,
        "Whether LM Studio, Ollama and llama.cpp are used where they run on their usual ports.",
    ),
    ("llm.default_model", None, "The model of requests that name none; whatever runs, if nothing is said."),
    ("llm.first_byte_seconds", None, "How long an answer may take to begin."),
    ("llm.idle_seconds", None, "How long it may be silent in between."),
    ("llm.models", None, "Names of your own for models (docs/llm.md)."),
    ("llm.provider", None, "Who has models, by name: kind, address, key (docs/llm.md)."),
    ("llm.price", None, "What a million tokens cost, by provider/model."),
    ("llm.quota", None, "How much callers may use of models."),
    ("llm.cache.bytes_max", None, "How much memory answers take that are kept, in bytes; 0 keeps none."),
    ("llm.cache.age_seconds", None, "How long an answer is kept."),
    (
        "daemons.folders",
        None,
        "Where daemons describe themselves, besides the runtime folder (docs/daemons.md).",
    ),
    (
        "daemon",
        None,
        "The daemons that the hub runs, by name: command, confinement and so on (docs/daemons.md).",
    ),
    (
        "jobs.engine",
        Some("DRAWBRIDGE_JOBS_ENGINE"),
        "What keeps the jobs: embedded, a file of the state folder; or bullmq, Redis.",
    ),
    ("jobs.redis", Some("DRAWBRIDGE_REDIS"), "Where that Redis is."),
    (
        "jobs.foreign_callers",
        None,
        "As whom jobs may run that other programs add there, by the callers' ids; none if nothing is said.",
    ),
    (
        "jobs.durability",
        None,
        "What an acknowledged job survives: full, a power cut; normal, the end of the hub.",
    ),
    (
        "jobs.concurrency",
        None,
        "How many jobs run at once; by the machine's cores if nothing is said, 0 for none.",
    ),
    ("jobs.open_per_caller_max", None, "How many jobs that have not ended one caller may have."),
    ("jobs.attempt_minutes", None, "How long one attempt may take, for jobs that do not say."),
    ("jobs.keep_days", None, "How long jobs are remembered that completed or were cancelled."),
    ("jobs.keep_failed_days", None, "How long jobs are remembered that failed or are dead."),
    ("jobs.queue", None, "By a queue's name, or * for each: running_max, and starts_max within per_seconds."),
    ("jobs.tool", None, "The same by a tool's name."),
    ("jobs.caller", None, "The same by a caller's id."),
    (
        "licence.file",
        None,
        "The licence that says which tier keys are in that name none; lic.key in the state folder, if it is there.",
    ),
    (
        "licence.tiers",
        None,
        "The tiers: tiers.toml in the state folder, or licence_tiers.yaml, if nothing is said (docs/tiers.md).",
    ),
    ("licence.signer", None, "Whose signature a licence must carry; unsigned ones count if nothing is said."),
    (
        "llm.cache",
        None,
        "Answers that are kept for questions that are asked again: bytes_max, age_seconds (docs/llm.md).",
    ),
    (
        "webhooks.allow",
        None,
        "Hosts that may be told although they are private, and to which callbacks may go.",
    ),
    ("webhooks.callbacks_anywhere", None, "Whether callbacks may go to every public host."),
];

/// What only the environment says: its variable, whether its value is secret, and what it is for.
const VARIABLES: &[(&str, bool, &str)] = &[
    (HOME, false, "Moves the whole state folder."),
    (
        OWNER_KEY,
        true,
        "Sets the owner key instead of making one, for containers and tests: 32 random characters or more.",
    ),
    (REDIS_PASSWORD, true, "The password of the Redis that keeps the jobs; it has no place in the file."),
];

/// A field or a variable, as it is now.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Setting {
    /// The field, or the variable's name.
    pub(crate) name: String,
    /// What is in force; empty where nothing is said.
    pub(crate) value: String,
    /// The variable that goes over the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) variable: Option<&'static str>,
    /// What it is for.
    pub(crate) says: String,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) problem: Option<String>,
}

/// Every field and variable, with what is in force and what is wrong. What is wrong alone where nothing is in force.
pub(crate) fn settings(
    loaded: &Result<Config, ConfigError>,
    get: impl Fn(&str) -> Option<String>,
) -> Vec<Setting> {
    let (shown, problems) = match loaded {
        Ok(config) => (serde_json::to_value(config).unwrap_or_default(), Vec::new()),
        Err(ConfigError::Wrong { problems }) => (Value::Null, problems.clone()),
        Err(error) => {
            let problem = Problem { field: CONFIG_FILE.to_owned(), why: error.to_string() };
            (Value::Null, vec![problem])
        }
    };
    let mut settings: Vec<Setting> = problems.iter().map(wrong).collect();
    settings.extend(FIELDS.iter().map(|field| explained(field, &shown)));
    settings.extend(unexplained(&shown));
    settings.extend(VARIABLES.iter().map(|&(name, is_secret, says)| Setting {
        name: name.to_owned(),
        value: get(name).map_or_else(String::new, |value| if is_secret { "***".to_owned() } else { value }),
        variable: None,
        says: says.to_owned(),
        problem: None,
    }));
    settings
}

fn wrong(problem: &Problem) -> Setting {
    let field = if problem.field.is_empty() { CONFIG_FILE } else { &problem.field };
    // `files.roots[0].path` is explained where `files.roots` is.
    let found = FIELDS.iter().find(|(name, variable, _)| field.starts_with(name) || *variable == Some(field));
    Setting {
        name: field.to_owned(),
        value: String::new(),
        variable: found.and_then(|(_, variable, _)| *variable),
        says: found.map_or_else(String::new, |(_, _, says)| (*says).to_owned()),
        problem: Some(problem.why.clone()),
    }
}

fn explained(&(name, variable, says): &Explained, shown: &Value) -> Setting {
    let value = name.split('.').fold(shown, |value, part| &value[part]);
    Setting { name: name.to_owned(), value: text(value), variable, says: says.to_owned(), problem: None }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Fields in force that have no sentence of their own: those of parts that are described elsewhere.
fn unexplained(shown: &Value) -> Vec<Setting> {
    let mut leaves = Vec::new();
    collect(shown, String::new(), &mut leaves);
    let is_told =
        |name: &String| FIELDS.iter().any(|(told, ..)| name == told || name.starts_with(&format!("{told}.")));
    let rest = leaves.into_iter().filter(|(name, _)| !is_told(name));
    let says = "docs/configuration.md tells of it.".to_owned();
    rest.map(|(name, value)| Setting { name, value, variable: None, says: says.clone(), problem: None })
        .collect()
}

fn collect(value: &Value, name: String, leaves: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) => {
            for (member, value) in members {
                let name = if name.is_empty() { member.clone() } else { format!("{name}.{member}") };
                collect(value, name, leaves);
            }
        }
        Value::Null => {}
        other => leaves.push((name, text(other))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::parse;
    use super::*;

    fn of(text: &str) -> Vec<Setting> {
        let loaded = parse(text).map_err(|problems| ConfigError::Wrong { problems });
        settings(&loaded, |name| (name == OWNER_KEY).then(|| "very secret".to_owned()))
    }

    fn one<'a>(settings: &'a [Setting], name: &str) -> &'a Setting {
        settings.iter().find(|setting| setting.name == name).unwrap_or_else(|| panic!("no {name}"))
    }

    #[test]
    fn fields_are_shown_with_what_is_in_force_and_secrets_are_not() {
        let settings = of("audit_days = 30\n[jobs]\nconcurrency = 3\n");
        assert_eq!(one(&settings, "audit_days").value, "30");
        assert_eq!(one(&settings, "jobs.concurrency").value, "3");
        assert_eq!(one(&settings, "listen").variable, Some("DRAWBRIDGE_LISTEN"));
        assert_eq!(one(&settings, OWNER_KEY).value, "***");
        assert!(settings.iter().all(|setting| !setting.says.is_empty() && setting.problem.is_none()));
    }

    #[test]
    fn what_is_wrong_comes_first_with_its_explanation() {
        let settings = of("[log]\nformat = \"xml\"\n[[files.roots]]\npath = 3\n");
        assert_eq!(settings[0].problem.as_deref().map(str::is_empty), Some(false));
        let roots = settings
            .iter()
            .find(|setting| setting.name.starts_with("files.roots") && setting.problem.is_some());
        assert!(roots.unwrap().says.contains("folders"), "{roots:?}");
        assert!(one(&settings, "log.format").says.contains("json"));
    }

    #[test]
    fn no_field_is_explained_that_there_is_not() {
        for (name, ..) in FIELDS {
            let text = match name.rsplit_once('.') {
                Some((part, field)) => format!("[{part}]\n{field} = true\n"),
                None => format!("{name} = true\n"),
            };
            // Yes may be the wrong value, but not for a field that there is not.
            let problems = parse(&text).err().unwrap_or_default();
            let unknown = problems.iter().any(|problem| problem.why.contains("no such field"));
            assert!(!unknown, "there is no field {name}");
        }
    }
}

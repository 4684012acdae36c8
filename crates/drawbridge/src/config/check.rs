//! Finding everything that is wrong with a configuration, not only the first thing.

use std::fmt;

use toml::{Table, Value};

use super::Config;

/// One field at fault.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Problem {
    /// Such as `files.roots[0].path`; empty when the text is not TOML at all.
    pub(crate) field: String,
    /// What is wrong with it.
    pub(crate) why: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() {
            self.why.fmt(formatter)
        } else {
            write!(formatter, "{}: {}", self.field, self.why)
        }
    }
}

/// Reads a configuration, or names each field at fault.
pub(crate) fn parse(text: &str) -> Result<Config, Vec<Problem>> {
    let table: Table = text.parse().map_err(|error: toml::de::Error| vec![not_toml(&error)])?;
    let problems: Vec<Problem> = table.iter().flat_map(|(name, value)| problems_of(name, value)).collect();
    match Value::Table(table).try_into() {
        Ok(config) if problems.is_empty() => check_rules(config),
        _ => Err(problems),
    }
}

fn not_toml(error: &toml::de::Error) -> Problem {
    Problem { field: String::new(), why: error.to_string().trim_end().to_owned() }
}

/// What is wrong in one top-level field. Each is read alone, so that one mistake does not hide another.
fn problems_of(name: &str, value: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut unknown = |path: serde_ignored::Path<'_>| {
        problems.push(Problem { field: path.to_string(), why: "there is no such field".to_owned() });
    };
    let alone = Value::Table(Table::from_iter([(name.to_owned(), value.clone())]));
    let read =
        serde_path_to_error::deserialize::<_, Config>(serde_ignored::Deserializer::new(alone, &mut unknown));
    if let Err(error) = read {
        let why = error.inner().message().trim_end().to_owned();
        problems.push(Problem { field: error.path().to_string(), why });
    }
    problems
}

fn check_rules(config: Config) -> Result<Config, Vec<Problem>> {
    let mut problems: Vec<Problem> = config
        .rules
        .iter()
        .enumerate()
        .filter_map(|(index, rule)| {
            let error = rule.check().err()?;
            Some(Problem { field: format!("rules[{index}]"), why: error.to_string() })
        })
        .collect();
    let limits = config.jobs.problems().into_iter().map(|(field, why)| Problem { field, why });
    problems.extend(limits);
    if problems.is_empty() { Ok(config) } else { Err(problems) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        parse(text).unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_empty_file_is_the_defaults() {
        let config = parse("").unwrap();
        assert_eq!(config.listen.addresses()[0].to_string(), "127.0.0.1:4747");
        assert_eq!(config.files.roots[0].name, "Drawbridge");
    }

    #[test]
    fn what_show_prints_is_read_back() {
        let text = toml::to_string(&parse("").unwrap()).unwrap();
        assert_eq!(toml::to_string(&parse(&text).unwrap()).unwrap(), text);
    }

    #[test]
    fn each_bad_field_is_named() {
        let found =
            problems("listen = \"here\"\nlisten_too = 1\n[log]\nformat = \"xml\"\n[files]\nroot = []\n");
        assert_eq!(found.len(), 4, "{found:#?}");
        assert!(found.iter().any(|line| line.starts_with("listen:")), "{found:#?}");
        assert!(
            found.iter().any(|line| line.starts_with("log.format:") && line.contains("xml")),
            "{found:#?}"
        );
        assert!(found.contains(&"listen_too: there is no such field".to_owned()));
        assert!(found.contains(&"files.root: there is no such field".to_owned()));
    }

    #[test]
    fn what_is_not_toml_is_shown_where() {
        assert!(problems("listen = \n")[0].contains("line 1"));
    }

    #[test]
    fn a_rule_with_a_bad_pattern_is_named() {
        let found = problems("[[rules]]\ntools = [\"files_[\"]\nthen = \"deny\"\n");
        assert!(found[0].starts_with("rules[0]: ") && found[0].contains("files_["), "{found:?}");
    }

    #[test]
    fn the_documented_examples_are_right() {
        for page in [
            include_str!("../../../../docs/configuration.md"),
            include_str!("../../../../docs/control.md"),
            include_str!("../../../../docs/daemons.md"),
            include_str!("../../../../docs/terminal.md"),
            include_str!("../../../../docs/jobs.md"),
            include_str!("../../../../docs/jobs-bullmq.md"),
            include_str!("../../../../docs/llm.md"),
            include_str!("../../../../docs/webhooks.md"),
        ] {
            let examples = page.split("```toml").skip(1).filter_map(|rest| rest.split("```").next());
            for example in examples.clone() {
                parse(example).unwrap_or_else(|problems| panic!("{problems:#?} in {example}"));
            }
            assert!(examples.count() > 0, "no example in {page}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[a-z_\\[\\]=\"0-9 \n.{},~-]{0,80}") {
            let _ = parse(&text);
        }
    }
}

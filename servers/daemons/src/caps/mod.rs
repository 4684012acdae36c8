//! What a daemon says of itself: `NAME.cap.json`, and what becomes of it here.

mod names;
mod results;
mod schema;

use std::collections::HashSet;

use drawbridge_contract::{Annotations, parse_strict, visible};
use serde::Deserialize;
use serde_json::Value;

pub(crate) use names::{is_service_name, tool_name};
pub(crate) use results::Results;
pub(crate) use schema::Parameters;

/// The end of a description's file name.
pub(crate) const SUFFIX: &str = ".cap.json";
/// The longest description, in bytes.
pub(crate) const CAP_BYTES_MAX: usize = 1 << 20;
/// The longest schema of one method, in bytes of JSON.
const SCHEMA_BYTES_MAX: usize = 64 << 10;
/// The longest name of a method, in bytes.
const METHOD_BYTES_MAX: usize = 128;
/// The longest title and the longest description of a method, in characters. Models read them with every request.
const TITLE_CHARS_MAX: usize = 100;
const DESCRIPTION_CHARS_MAX: usize = 4_000;

/// A daemon's description.
#[derive(Debug, Deserialize)]
pub(crate) struct Cap {
    #[serde(default)]
    pub(crate) description: String,
    #[serde(default)]
    pub(crate) version: String,
    capabilities: Vec<Value>,
}

#[derive(Debug, Deserialize)]
struct Capability {
    method: String,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    params_schema: Option<Value>,
    #[serde(default)]
    result_schema: Option<Value>,
    #[serde(default)]
    annotations: Hints,
    #[serde(default)]
    timeout_seconds: Option<u64>,
}

/// What a method may do, in MCP's words; what is not said is assumed to be the worst.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Hints {
    #[serde(default)]
    read_only_hint: Option<bool>,
    #[serde(default)]
    destructive_hint: Option<bool>,
    #[serde(default)]
    idempotent_hint: Option<bool>,
    #[serde(default)]
    open_world_hint: Option<bool>,
}

/// One method, ready to become a tool.
#[derive(Debug)]
pub(crate) struct Method {
    pub(crate) name: Box<str>,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) parameters: Parameters,
    pub(crate) results: Results,
    pub(crate) annotations: Annotations,
    pub(crate) timeout_seconds: Option<u64>,
}

impl Cap {
    /// Reads a description.
    ///
    /// # Errors
    /// What is wrong with it, for the owner.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
        let value = parse_strict(text).map_err(|error| error.to_string())?;
        let cap: Self =
            serde_json::from_value(value).map_err(|error| format!("it is no description: {error}"))?;
        Ok(Self {
            description: outside(&cap.description, DESCRIPTION_CHARS_MAX),
            version: outside(&cap.version, TITLE_CHARS_MAX),
            ..cap
        })
    }

    /// Its methods, and what is wrong with those that are left out.
    pub(crate) fn methods(&self, methods_max: usize) -> (Vec<Method>, Vec<String>) {
        let (mut methods, mut problems, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
        for (index, value) in self.capabilities.iter().take(methods_max).enumerate() {
            match method(value) {
                Ok((method, doubt)) if seen.insert(method.name.clone()) => {
                    methods.push(method);
                    problems.extend(doubt);
                }
                Ok((method, _)) => {
                    problems.push(format!("the method {} is there twice; the first counts", method.name));
                }
                Err(why) => problems.push(format!("method {} is left out: {why}", index + 1)),
            }
        }
        if self.capabilities.len() > methods_max {
            problems.push(format!(
                "it has {} methods; those after the first {methods_max} are left out",
                self.capabilities.len()
            ));
        }
        (methods, problems)
    }
}

/// A method, and what of it is left out, if anything.
fn method(value: &Value) -> Result<(Method, Option<String>), String> {
    let one = Capability::deserialize(value).map_err(|error| error.to_string())?;
    if !is_method_name(&one.method) {
        return Err(format!(
            "{:?} is no name of a method: 1 to {METHOD_BYTES_MAX} of A-Z a-z 0-9 _ - . /",
            visible(&one.method)
        ));
    }
    let parameters = one.params_schema.as_ref().map_or(Ok(()), check_length);
    let parameters = parameters
        .and_then(|()| Parameters::of(one.params_schema.as_ref()))
        .map_err(|why| format!("the params_schema of {} cannot be used: {why}", one.method))?;
    let (results, doubt) = results(&one);
    let description = outside(one.description.as_deref().unwrap_or_default(), DESCRIPTION_CHARS_MAX);
    let method = Method {
        title: one.title.map_or_else(|| one.method.clone(), |title| outside(&title, TITLE_CHARS_MAX)),
        description: if description.is_empty() {
            format!("The daemon's method {}.", one.method)
        } else {
            description
        },
        name: one.method.into(),
        parameters,
        results,
        annotations: one.annotations.into(),
        timeout_seconds: one.timeout_seconds,
    };
    Ok((method, doubt))
}

/// What a method gives. A schema of results that is wrong takes nothing from the method: they are not checked then.
fn results(one: &Capability) -> (Results, Option<String>) {
    let Some(schema) = &one.result_schema else { return (Results::unknown(), None) };
    match check_length(schema).and_then(|()| Results::of(schema)) {
        Ok(results) => (results, None),
        Err(why) => {
            let doubt = format!(
                "the result_schema of {} cannot be used, and its results are not checked: {why}",
                one.method
            );
            (Results::unknown(), Some(doubt))
        }
    }
}

fn check_length(schema: &Value) -> Result<(), String> {
    if schema.to_string().len() <= SCHEMA_BYTES_MAX {
        return Ok(());
    }
    Err(format!("it has more than {SCHEMA_BYTES_MAX} bytes"))
}

fn is_method_name(name: &str) -> bool {
    (1..=METHOD_BYTES_MAX).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte))
}

/// Text from outside: nothing hides in it, and it ends.
fn outside(text: &str, chars_max: usize) -> String {
    let shown = visible(text.trim());
    match shown.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}…", &shown[..end]),
        None => shown.into_owned(),
    }
}

impl From<Hints> for Annotations {
    fn from(hints: Hints) -> Self {
        let read_only = hints.read_only_hint.unwrap_or(false);
        Self {
            read_only,
            destructive: !read_only && hints.destructive_hint.unwrap_or(true),
            idempotent: hints.idempotent_hint.unwrap_or(read_only),
            open_world: hints.open_world_hint.unwrap_or(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> (Vec<Method>, Vec<String>) {
        Cap::read(text.as_bytes()).unwrap().methods(3)
    }

    #[test]
    fn what_is_not_said_is_assumed_to_be_the_worst() {
        let (methods, problems) = read(r#"{"capabilities": [{"method": "mcp.a.b"}]}"#);
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(methods[0].annotations, Annotations::DESTROYS);
        assert!(methods[0].results.schema().is_none() && !methods[0].description.is_empty());
    }

    #[test]
    fn a_result_schema_that_cannot_be_used_takes_nothing_from_the_method() {
        let (methods, problems) =
            read(r#"{"capabilities": [{"method": "a", "result_schema": {"type": "nonsense"}}]}"#);
        assert!(methods[0].results.wrapped && methods[0].results.schema().is_none());
        assert!(problems[0].contains("the result_schema of a cannot be used"), "{problems:?}");
    }

    #[test]
    fn b6_a_schema_is_bounded_at_its_edge() {
        let length = |text: &str| json!({ "title": text }).to_string().len();
        let fits = "x".repeat(SCHEMA_BYTES_MAX - length(""));
        for (text, expected) in [(fits.clone(), 0), (fits + "x", 1)] {
            let cap = json!({"capabilities": [{"method": "a", "result_schema": {"title": text}}]});
            assert_eq!(read(&cap.to_string()).1.len(), expected);
        }
    }

    #[test]
    fn a_method_that_reads_is_allowed_to_say_so() {
        let (methods, _) =
            read(r#"{"capabilities": [{"method": "a", "annotations": {"readOnlyHint": true}}]}"#);
        assert_eq!(methods[0].annotations, Annotations::READS);
    }

    #[test]
    fn a_bad_method_does_not_take_the_others_along_and_the_bound_holds() {
        let many =
            r#"{"capabilities": [{"method": "a b"}, {"method": "x"}, {"method": "x"}, {"method": "y"}]}"#;
        let (methods, problems) = read(many);
        assert_eq!(methods.len(), 1);
        assert_eq!(problems.len(), 3, "{problems:?}");
    }

    #[test]
    fn h4_text_from_outside_hides_nothing_and_ends() {
        let (methods, _) =
            read("{\"capabilities\": [{\"method\": \"a\", \"description\": \"x\\u202ey\\u001b[2J\"}]}");
        assert_eq!(methods[0].description, "x\\u202ey\\u001b[2J");
        assert_eq!(outside(&"é".repeat(11), 10).chars().count(), 11);
    }

    #[test]
    fn what_is_no_description_is_refused_with_a_reason() {
        for bad in ["", "[]", "{}", "{\"capabilities\": 1}", "{\"capabilities\": [], \"capabilities\": []}"] {
            assert!(Cap::read(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(Cap::read(b"\xff").unwrap_err().contains("UTF-8"));
    }
}

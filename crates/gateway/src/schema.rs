//! Input schemas: compiled once per catalog change, asked on every call.
//!
//! JSON Schema 2020-12 unless the schema names another draft. Nothing is ever fetched: a `$ref` must point into the
//! schema itself. Patterns run on an engine without backtracking, so no pattern takes more than linear time; where a schema
//! refers to itself, the work is counted before it is done.

use drawbridge_contract::Effort;
use jsonschema::{PatternOptions, Retrieve, Uri, Validator};
use serde_json::Value;
use serde_json::value::RawValue;

/// How many places at fault one message names.
const PLACES_MAX: usize = 5;

/// Why a schema cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the input schema of {tool} cannot be used: {why}")]
pub struct SchemaError {
    tool: String,
    why: String,
}

/// A compiled input schema.
#[derive(Debug)]
pub(crate) struct InputSchema {
    validator: Validator,
    effort: Effort,
}

impl InputSchema {
    pub(crate) fn compile(tool: &str, schema: &RawValue) -> Result<Self, SchemaError> {
        let refuse = |why: String| SchemaError { tool: tool.to_owned(), why };
        let schema: Value = serde_json::from_str(schema.get()).map_err(|error| refuse(error.to_string()))?;
        jsonschema::options()
            .with_pattern_options(PatternOptions::regex())
            .with_retriever(NothingIsFetched)
            .build(&schema)
            .map(|validator| Self { validator, effort: Effort::of(&schema) })
            .map_err(|error| refuse(error.to_string()))
    }

    /// Each place at fault, and what would fit.
    pub(crate) fn validate(&self, arguments: &Value) -> Result<(), String> {
        self.effort.check(arguments).map_err(|error| error.to_string())?;
        if self.validator.is_valid(arguments) {
            return Ok(());
        }
        Err(self.faults(arguments))
    }

    #[cold]
    fn faults(&self, arguments: &Value) -> String {
        let mut faults: Vec<String> = self
            .validator
            .iter_errors(arguments)
            .take(PLACES_MAX + 1)
            .map(|error| match error.instance_path().as_str() {
                "" => error.to_string(),
                place => format!("at {place}: {error}"),
            })
            .collect();
        if faults.len() > PLACES_MAX {
            faults[PLACES_MAX] = "and more".to_owned();
        }
        faults.join("; ")
    }
}

struct NothingIsFetched;

impl Retrieve for NothingIsFetched {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        Err(format!("it refers to {uri}, and nothing is fetched: put the definition under $defs").into())
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use serde_json::json;

    use super::*;

    fn compile(schema: &Value) -> Result<InputSchema, SchemaError> {
        InputSchema::compile("test_tool", &drawbridge_contract::raw(schema))
    }

    #[test]
    fn each_place_at_fault_is_named_up_to_the_bound() {
        let schema =
            compile(&json!({"type": "object", "additionalProperties": {"type": "integer"}})).unwrap();
        let faults = |count: usize| {
            let map = (0..count).map(|index| (format!("m{index}"), json!("x"))).collect();
            schema.validate(&Value::Object(map)).unwrap_err()
        };
        assert!(!faults(PLACES_MAX).contains("and more"));
        let many = faults(PLACES_MAX + 1);
        assert!(many.contains("at /m0") && many.ends_with("and more"), "{many}");
    }

    #[test]
    fn b6_a_reference_to_elsewhere_is_never_fetched() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}/schema.json", listener.local_addr().unwrap());
        for url in [url.as_str(), "file:///etc/passwd"] {
            let error = compile(&json!({"$ref": url})).unwrap_err().to_string();
            assert!(error.contains("nothing is fetched"), "{error}");
        }
        assert!(listener.accept().is_err(), "somebody dialled");
    }

    #[test]
    fn b6_a_reference_to_itself_ends() {
        let schema = compile(&json!({"properties": {"child": {"$ref": "#"}}, "type": "object"})).unwrap();
        assert!(schema.validate(&json!({"child": {"child": {}}})).is_ok());
        assert!(schema.validate(&json!({"child": {"child": 1}})).is_err());
    }

    /// With three references, each level of a value takes three times the work of the one before.
    #[test]
    fn b6_a_reference_to_itself_from_several_places_takes_no_time() {
        let anyone =
            json!([{"$ref": "#"}, {"$ref": "#", "minProperties": 5}, {"$ref": "#", "minProperties": 6}]);
        let schema = compile(&json!({"properties": {"a": {"anyOf": anyone}}, "required": ["b"]})).unwrap();
        let nested = |depth: usize| (0..depth).fold(json!({"b": 1}), |inner, _| json!({"b": 1, "a": inner}));
        assert!(schema.validate(&nested(3)).is_ok());
        let begun = Instant::now();
        let why = schema.validate(&nested(60)).unwrap_err();
        assert!(why.contains("nest it less deep"), "{why}");
        assert!(begun.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn b6_a_catastrophic_pattern_takes_no_time() {
        let schema =
            compile(&json!({"properties": {"text": {"type": "string", "pattern": "^(a+)+$"}}})).unwrap();
        let begun = Instant::now();
        assert!(schema.validate(&json!({"text": format!("{}!", "a".repeat(50_000))})).is_err());
        assert!(begun.elapsed() < Duration::from_secs(60));
    }
}

//! A method's `result_schema`, made into the output schema of a tool, which is an object; and whether results fit it.
//!
//! A schema of an object is the output schema. What any other describes becomes its member `result`, and references in
//! it are told that they stand deeper now.

use std::collections::BTreeMap;

use drawbridge_contract::{Effort, RawValue};
use jsonschema::Validator;
use serde_json::{Value, json};

use super::schema::{compile, modern};

/// Where a result is that is no object.
const MEMBER: &str = "result";
/// Where a schema has data and no schemas: what looks like a reference there is none.
const DATA: [&str; 4] = ["const", "default", "enum", "examples"];
/// How long what is said of a result may be that does not fit, in characters: it may quote the result.
const WHY_CHARS_MAX: usize = 500;

/// What a method gives.
#[derive(Debug)]
pub(crate) struct Results {
    /// Whether what it gives is the member `result` of the structured content, and not all of it.
    pub(crate) wrapped: bool,
    promised: Option<Promised>,
}

#[derive(Debug)]
struct Promised {
    schema: Value,
    validator: Validator,
    effort: Effort,
}

impl Results {
    /// Of a method that says nothing of its results.
    pub(crate) fn unknown() -> Self {
        Self { wrapped: true, promised: None }
    }

    /// From a method's schema, in the words of any draft.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub(crate) fn of(schema: &Value) -> Result<Self, String> {
        if !schema.is_object() && !schema.is_boolean() {
            return Err("it is no schema".to_owned());
        }
        let schema = modern(schema);
        let wrapped = schema["type"] != "object";
        let schema = if wrapped { wrap(schema) } else { schema };
        let validator = compile(&schema)?;
        Ok(Self { wrapped, promised: Some(Promised { effort: Effort::of(&schema), schema, validator }) })
    }

    /// The tool's output schema.
    pub(crate) fn schema(&self) -> Option<&Value> {
        self.promised.as_ref().map(|promised| &promised.schema)
    }

    /// A result as structured content.
    ///
    /// # Errors
    /// Where it does not fit the schema, and why.
    pub(crate) fn structured(&self, result: &RawValue) -> Result<Box<RawValue>, String> {
        let structured = if self.wrapped { wrapped(result) } else { result.to_owned() };
        let Some(promised) = &self.promised else { return Ok(structured) };
        let value: Value = serde_json::from_str(structured.get()).map_err(|error| error.to_string())?;
        promised.effort.check(&value).map_err(|error| error.to_string())?;
        let Err(fault) = promised.validator.validate(&value) else { return Ok(structured) };
        let why = match fault.instance_path().as_str() {
            "" => fault.to_string(),
            place => format!("at {place}: {fault}"),
        };
        Err(super::outside(&why, WHY_CHARS_MAX))
    }
}

fn wrapped(result: &RawValue) -> Box<RawValue> {
    drawbridge_contract::raw(&BTreeMap::from([(MEMBER, result)]))
}

/// A schema of something as that of an object that has it.
fn wrap(mut schema: Value) -> Value {
    if let Value::Object(members) = &mut schema {
        members.remove("$id");
    }
    deepen(&mut schema);
    json!({"type": "object", "properties": {MEMBER: schema}, "required": [MEMBER], "additionalProperties": false})
}

/// References from the root are now from the member.
fn deepen(schema: &mut Value) {
    match schema {
        Value::Array(list) => list.iter_mut().for_each(deepen),
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(target) if name == "$ref" => {
                        if let Some(rest) = target.strip_prefix('#').filter(|rest| is_pointer(rest)) {
                            *target = format!("#/properties/{MEMBER}{rest}");
                        }
                    }
                    _ if DATA.contains(&name.as_str()) => {}
                    _ => deepen(value),
                }
            }
        }
        _ => {}
    }
}

/// Whether a fragment is a place, and not the name of an anchor.
fn is_pointer(fragment: &str) -> bool {
    fragment.is_empty() || fragment.starts_with('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(schema: &Value, result: &str) -> Result<String, String> {
        let result = RawValue::from_string(result.to_owned()).unwrap();
        Results::of(schema).unwrap().structured(&result).map(|raw| raw.get().to_owned())
    }

    #[test]
    fn an_object_is_the_structured_content_and_anything_else_is_in_it() {
        let object = json!({"type": "object", "properties": {"a": {"type": "integer"}}});
        assert_eq!(given(&object, r#"{"a": 1}"#).unwrap(), r#"{"a": 1}"#);
        assert_eq!(Results::of(&object).unwrap().schema(), Some(&object));
        assert_eq!(given(&json!({"type": "string"}), "\"x\"").unwrap(), r#"{"result":"x"}"#);
        assert_eq!(given(&json!(true), "[1]").unwrap(), r#"{"result":[1]}"#);
        let nothing = Results::unknown();
        assert!(nothing.wrapped && nothing.schema().is_none());
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let pairs = json!({"type": "array", "items": [{"type": "string"}, {"type": "integer"}], "additionalItems": false});
        assert!(given(&pairs, r#"["a", 1]"#).is_ok());
        let why = given(&pairs, r#"["a", "b"]"#).unwrap_err();
        assert!(why.starts_with("at /result/1: ") && why.contains("integer"), "{why}");
        assert!(given(&pairs, r#"["a", 1, 2]"#).is_err());
        assert!(given(&json!({"type": "object"}), "null").is_err());
        let long = given(&json!({"type": "integer"}), &format!("{:?}", "x".repeat(10_000))).unwrap_err();
        assert_eq!(long.chars().count(), WHY_CHARS_MAX + 1, "{long}");
    }

    #[test]
    fn references_of_a_schema_that_is_wrapped_find_what_they_did() {
        let tree = json!({"$id": "https://example.org/tree", "type": "array", "items": {"anyOf": [{"$ref": "#"}, {"$ref": "#/definitions/leaf"}]},
            "definitions": {"leaf": {"type": "string", "default": {"$ref": "#"}}}});
        assert!(given(&tree, r#"["a", ["b", []]]"#).is_ok());
        assert!(given(&tree, r#"["a", [1]]"#).is_err());
        let results = Results::of(&tree).unwrap();
        let leaf = &results.schema().unwrap()["properties"]["result"]["definitions"]["leaf"];
        assert_eq!(leaf["default"], json!({"$ref": "#"}), "data stays what it is");
    }

    #[test]
    fn b6_schemas_that_cannot_be_used_are_refused() {
        for bad in [
            json!(1),
            json!([]),
            json!({"type": "nonsense"}),
            json!({"$ref": "http://127.0.0.1:9/x"}),
            json!({"$ref": "#/definitions/none"}),
            json!({"type": "string", "pattern": "("}),
        ] {
            assert!(Results::of(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn b6_a_result_that_would_take_hours_is_refused() {
        let tree = json!({"type": "object", "properties": {"a": {"anyOf": [{"$ref": "#"}, {"$ref": "#"}, {"$ref": "#"}]}}, "required": ["b"]});
        let nested = format!("{}{{}}{}", "{\"a\":".repeat(60), "}".repeat(60));
        let why = given(&tree, &nested).unwrap_err();
        assert!(why.contains("nest it less deep"), "{why}");
    }

    proptest::proptest! {
        #[test]
        fn no_schema_and_no_result_makes_it_panic(schema in "[\\[\\]{}\",:#/$a-z0-9]{0,60}", result in "[\\[\\]{}\",:0-9a-z]{0,30}") {
            if let (Ok(schema), Ok(result)) = (serde_json::from_str::<Value>(&schema), RawValue::from_string(result))
                && let Ok(results) = Results::of(&schema)
            {
                let _ = results.structured(&result);
            }
        }
    }
}

//! What a tool's input schema says to people: its arguments, and what each can be.

use serde_json::Value;

/// An argument of a tool.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    /// For people; may be empty.
    pub(crate) says: String,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
    /// What it can be, where that is a list of words.
    pub(crate) choices: Vec<String>,
    /// What it is when nobody says.
    pub(crate) default: Option<Value>,
}

/// How a word is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Whole,
    Number,
    /// True or false: needs no value.
    Switch,
    /// Several; given one by one, or as JSON.
    List(Item),
    /// Whatever JSON says, or else text.
    Any,
}

/// What a list holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Item {
    Text,
    Json,
}

impl Kind {
    /// For people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Whole => "whole number",
            Self::Number => "number",
            Self::Switch => "switch",
            Self::List(_) => "list",
            Self::Any => "JSON",
        }
    }
}

/// The arguments in a schema: the required ones first, in their order.
pub(crate) fn parameters(schema: &Value) -> Vec<Parameter> {
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let Some(properties) = schema["properties"].as_object() else { return Vec::new() };
    let mut found: Vec<Parameter> = properties
        .iter()
        .map(|(name, schema)| parameter(name, schema, required.contains(&&**name)))
        .collect();
    let place = |one: &Parameter| required.iter().position(|name| *name == one.name).unwrap_or(usize::MAX);
    found.sort_by_key(place);
    found
}

fn parameter(name: &str, schema: &Value, required: bool) -> Parameter {
    let body = without_null(schema);
    let says = schema["description"].as_str().or(body["description"].as_str()).unwrap_or_default();
    Parameter {
        name: name.to_owned(),
        says: says.to_owned(),
        kind: kind(body),
        required,
        choices: choices(body),
        default: schema.get("default").filter(|value| !value.is_null()).cloned(),
    }
}

/// The schema of what it is when it is something.
fn without_null(schema: &Value) -> &Value {
    let options = schema["anyOf"].as_array().or(schema["oneOf"].as_array());
    let is_null = |one: &&Value| one["type"] == "null";
    match options {
        Some(options) if options.iter().filter(|one| !is_null(one)).count() == 1 => {
            options.iter().find(|one| !is_null(one)).unwrap_or(schema)
        }
        _ => schema,
    }
}

fn kind(schema: &Value) -> Kind {
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => {
            several.iter().filter_map(Value::as_str).filter(|one| *one != "null").collect()
        }
        _ if !choices(schema).is_empty() => vec!["string"],
        _ => Vec::new(),
    };
    match types[..] {
        ["string"] => Kind::Text,
        ["integer"] => Kind::Whole,
        ["number"] => Kind::Number,
        ["boolean"] => Kind::Switch,
        ["array"] if schema["items"]["type"] == "string" => Kind::List(Item::Text),
        ["array"] => Kind::List(Item::Json),
        _ => Kind::Any,
    }
}

/// The words it can be: `enum`, or alternatives that are constants.
fn choices(schema: &Value) -> Vec<String> {
    let schema = if schema["type"] == "array" { &schema["items"] } else { schema };
    let word = |value: &Value| value.as_str().map(str::to_owned);
    let constants = || {
        let options = schema["oneOf"].as_array().or(schema["anyOf"].as_array())?;
        options.iter().map(|one| word(&one["const"])).collect::<Option<Vec<_>>>()
    };
    match schema["enum"].as_array() {
        Some(words) => words.iter().filter_map(word).collect(),
        None => constants().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn required_arguments_come_first_in_their_order() {
        let schema = json!({"properties": {"a": {}, "from": {}, "to": {}}, "required": ["to", "from"]});
        let names: Vec<String> = parameters(&schema).into_iter().map(|one| one.name).collect();
        assert_eq!(names, ["to", "from", "a"]);
        assert_eq!(parameters(&json!({"type": "object"})), []);
        assert_eq!(parameters(&json!(true)), []);
    }

    #[test]
    fn kinds_and_choices_are_seen_through_null_and_alternatives() {
        let kind_of = |schema: Value| parameter("x", &schema, false).kind;
        assert_eq!(kind_of(json!({"type": ["string", "null"]})), Kind::Text);
        assert_eq!(kind_of(json!({"anyOf": [{"type": "integer"}, {"type": "null"}]})), Kind::Whole);
        assert_eq!(kind_of(json!({"type": "array", "items": {"type": "string"}})), Kind::List(Item::Text));
        assert_eq!(kind_of(json!({"type": "array", "items": {"type": "object"}})), Kind::List(Item::Json));
        assert_eq!(kind_of(json!({"type": "object"})), Kind::Any);
        assert_eq!(kind_of(json!({"type": ["string", "number"]})), Kind::Any);
        let either = json!({"oneOf": [{"const": "smart"}, {"const": "always"}]});
        let one = parameter("case", &either, false);
        assert_eq!((one.kind, one.choices), (Kind::Text, vec!["smart".to_owned(), "always".to_owned()]));
        let list = json!({"type": "array", "items": {"type": "string", "enum": ["a", "b"]}});
        assert_eq!(parameter("states", &list, false).choices, ["a", "b"]);
    }
}

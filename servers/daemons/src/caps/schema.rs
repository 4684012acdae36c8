//! A method's `params_schema`, which mostly describes a list, made into the input schema of a tool, which is an object.
//!
//! Descriptions were written for draft 7, where a list of different things (a tuple) is `items: […]`; in 2020-12 that is
//! `prefixItems`. Each thing becomes an argument named by its `title`, or `arg1`, `arg2` and so on.

use drawbridge_contract::OldParams;
use jsonschema::{PatternOptions, Validator};
use serde_json::{Map, Value, json};

/// How many parameters a list may have.
const POSITIONS_MAX: usize = 32;
/// The longest name of an argument, in bytes.
const NAME_BYTES_MAX: usize = 40;
/// The argument that has all parameters of a method whose list has no fixed places.
const WHOLE: &str = "params";
/// Where definitions are that a schema may refer to.
const DEFINITIONS: [&str; 2] = ["$defs", "definitions"];

/// What a method takes, and how arguments become that.
#[derive(Debug, PartialEq)]
pub(crate) struct Parameters {
    /// The input schema of the tool: an object.
    pub(crate) schema: Value,
    shape: Shape,
}

#[derive(Debug, PartialEq)]
enum Shape {
    /// A list: name and default of each place.
    List(Vec<(Box<str>, Value)>),
    /// A list with one object, which is the arguments.
    ListOfObject,
    /// The object itself.
    Object,
    /// A list without fixed places.
    Whole,
}

impl Parameters {
    /// From a method's schema; without one it takes nothing.
    ///
    /// # Errors
    /// Why the schema cannot be used.
    pub(crate) fn of(schema: Option<&Value>) -> Result<Self, String> {
        let modern = schema.map_or_else(|| json!({"type": "array", "maxItems": 0}), modern);
        let parameters = Self::from_modern(&modern)?;
        compile(&parameters.schema)?;
        Ok(parameters)
    }

    fn from_modern(schema: &Value) -> Result<Self, String> {
        let Value::Object(members) = schema else { return Err("it is not an object".to_owned()) };
        let is_object = members.get("type").is_some_and(|kind| kind == "object")
            || (!members.contains_key("type") && members.contains_key("properties"));
        let places = members.get("prefixItems").and_then(Value::as_array);
        match places.map(Vec::as_slice) {
            _ if is_object => Ok(Self { schema: as_object(schema.clone()), shape: Shape::Object }),
            Some([only]) if only["type"] == "object" && only.get("properties").is_some() => {
                let object = with_definitions(as_object(only.clone()), members);
                Ok(Self { schema: object, shape: Shape::ListOfObject })
            }
            Some(places) if places.len() > POSITIONS_MAX => {
                Err(format!("it has {} places, and {POSITIONS_MAX} are the most", places.len()))
            }
            Some(places) => Ok(Self::list(places, members)),
            None if members.get("maxItems").is_some_and(|max| max == 0) => Ok(Self::list(&[], members)),
            None => Ok(Self::whole(schema, members)),
        }
    }

    fn list(places: &[Value], members: &Map<String, Value>) -> Self {
        let min = members.get("minItems").and_then(Value::as_u64).unwrap_or(0);
        let required_count = usize::try_from(min).unwrap_or(usize::MAX).min(places.len());
        let (mut names, mut properties) = (Vec::<(Box<str>, Value)>::new(), Map::new());
        for (index, place) in places.iter().enumerate() {
            let name = name_of(place, index, &properties);
            names.push((name.as_str().into(), place.get("default").cloned().unwrap_or(Value::Null)));
            properties.insert(name, place.clone());
        }
        let required: Vec<&str> = names[..required_count].iter().map(|(name, _)| &**name).collect();
        let schema = json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false});
        Self { schema: with_definitions(schema, members), shape: Shape::List(names) }
    }

    fn whole(schema: &Value, members: &Map<String, Value>) -> Self {
        let mut list = schema.clone();
        list["type"] = json!("array");
        let required: &[&str] =
            if members.get("minItems").is_some_and(|min| min != 0) { &[WHOLE] } else { &[] };
        let object = json!({"type": "object", "properties": {WHOLE: list}, "required": required, "additionalProperties": false});
        Self { schema: with_definitions(object, members), shape: Shape::Whole }
    }

    /// What the daemon is sent, as JSON.
    pub(crate) fn encode(&self, arguments: &Value) -> String {
        match &self.shape {
            Shape::Object => arguments.to_string(),
            Shape::ListOfObject if arguments.as_object().is_some_and(Map::is_empty) => "[]".to_owned(),
            Shape::ListOfObject => format!("[{arguments}]"),
            Shape::Whole => arguments.get(WHOLE).map_or_else(|| "[]".to_owned(), Value::to_string),
            Shape::List(places) => {
                let last = places.iter().rposition(|(name, _)| arguments.get(&**name).is_some());
                let given = &places[..last.map_or(0, |last| last + 1)];
                let values =
                    given.iter().map(|(name, default)| arguments.get(&**name).unwrap_or(default).clone());
                Value::Array(values.collect()).to_string()
            }
        }
    }

    /// The same for clients of the older dialect.
    pub(crate) fn old(&self) -> OldParams {
        match &self.shape {
            Shape::List(places) => {
                OldParams::Positions(places.iter().map(|(name, _)| name.clone()).collect())
            }
            Shape::ListOfObject | Shape::Object => OldParams::Object,
            Shape::Whole => OldParams::Whole(WHOLE.into()),
        }
    }
}

fn as_object(mut schema: Value) -> Value {
    schema["type"] = json!("object");
    schema
}

/// What a part of the schema refers to stays where it says.
fn with_definitions(mut schema: Value, members: &Map<String, Value>) -> Value {
    for place in DEFINITIONS {
        if let (Some(definitions), None) = (members.get(place), schema.get(place)) {
            schema[place] = definitions.clone();
        }
    }
    schema
}

fn name_of(place: &Value, index: usize, taken: &Map<String, Value>) -> String {
    let title = place["title"].as_str().or(place["name"].as_str()).unwrap_or_default();
    let word: String =
        title.trim().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let usable = !word.is_empty()
        && word.len() <= NAME_BYTES_MAX
        && !word.starts_with('_')
        && !taken.contains_key(&word);
    let mut name = if usable { word } else { format!("arg{}", index + 1) };
    while taken.contains_key(&name) {
        name.push('_');
    }
    name
}

/// As the gateway will: what does not compile there would keep every other tool from being served.
pub(super) fn compile(schema: &Value) -> Result<Validator, String> {
    let built = jsonschema::options().with_pattern_options(PatternOptions::regex()).build(schema);
    built.map_err(|error| error.to_string())
}

/// A schema of draft 7 or before, in the words of 2020-12.
pub(super) fn modern(schema: &Value) -> Value {
    let Value::Object(members) = schema else { return schema.clone() };
    let mut result = Map::new();
    let is_tuple = members.get("items").is_some_and(Value::is_array);
    for (name, value) in members {
        match name.as_str() {
            // The draft's name: from here on it is another.
            "$schema" => {}
            "items" if is_tuple => drop(result.insert("prefixItems".to_owned(), each(value))),
            "additionalItems" if is_tuple => drop(result.insert("items".to_owned(), modern(value))),
            "additionalItems" => {}
            "dependencies" => result.extend(dependencies(value)),
            "prefixItems" | "allOf" | "anyOf" | "oneOf" => drop(result.insert(name.clone(), each(value))),
            "properties" | "patternProperties" | "definitions" | "$defs" | "dependentSchemas" => {
                result.insert(name.clone(), each_member(value));
            }
            "items"
            | "additionalProperties"
            | "contains"
            | "not"
            | "if"
            | "then"
            | "else"
            | "propertyNames" => {
                result.insert(name.clone(), modern(value));
            }
            _ => drop(result.insert(name.clone(), value.clone())),
        }
    }
    Value::Object(result)
}

/// What draft 7 has under one name: which members another needs, and what holds where another is.
fn dependencies(all: &Value) -> Map<String, Value> {
    let all = all.as_object().cloned().unwrap_or_default();
    let (needs, holds): (Map<_, _>, Map<_, _>) = all.into_iter().partition(|(_, one)| one.is_array());
    let parts = [
        ("dependentRequired", Value::Object(needs)),
        ("dependentSchemas", each_member(&Value::Object(holds))),
    ];
    parts.into_iter().map(|(name, part)| (name.to_owned(), part)).collect()
}

fn each(list: &Value) -> Value {
    list.as_array().map_or_else(|| list.clone(), |list| list.iter().map(modern).collect())
}

fn each_member(map: &Value) -> Value {
    let members =
        |map: &Map<String, Value>| map.iter().map(|(name, schema)| (name.clone(), modern(schema))).collect();
    map.as_object().map_or_else(|| map.clone(), |map| Value::Object(members(map)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(schema: &Value) -> Parameters {
        Parameters::of(Some(schema)).unwrap()
    }

    fn positions(parameters: &Parameters) -> Vec<String> {
        match parameters.old() {
            OldParams::Positions(names) => names.iter().map(ToString::to_string).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_tuple_of_draft_7_becomes_named_arguments() {
        let tuple = json!({"$schema": "http://json-schema.org/draft-07/schema#", "type": "array", "minItems": 1, "maxItems": 2,
            "items": [{"type": "string", "title": "path"}, {"type": "string", "enum": ["text", "base64"], "default": "text"}]});
        let parameters = of(&tuple);
        assert_eq!(positions(&parameters), ["path", "arg2"]);
        assert_eq!(parameters.schema["required"], json!(["path"]));
        assert_eq!(parameters.encode(&json!({"path": "/a"})), r#"["/a"]"#);
        assert_eq!(parameters.encode(&json!({"path": "/a", "arg2": "base64"})), r#"["/a","base64"]"#);
    }

    #[test]
    fn tuples_of_2020_12_and_of_draft_7_are_the_same() {
        let old = json!({"type": "array", "items": [{"type": "integer"}], "additionalItems": false});
        let new = json!({"type": "array", "prefixItems": [{"type": "integer"}], "items": false});
        assert_eq!(of(&old), of(&new));
    }

    #[test]
    fn tuples_deep_inside_are_converted_and_data_is_not() {
        let nested = json!({"type": "object", "properties": {
            "items": {"type": "array", "items": [{"type": "string"}], "additionalItems": {"type": "null"}},
            "data": {"enum": [{"items": [1]}]}}});
        let schema = of(&nested).schema;
        assert_eq!(schema["properties"]["items"]["prefixItems"], json!([{"type": "string"}]));
        assert_eq!(schema["properties"]["items"]["items"], json!({"type": "null"}));
        assert_eq!(schema["properties"]["data"], json!({"enum": [{"items": [1]}]}));
    }

    #[test]
    fn dependencies_of_draft_7_hold() {
        let parameters =
            of(&json!({"type": "object", "dependencies": {"a": ["b"], "c": {"required": ["d"]}}}));
        let validator = compile(&parameters.schema).unwrap();
        for (arguments, fits) in
            [("{\"a\": 1}", false), (r#"{"a": 1, "b": 2}"#, true), ("{\"c\": 1}", false), ("{}", true)]
        {
            let arguments: Value = serde_json::from_str(arguments).unwrap();
            assert_eq!(validator.is_valid(&arguments), fits, "{arguments}");
        }
    }

    #[test]
    fn what_is_left_out_in_the_middle_has_its_default() {
        let parameters = of(&json!({"type": "array", "prefixItems": [
            {"title": "query"}, {"title": "top k", "default": 5}, {"title": "scope"}]}));
        assert_eq!(positions(&parameters), ["query", "top_k", "scope"]);
        assert_eq!(parameters.encode(&json!({"query": "x", "scope": "/"})), r#"["x",5,"/"]"#);
        assert_eq!(parameters.encode(&json!({})), "[]");
    }

    #[test]
    fn one_object_in_a_list_is_the_arguments() {
        let parameters = of(&json!({"type": "array", "prefixItems": [
            {"type": "object", "properties": {"source": {"$ref": "#/definitions/place"}}, "required": ["source"]}],
            "definitions": {"place": {"type": "string"}}}));
        assert_eq!(parameters.old(), OldParams::Object);
        assert_eq!(parameters.schema["required"], json!(["source"]));
        assert_eq!(parameters.encode(&json!({"source": "a"})), r#"[{"source":"a"}]"#);
    }

    #[test]
    fn nothing_objects_and_free_lists() {
        assert_eq!(Parameters::of(None).unwrap().encode(&json!({})), "[]");
        assert_eq!(of(&json!({"properties": {"a": {}}})).encode(&json!({"a": 1})), r#"{"a":1}"#);
        let free = of(&json!({"type": "array", "items": {"type": "string"}, "minItems": 1}));
        assert_eq!(free.encode(&json!({"params": ["a", "b"]})), r#"["a","b"]"#);
        assert_eq!(free.schema["required"], json!(["params"]));
    }

    #[test]
    fn b6_schemas_that_cannot_be_used_are_refused_here_and_not_at_the_door() {
        for bad in [
            json!({"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1:9/x"}}}),
            json!({"type": "array", "prefixItems": [{"type": "nonsense"}]}),
            json!({"type": "array", "prefixItems": [{"pattern": "("}]}),
            json!([1]),
        ] {
            assert!(Parameters::of(Some(&bad)).is_err(), "{bad}");
        }
        let places = |count: usize| json!({"type": "array", "prefixItems": vec![json!({}); count]});
        assert!(Parameters::of(Some(&places(POSITIONS_MAX))).is_ok());
        assert!(Parameters::of(Some(&places(POSITIONS_MAX + 1))).is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_schema_makes_it_panic(text in "[\\[\\]{}\",:0-9a-z]{0,60}") {
            if let Ok(value) = serde_json::from_str::<Value>(&text) {
                let _ = Parameters::of(Some(&value));
            }
        }
    }
}

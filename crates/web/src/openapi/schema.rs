//! A tool's schema inside of another document.

use serde_json::{Map, Value};

/// A schema whose own references still lead to where they led, now that it stands at `place` (a JSON Pointer, RFC 6901).
/// Objects have `properties`, if only none: importers refuse them without.
pub(super) fn placed(schema: &str, place: &str) -> Value {
    let mut schema: Value = serde_json::from_str(schema).unwrap_or_default();
    if let Value::Object(members) = &mut schema {
        members.remove("$schema");
        // With an address of its own, its references start from that.
        if members.contains_key("$id") {
            return schema;
        }
    }
    settle(&mut schema, place);
    schema
}

/// A part of a JSON Pointer.
pub(super) fn part(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Settles a schema, or a list of them.
fn settle(schema: &mut Value, place: &str) {
    match schema {
        Value::Object(members) => settle_members(members, place),
        Value::Array(items) => items.iter_mut().for_each(|item| settle(item, place)),
        _ => {}
    }
}

fn settle_members(members: &mut Map<String, Value>, place: &str) {
    if members.get("type").is_some_and(|kind| kind == "object") {
        members.entry("properties").or_insert_with(|| Value::Object(Map::new()));
    }
    for (keyword, value) in members.iter_mut() {
        match (keyword.as_str(), value) {
            ("$ref", Value::String(target)) if target.starts_with('#') => {
                *target = format!("#{place}{}", &target[1..]);
            }
            // Their values are data, which may look like schemas.
            ("const" | "enum" | "default" | "examples", _) => {}
            // Their members have any name, and each is a schema.
            (
                "properties" | "patternProperties" | "dependentSchemas" | "$defs" | "definitions",
                Value::Object(named),
            ) => {
                named.values_mut().for_each(|schema| settle(schema, place));
            }
            (_, other) => settle(other, place),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_lead_where_they_led() {
        let schema = r##"{"$schema": "s", "$defs": {"a": {"$ref": "#"}}, "properties": {"x": {"$ref": "#/$defs/a"}, "y": {"const": {"$ref": "#/z"}}}}"##;
        assert_eq!(
            placed(schema, &format!("/paths/{}", part("/api/~"))),
            json!({
                "$defs": {"a": {"$ref": "#/paths/~1api~1~0"}},
                "properties": {"x": {"$ref": "#/paths/~1api~1~0/$defs/a"}, "y": {"const": {"$ref": "#/z"}}},
            })
        );
    }

    #[test]
    fn a_property_may_be_called_like_a_keyword() {
        let schema = r##"{"properties": {"default": {"$ref": "#/a"}, "type": {"type": "object"}, "$ref": {"type": "string"}}}"##;
        assert_eq!(
            placed(schema, "/p"),
            json!({"properties": {"default": {"$ref": "#/p/a"}, "type": {"type": "object", "properties": {}}, "$ref": {"type": "string"}}})
        );
    }

    #[test]
    fn a_schema_with_an_address_is_left_alone() {
        let schema = json!({"$id": "urn:x", "$ref": "#/y"});
        assert_eq!(placed(&schema.to_string(), "/z"), schema);
    }
}

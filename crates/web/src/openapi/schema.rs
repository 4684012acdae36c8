//! A tool's schema inside of another document.

use serde_json::Value;

/// A schema whose own references still lead to where they led, now that it stands at `place` (a JSON Pointer, RFC 6901).
pub(super) fn placed(schema: &str, place: &str) -> Value {
    let mut schema: Value = serde_json::from_str(schema).unwrap_or_default();
    if let Value::Object(members) = &mut schema {
        members.remove("$schema");
        // With an address of its own, its references start from that.
        if members.contains_key("$id") {
            return schema;
        }
    }
    lead(&mut schema, place);
    schema
}

/// A part of a JSON Pointer.
pub(super) fn part(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn lead(schema: &mut Value, place: &str) {
    match schema {
        Value::Object(members) => {
            for (name, value) in members.iter_mut().filter(|(name, _)| !is_data(name)) {
                match value {
                    Value::String(target) if name == "$ref" && target.starts_with('#') => {
                        *target = format!("#{place}{}", &target[1..]);
                    }
                    other => lead(other, place),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| lead(item, place)),
        _ => {}
    }
}

/// Keywords whose values are data and no schemas.
fn is_data(keyword: &str) -> bool {
    matches!(keyword, "const" | "enum" | "default" | "examples")
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
    fn a_schema_with_an_address_is_left_alone() {
        let schema = json!({"$id": "urn:x", "$ref": "#/y"});
        assert_eq!(placed(&schema.to_string(), "/z"), schema);
    }
}

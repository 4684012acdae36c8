//! How much work it is to look whether a value fits a JSON Schema (attack B6).
//!
//! A schema that refers to itself from several places is looked at several times at each level of the value: a value of a
//! few hundred bytes can then take hours. Schemas come from other programs, and values from everybody, so the work is
//! counted before it is done.

use serde_json::{Map, Value};

/// How many pairs of a part of the schema and a part of the value are looked at for one value: well below a second.
pub const SCHEMA_STEPS_MAX: usize = 100_000;
/// How deep parts of a schema may stand in each other, references followed.
const DEPTH_MAX: usize = 512;
/// How long a reference may be for each step that following it takes, in bytes.
const TARGET_BYTES_PER_STEP: usize = 64;
/// Members that hold one schema for the same value.
const SAME: [&str; 4] = ["not", "if", "then", "else"];
/// Members that hold several schemas for the same value, in a list.
const SAME_LISTED: [&str; 3] = ["allOf", "anyOf", "oneOf"];
/// Members that hold several schemas for the same value, by name.
const SAME_NAMED: [&str; 2] = ["dependentSchemas", "dependencies"];
/// Members that hold one schema for each member of an object.
const MEMBERS: [&str; 3] = ["additionalProperties", "unevaluatedProperties", "propertyNames"];
/// Members that hold one schema for each item of a list.
const ITEMS: [&str; 4] = ["items", "contains", "additionalItems", "unevaluatedItems"];
/// Members that hold a schema for each of the first items of a list.
const FIRST_ITEMS: [&str; 2] = ["prefixItems", "items"];
/// Members that refer to another part.
const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];
/// Members that need what the others found, and look at everything once more.
const AGAIN: [&str; 2] = ["unevaluatedProperties", "unevaluatedItems"];

/// A value would take too long to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "it would take more than {SCHEMA_STEPS_MAX} steps to see whether this fits the schema, which refers to itself from \
     several places: nest it less deep"
)]
pub struct TooMuchWork;

/// A schema, and what it takes to look at values by it.
#[derive(Debug)]
pub struct Effort {
    /// The schema, where the work grows with the depth of the value; nothing where it cannot.
    growing: Option<Box<Value>>,
}

impl Effort {
    /// Of this schema.
    pub fn of(schema: &Value) -> Self {
        let mut steps = Steps { root: schema, left: SCHEMA_STEPS_MAX };
        let grows = steps.expand(schema, 0).is_err();
        Self { growing: grows.then(|| Box::new(schema.clone())) }
    }

    /// Whether `value` can be looked at in time.
    ///
    /// # Errors
    /// [`TooMuchWork`] beyond [`SCHEMA_STEPS_MAX`].
    pub fn check(&self, value: &Value) -> Result<(), TooMuchWork> {
        let Some(schema) = &self.growing else { return Ok(()) };
        Steps { root: schema, left: SCHEMA_STEPS_MAX }.look(schema, value, 0)
    }
}

struct Steps<'a> {
    root: &'a Value,
    left: usize,
}

impl<'a> Steps<'a> {
    fn take(&mut self, depth: usize) -> Result<(), TooMuchWork> {
        self.left = self.left.checked_sub(1).ok_or(TooMuchWork)?;
        if depth > DEPTH_MAX { Err(TooMuchWork) } else { Ok(()) }
    }

    /// Takes a step for every part of a schema, references followed wherever they stand: one that refers to itself has no
    /// end.
    fn expand(&mut self, schema: &'a Value, depth: usize) -> Result<(), TooMuchWork> {
        self.take(depth)?;
        match schema {
            Value::Array(list) => list.iter().try_for_each(|one| self.expand(one, depth + 1)),
            Value::Object(members) => {
                self.referred(members).into_iter().try_for_each(|one| self.expand(one, depth + 1))?;
                let parts = members.iter().filter(|(name, _)| !is_kept_aside(name));
                parts.into_iter().try_for_each(|(_, part)| self.expand(part, depth + 1))
            }
            _ => Ok(()),
        }
    }

    /// Takes a step for every part of a schema that looks at `value` or at a part of it.
    fn look(&mut self, schema: &'a Value, value: &Value, depth: usize) -> Result<(), TooMuchWork> {
        self.take(depth)?;
        let Value::Object(members) = schema else { return Ok(()) };
        let times = if AGAIN.iter().any(|name| members.contains_key(*name)) { 2 } else { 1 };
        for _ in 0..times {
            self.look_at_same(members, value, depth + 1)?;
            match value {
                Value::Object(inner) => self.look_at_members(members, inner, depth + 1)?,
                Value::Array(inner) => self.look_at_items(members, inner, depth + 1)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn look_at_same(
        &mut self,
        schema: &'a Map<String, Value>,
        value: &Value,
        depth: usize,
    ) -> Result<(), TooMuchWork> {
        let listed = SAME_LISTED.iter().filter_map(|name| schema.get(*name)?.as_array()).flatten();
        let named = SAME_NAMED.iter().filter_map(|name| schema.get(*name)?.as_object()).flat_map(Map::values);
        let one = SAME.iter().filter_map(|name| schema.get(*name));
        let all: Vec<&Value> = one.chain(listed).chain(named).chain(self.referred(schema)).collect();
        all.into_iter().try_for_each(|part| self.look(part, value, depth))
    }

    fn look_at_members(
        &mut self,
        schema: &'a Map<String, Value>,
        value: &Map<String, Value>,
        depth: usize,
    ) -> Result<(), TooMuchWork> {
        let named = schema.get("properties").and_then(Value::as_object);
        let patterns = schema.get("patternProperties").and_then(Value::as_object);
        for (name, member) in value {
            let own = named.and_then(|named| named.get(name));
            let rest = MEMBERS.iter().filter_map(|name| schema.get(*name));
            let fitting = own.into_iter().chain(rest).chain(patterns.into_iter().flat_map(Map::values));
            let fitting: Vec<&Value> = fitting.collect();
            fitting.into_iter().try_for_each(|part| self.look(part, member, depth))?;
        }
        Ok(())
    }

    fn look_at_items(
        &mut self,
        schema: &'a Map<String, Value>,
        value: &[Value],
        depth: usize,
    ) -> Result<(), TooMuchWork> {
        for (index, item) in value.iter().enumerate() {
            let each = ITEMS.iter().filter_map(|name| schema.get(*name));
            let first = FIRST_ITEMS.iter().filter_map(|name| schema.get(*name)?.as_array()?.get(index));
            let fitting: Vec<&Value> = each.chain(first).collect();
            fitting.into_iter().try_for_each(|part| self.look(part, item, depth))?;
        }
        Ok(())
    }

    /// The parts that a part refers to.
    fn referred(&mut self, schema: &'a Map<String, Value>) -> Vec<&'a Value> {
        let targets = REFERENCES.iter().filter_map(|name| schema.get(*name)?.as_str());
        targets.map(|target| self.find(target)).collect()
    }

    /// What stands at a place of the schema. A name that is found nowhere counts as all of it, which is no less. Looking
    /// takes steps, too.
    fn find(&mut self, target: &str) -> &'a Value {
        self.left = self.left.saturating_sub(target.len() / TARGET_BYTES_PER_STEP);
        let (resource, place) = target.split_once('#').unwrap_or((target, ""));
        let root = self.root;
        let start = match resource {
            "" => root,
            resource => self.named(root, &["$id", "id"], resource, 0).unwrap_or(root),
        };
        let found = match place {
            "" => Some(start),
            pointer if pointer.starts_with('/') => start.pointer(&decoded(pointer)),
            anchor => self.named(start, &["$anchor", "$dynamicAnchor"], anchor, 0),
        };
        found.unwrap_or(root)
    }

    /// The part of that name, under any of these members.
    fn named(&mut self, schema: &'a Value, members: &[&str], name: &str, depth: usize) -> Option<&'a Value> {
        self.take(depth).ok()?;
        match schema {
            Value::Array(list) => list.iter().find_map(|one| self.named(one, members, name, depth + 1)),
            Value::Object(parts) => {
                let has = |member: &&str| parts.get(*member).and_then(Value::as_str) == Some(name);
                if members.iter().any(has) {
                    return Some(schema);
                }
                parts.values().find_map(|one| self.named(one, members, name, depth + 1))
            }
            _ => None,
        }
    }
}

/// Where definitions stand that nothing looks at but those who refer to them, and data.
fn is_kept_aside(name: &str) -> bool {
    matches!(name, "$defs" | "definitions" | "const" | "enum" | "default" | "examples")
}

/// A pointer in a URI's fragment (RFC 6901, section 6) without its percent signs.
fn decoded(pointer: &str) -> String {
    if !pointer.contains('%') {
        return pointer.to_owned();
    }
    let mut bytes = Vec::with_capacity(pointer.len());
    let mut rest = pointer.as_bytes();
    while let [first, after @ ..] = rest {
        let pair = if *first == b'%' { after.get(..2) } else { None };
        let byte = pair.and_then(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn nested(depth: usize) -> Value {
        (0..depth).fold(json!({}), |inner, _| json!({ "a": inner }))
    }

    fn fits(schema: &Value, value: &Value) -> bool {
        Effort::of(schema).check(value).is_ok()
    }

    #[test]
    fn b6_what_refers_to_itself_from_several_places_is_counted() {
        for schema in [
            json!({"properties": {"a": {"anyOf": [{"$ref": "#"}, {"$ref": "#", "minProperties": 5}, {"$ref": "#"}]}}}),
            json!({"allOf": [{"$ref": "#/$defs/x"}], "$defs": {"x": {"properties": {"a": {"oneOf": [{"$ref": "#/$defs/x"}, {"$ref": "#/%24defs/x"}, {"$ref": "#"}]}}}}}),
            json!({"$defs": {"x": {"$anchor": "tree", "additionalProperties": {"anyOf": [{"$ref": "#tree"}, {"not": {"$ref": "#tree"}}, {"$ref": "#tree"}]}}}, "$ref": "#tree"}),
            json!({"$defs": {"x": {"$id": "https://example.org/x", "patternProperties": {"a": {"$ref": "https://example.org/x"}, "": {"$ref": "https://example.org/x"}, "^a": {"$ref": "#"}}}}, "$ref": "https://example.org/x"}),
        ] {
            assert!(fits(&schema, &nested(4)), "{schema}");
            assert!(!fits(&schema, &nested(40)), "{schema}");
        }
    }

    #[test]
    fn b6_definitions_that_double_each_other_are_counted() {
        let double = |next: usize| json!({"anyOf": [{"$ref": format!("#/$defs/d{next}")}, {"$ref": format!("#/$defs/d{next}")}]});
        let mut definitions: Map<String, Value> =
            (0..40).map(|index| (format!("d{index}"), double(index + 1))).collect();
        definitions.insert("d40".to_owned(), json!({"type": "string"}));
        assert!(!fits(&json!({"$ref": "#/$defs/d0", "$defs": definitions}), &json!(1)));
    }

    #[test]
    fn one_that_refers_to_itself_once_may_go_as_deep_as_json_does() {
        let tree = json!({"properties": {"a": {"$ref": "#"}, "b": {"type": "string"}}, "additionalProperties": false});
        assert!(fits(&tree, &nested(127)));
        let list = json!({"items": {"$ref": "#"}});
        assert!(fits(&list, &json!(vec![json!([]); 1_000])));
    }

    #[test]
    fn one_that_does_not_refer_to_itself_costs_nothing_more() {
        let plain = json!({"properties": {"a": {"$ref": "#/$defs/x"}, "b": {"items": {"$ref": "#/$defs/x"}}}, "$defs": {"x": {"type": "string"}}});
        assert!(Effort::of(&plain).growing.is_none());
        assert!(Effort::of(&json!(true)).growing.is_none());
    }

    #[test]
    fn the_bound_holds_at_its_edge() {
        let schema = json!({"items": {"$ref": "#"}});
        // One step for the list, two for each item: the part and what it refers to.
        let items = |count: usize| json!(vec![json!(0); count]);
        assert!(fits(&schema, &items((SCHEMA_STEPS_MAX - 1) / 2)));
        assert!(!fits(&schema, &items(SCHEMA_STEPS_MAX / 2 + 1)));
    }

    proptest::proptest! {
        #[test]
        fn no_schema_makes_it_panic(text in "[\\[\\]{}\",:#/$a-z0-9%]{0,80}") {
            if let Ok(schema) = serde_json::from_str::<Value>(&text) {
                let _ = Effort::of(&schema).check(&schema);
            }
            let schema = json!({"$ref": text, "items": {"$ref": text}});
            let _ = Effort::of(&schema).check(&json!([[1]]));
        }
    }
}

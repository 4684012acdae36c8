//! What a daemon says of itself: the contents of `NAME.cap.json`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::method::Bound;

pub(crate) fn describe(name: &str, about: &str, version: &str, methods: &BTreeMap<String, Bound>) -> String {
    let capabilities: Vec<Value> = methods.iter().map(|(name, bound)| capability(name, bound)).collect();
    json!({"service_name": name, "description": about, "version": version, "capabilities": capabilities})
        .to_string()
}

fn capability(name: &str, bound: &Bound) -> Value {
    let method = &bound.method;
    let mut one = json!({
        "method": name,
        "description": method.description,
        "params_schema": bound.params_schema,
        "annotations": method.annotations,
    });
    if let Some(title) = &method.title {
        one["title"] = json!(title);
    }
    if let Some(seconds) = method.timeout_seconds {
        one["timeout_seconds"] = json!(seconds);
    }
    if let Some(schema) = &method.result_schema {
        one["result_schema"] = schema.clone();
    }
    one
}

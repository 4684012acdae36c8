//! A tool's spec, in the words of REST.

use drawbridge_contract::{Annotations, ToolSpec};
use serde_json::{Value, json};

/// Everything that a tool says of itself.
pub(super) fn spec(spec: &ToolSpec) -> Value {
    let examples: Vec<Value> = spec.examples.iter().map(example).collect();
    let mut value = json!({
        "name": spec.name,
        "title": spec.title,
        "description": spec.description,
        "input_schema": spec.input_schema,
        "annotations": annotations(spec.annotations),
        "examples": examples,
        "timeout_ms": u64::try_from(spec.limits.timeout.as_millis()).unwrap_or(u64::MAX),
        "result_bytes_max": spec.limits.result_bytes_max,
    });
    if let Some(schema) = &spec.output_schema {
        value["output_schema"] = json!(schema);
    }
    value
}

fn example(example: &drawbridge_contract::Example) -> Value {
    let arguments: Value = serde_json::from_str(example.args).unwrap_or_default();
    json!({ "says": example.says, "arguments": arguments, "gives": example.gives })
}

fn annotations(annotations: Annotations) -> Value {
    let Annotations { read_only, destructive, idempotent, open_world } = annotations;
    json!({ "read_only": read_only, "destructive": destructive, "idempotent": idempotent, "open_world": open_world })
}

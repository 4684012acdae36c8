//! Arguments that are mirrored into `Mcp-Param-*` headers (2026-07-28, custom headers from tool parameters).

use std::collections::HashMap;
use std::sync::Arc;

use drawbridge_contract::View;
use serde_json::Value;

use crate::per_view::PerView;

/// How deep properties are followed.
const DEPTH_MAX: usize = 16;

/// One argument that must stand in a header too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mirror {
    /// `mcp-param-…`, in lower case as HTTP libraries store it.
    pub(crate) header: String,
    /// The properties that lead to it.
    pub(crate) path: Vec<String>,
}

/// The mirrored arguments of a view's tools, by tool; tools without any are not in it.
pub(crate) type Mirrors = HashMap<Box<str>, Vec<Mirror>>;

/// Finds mirrored arguments, once per view.
#[derive(Default)]
pub(crate) struct Mirrored(PerView<Mirrors>);

impl Mirrored {
    /// The mirrored arguments of this view's tools.
    pub(crate) fn of(&self, view: &View) -> Arc<Mirrors> {
        self.0.of(view, find)
    }
}

fn find(view: &View) -> Mirrors {
    let specs = view.tools.iter().map(|tool| tool.spec());
    let annotated = specs.filter(|spec| spec.input_schema.get().contains("x-mcp-header"));
    annotated.map(|spec| (Box::from(&*spec.name), of_schema(spec.input_schema.get()))).collect()
}

fn of_schema(schema: &str) -> Vec<Mirror> {
    let schema: Value = serde_json::from_str(schema).unwrap_or_default();
    let mut mirrors = Vec::new();
    collect(&schema, &mut Vec::new(), &mut mirrors);
    mirrors
}

/// Only a chain of `properties` leads to a mirrored argument; annotations anywhere else mean nothing.
fn collect(schema: &Value, path: &mut Vec<String>, mirrors: &mut Vec<Mirror>) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    if path.len() >= DEPTH_MAX {
        return;
    }
    for (name, property) in properties {
        path.push(name.clone());
        if let Some(header) = property.get("x-mcp-header").and_then(Value::as_str) {
            let header = format!("mcp-param-{}", header.to_ascii_lowercase());
            mirrors.push(Mirror { header, path: path.clone() });
        }
        collect(property, path, mirrors);
        path.pop();
    }
}

impl Mirror {
    /// The argument's value, unless it is absent or `null`.
    pub(crate) fn value_in<'a>(&self, arguments: &'a Value) -> Option<&'a Value> {
        let found = self.path.iter().try_fold(arguments, |value, name| value.get(name))?;
        Some(found).filter(|value| !value.is_null())
    }
}

/// Whether a header says the same as an argument. Whole numbers are compared as numbers (`42.0` is `42`).
pub(crate) fn agrees(header: &str, value: &Value) -> bool {
    match value {
        Value::String(text) => text == header,
        Value::Bool(flag) => header == if *flag { "true" } else { "false" },
        Value::Number(number) => {
            number.to_string() == header
                || header.parse::<f64>().is_ok_and(|said| said.is_finite() && number.as_f64() == Some(said))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_properties_lead_to_mirrored_arguments() {
        let schema = json!({ "properties": {
            "region": { "type": "string", "x-mcp-header": "Region" },
            "deep": { "properties": { "id": { "type": "integer", "x-mcp-header": "Id" } } },
            "list": { "items": { "properties": { "no": { "x-mcp-header": "No" } } } },
        } });
        let mirrors = of_schema(&schema.to_string());
        let headers: Vec<&str> = mirrors.iter().map(|mirror| &*mirror.header).collect();
        assert_eq!(headers, ["mcp-param-id", "mcp-param-region"]);
        let arguments = json!({ "deep": { "id": 7 }, "region": null });
        assert_eq!(mirrors[0].value_in(&arguments), Some(&json!(7)));
        assert_eq!(mirrors[1].value_in(&arguments), None);
    }

    #[test]
    fn numbers_are_compared_as_numbers() {
        assert!(agrees("42", &json!(42)) && agrees("42.0", &json!(42)) && agrees("-7", &json!(-7)));
        assert!(!agrees("43", &json!(42)) && !agrees("x", &json!(42)) && !agrees("nan", &json!(42)));
        assert!(agrees("true", &json!(true)) && !agrees("True", &json!(true)) && !agrees("", &json!([])));
    }
}

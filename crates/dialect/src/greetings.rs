//! `mcp.hello` and `mcp.listCapabilities`: what there is for this caller.

use std::collections::BTreeMap;

use drawbridge_contract::{OldParams, ToolSpec, View};
use serde_json::{Value, json};

use crate::door::Door;
use crate::params;
use crate::table::{METHODS, Method};
use crate::theirs;

/// The names of the methods that this caller may call, sorted.
pub(crate) fn hello(door: &Door) -> Value {
    let view = door.view();
    let ours = ours(&view).map(|method| method.name.to_owned());
    let mut names: Vec<String> =
        ours.chain(theirs::all(&view).map(|(method, _)| method.name.to_string())).collect();
    names.sort_unstable();
    names.dedup();
    names.into()
}

fn ours(view: &View) -> impl Iterator<Item = &'static Method> {
    METHODS.iter().filter(move |method| method.is_for(view))
}

/// `[{service_name, description, version, capabilities: [{method, description, params_schema}]}]`
pub(crate) fn capabilities(door: &Door) -> Value {
    let view = door.view();
    let mut services: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for method in ours(&view) {
        let schema = params::schema(method.params);
        let shown = json!({"method": method.name, "description": method.says, "params_schema": schema});
        services.entry(method.service().to_owned()).or_default().push(shown);
    }
    for (method, spec) in theirs::all(&view) {
        let service = method.name.split('.').rev().nth(1).unwrap_or("daemon").to_owned();
        let shown = json!({
            "method": method.name, "description": spec.description, "params_schema": their_schema(&method.params, spec),
        });
        services.entry(service).or_default().push(shown);
    }
    let version = env!("CARGO_PKG_VERSION");
    let shown = services.into_iter().map(|(service, capabilities)| {
        let description = format!("{service}, served by Drawbridge");
        json!({"service_name": service, "description": description, "version": version, "capabilities": capabilities})
    });
    shown.collect()
}

/// The parameters of a daemon's method: by position where they have one, else as the tool has them.
fn their_schema(params: &OldParams, spec: &ToolSpec) -> Value {
    let schema: Value = serde_json::from_str(spec.input_schema.get()).unwrap_or_default();
    let property = |name: &str| schema["properties"][name].clone();
    match params {
        OldParams::Positions(names) => {
            let items: Vec<Value> = names.iter().map(|name| property(name)).collect();
            json!({"type": "array", "prefixItems": items, "maxItems": names.len()})
        }
        OldParams::Object => json!({"type": "array", "prefixItems": [schema], "maxItems": 1}),
        OldParams::Whole(name) => property(name),
    }
}

//! The document as a whole.

use drawbridge_contract::View;
use serde_json::{Map, Value, json};

use super::{Described, operation};
use crate::exchange;
use crate::routes::{ROUTES, Route};

/// The newest version that importers of model hosts take.
const VERSION: &str = "3.1.0";

/// The document for one caller's view. `server` is where the paths begin.
pub(super) fn of(view: &View, exchanges: &[exchange::Described], server: &str) -> Value {
    json!({
        "openapi": VERSION,
        "info": {
            "title": "Drawbridge",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Every tool that this key may call, through one door that checks and records each call.",
        },
        "servers": [{ "url": server }],
        "security": [{ "key": [] }],
        "paths": paths(view, exchanges),
        "components": {
            "securitySchemes": { "key": { "type": "http", "scheme": "bearer" } },
            "schemas": {},
        },
    })
}

fn paths(view: &View, exchanges: &[exchange::Described]) -> Value {
    let mut paths = Map::new();
    for route in ROUTES {
        for (path, operation) in described(route, view) {
            let item = paths.entry(path).or_insert_with(|| Value::Object(Map::new()));
            item[route.method] = operation;
        }
    }
    // Only those whose tool the caller may use.
    for route in exchanges.iter().filter(|route| view.tools.iter().any(|tool| tool.spec().name == route.tool))
    {
        let item = paths.entry(route.path.clone()).or_insert_with(|| Value::Object(Map::new()));
        item[route.method] = operation::exchange(route);
    }
    Value::Object(paths)
}

fn described(route: &Route, view: &View) -> Vec<(String, Value)> {
    match route.described {
        Described::Once(describe) => vec![(route.path.to_owned(), describe())],
        Described::ForEachTool(describe) => {
            let each = |tool: &std::sync::Arc<dyn drawbridge_contract::Tool>| {
                let path = route.path.replace("{name}", &tool.spec().name);
                let operation = describe(tool.spec(), &path);
                (path, operation)
            };
            view.tools.iter().map(each).collect()
        }
    }
}

//! Methods that the catalog brings: those of daemons.

use std::sync::Arc;

use drawbridge_contract::{OldMethod, OldParams, RawValue, Tool, ToolResult, ToolSpec, View, parse_strict};
use serde_json::{Map, Value};

use crate::door::Door;
use crate::error::{INTERNAL, OldError};

/// All of them that this view shows.
pub(crate) fn all(view: &View) -> impl Iterator<Item = (&OldMethod, &ToolSpec)> {
    view.tools.iter().filter_map(|tool| Some((tool.old_method()?, tool.spec())))
}

/// The tool behind this method.
pub(crate) fn find(view: &View, method: &str) -> Option<Arc<dyn Tool>> {
    let is_it = |tool: &&Arc<dyn Tool>| tool.old_method().is_some_and(|old| &*old.name == method);
    view.tools.iter().find(is_it).cloned()
}

/// Calls one.
pub(crate) async fn call(door: &Door, method: &str, params: Option<&RawValue>) -> Result<Value, OldError> {
    let tool = find(&door.view(), method).ok_or_else(|| OldError::no_method(method))?;
    let Some(old) = tool.old_method() else { return Err(OldError::no_method(method)) };
    let params = match params {
        None => Value::Array(Vec::new()),
        Some(raw) => parse_strict(raw.get()).map_err(|error| OldError::parameter("params", error))?,
    };
    let result = door.result(&tool.spec().name, arguments(&old.params, params)?).await?;
    answer(old, &result)
}

fn arguments(params: &OldParams, given: Value) -> Result<Map<String, Value>, OldError> {
    match (params, given) {
        (OldParams::Whole(name), given) => Ok(Map::from_iter([(name.to_string(), given)])),
        (_, Value::Object(named)) => Ok(named),
        (OldParams::Positions(names), Value::Array(values)) if values.len() <= names.len() => {
            Ok(names.iter().map(ToString::to_string).zip(values).collect())
        }
        (OldParams::Positions(names), Value::Array(values)) => {
            let why = format!("there are at most {}, not {}", names.len(), values.len());
            Err(OldError::parameter("params", why))
        }
        (OldParams::Object, Value::Array(mut values)) => match (values.len(), values.pop()) {
            (0, None) => Ok(Map::new()),
            (1, Some(Value::Object(named))) => Ok(named),
            _ => Err(OldError::parameter("params", "it takes one object")),
        },
        _ => Err(OldError::parameter("params", "an array or an object is needed")),
    }
}

fn answer(old: &OldMethod, result: &ToolResult) -> Result<Value, OldError> {
    let structured = result.structured.as_deref().and_then(value);
    if result.is_error {
        let reason = result.meta.as_deref().and_then(value).map(|mut meta| meta[OldMethod::FAILED].take());
        return match structured.or(reason) {
            Some(Value::Object(mut reason)) if reason.contains_key("result") => {
                Ok(reason.remove("result").unwrap_or_default())
            }
            reason => Err(failure(reason.as_ref(), result)),
        };
    }
    match structured {
        Some(mut data) if old.wrapped => Ok(data["result"].take()),
        Some(data) => Ok(data),
        None => Ok(result.content.plain_text().into()),
    }
}

fn value(raw: &RawValue) -> Option<Value> {
    serde_json::from_str(raw.get()).ok()
}

/// The daemon's own error where it gave one.
fn failure(reason: Option<&Value>, result: &ToolResult) -> OldError {
    let error = reason.map(|reason| &reason["error"]);
    let code = error.and_then(|error| error["code"].as_i64()).and_then(|code| i32::try_from(code).ok());
    let message = error.and_then(|error| error["message"].as_str());
    let message = message.map_or_else(|| result.content.plain_text(), ToOwned::to_owned);
    OldError::new(code.unwrap_or(INTERNAL), message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parameters_become_arguments() {
        let positions = OldParams::Positions(["a".into(), "b".into()].into());
        let read = |params: &OldParams, given| arguments(params, given).map(Value::Object);
        assert_eq!(read(&positions, json!([1, 2])).unwrap(), json!({"a": 1, "b": 2}));
        assert_eq!(read(&positions, json!([1])).unwrap(), json!({"a": 1}));
        assert_eq!(read(&positions, json!({"b": 2})).unwrap(), json!({"b": 2}));
        assert!(read(&positions, json!([1, 2, 3])).is_err());
        assert_eq!(read(&OldParams::Object, json!([{"a": 1}])).unwrap(), json!({"a": 1}));
        assert_eq!(read(&OldParams::Object, json!([])).unwrap(), json!({}));
        assert!(read(&OldParams::Object, json!([1])).is_err());
        assert_eq!(read(&OldParams::Whole("args".into()), json!([1, 2])).unwrap(), json!({"args": [1, 2]}));
    }

    #[test]
    fn a_daemons_own_error_is_told() {
        let data = json!({"error": {"code": -32055, "message": "no such city"}});
        let result = ToolResult { is_error: true, ..ToolResult::structured(&data) };
        let old = OldMethod { name: "w.t".into(), params: OldParams::Object, wrapped: true };
        assert_eq!(answer(&old, &result), Err(OldError::new(-32055, "no such city")));
        assert_eq!(answer(&old, &ToolResult::error("gone")), Err(OldError::new(INTERNAL, "gone")));
        assert_eq!(answer(&old, &ToolResult::structured(&json!({"result": [1]}))), Ok(json!([1])));
        let meta = |reason| Some(drawbridge_contract::raw(&json!({ OldMethod::FAILED: reason })));
        let promised = ToolResult { meta: meta(data), ..ToolResult::error("no such city") };
        assert_eq!(answer(&old, &promised), Err(OldError::new(-32055, "no such city")));
        let misfit = ToolResult { meta: meta(json!({"result": null})), ..ToolResult::error("does not fit") };
        assert_eq!(answer(&old, &misfit), Ok(Value::Null), "nobody promised older clients that results fit");
    }
}

//! What the commands of schedules and webhooks share: each is the call of a tool, through the running hub if there is one.

use std::process::ExitCode;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use crate::client::Client;
use crate::output;

/// Calls a tool; prints its data with `--json`, else what `show` makes of them, or what the tool says.
pub(super) async fn call(
    tool: &str,
    arguments: Value,
    json: bool,
    show: Option<fn(&Value) -> Result<()>>,
) -> Result<ExitCode> {
    let mut client = Client::open_for_jobs().await?;
    let arguments = arguments.as_object().cloned().unwrap_or_default();
    let result = super::call::call(&mut client, tool, arguments).await;
    client.close().await?;
    let Some(result) = result? else { bail!("you said no, so nothing was done") };
    let data = &result["structuredContent"];
    if result["isError"] == true || !data.is_object() {
        return super::call::show(&result, json);
    }
    match show {
        _ if json => output::json(data)?,
        Some(show) => show(data)?,
        None => return super::call::show(&result, json),
    }
    Ok(ExitCode::SUCCESS)
}

/// A field as a person may see it; empty where there is none.
pub(super) fn text(row: &Value, name: &str) -> String {
    match &row[name] {
        Value::Null => String::new(),
        Value::String(text) => output::plain_line(text),
        other => output::plain_line(&other.to_string()),
    }
}

/// A time of the hub, which counts in milliseconds.
pub(super) fn time(row: &Value, name: &str) -> String {
    row[name].as_i64().map_or_else(String::new, |ms| output::time(ms.saturating_mul(1000)))
}

/// The rows of a list.
pub(super) fn rows<'a>(data: &'a Value, name: &str) -> &'a [Value] {
    data[name].as_array().map_or(&[], Vec::as_slice)
}

/// Leaves out what was not said.
pub(super) fn said<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    let said = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    json!(said.collect::<serde_json::Map<_, _>>())
}

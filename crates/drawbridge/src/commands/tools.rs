//! `drawbridge tools`.

use std::process::ExitCode;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use crate::client::Client;
use crate::output;

/// Lists the tools, or shows one.
pub(crate) async fn run(name: Option<&str>, json: bool) -> Result<ExitCode> {
    let mut client = Client::open().await?;
    let tools = all(&mut client).await;
    client.close().await?;
    let tools = tools?;
    match name {
        None if json => output::json(&tools)?,
        None => list(&tools)?,
        Some(name) => show(&tools, name, json)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// All pages of the list.
async fn all(client: &mut Client) -> Result<Vec<Value>> {
    let (mut tools, mut params) = (Vec::new(), json!({}));
    loop {
        let mut page = client.request("tools/list", params, &mut |_| {}).await?;
        tools.extend(page["tools"].as_array_mut().map(std::mem::take).unwrap_or_default());
        match page["nextCursor"].take() {
            Value::String(cursor) => params = json!({"cursor": cursor}),
            _ => return Ok(tools),
        }
    }
}

fn list(tools: &[Value]) -> Result<()> {
    let rows = tools.iter().map(|tool| {
        let text = |field: &str| output::plain_line(tool[field].as_str().unwrap_or_default());
        vec![text("name"), what_it_may_do(tool).to_owned(), first_sentence(&text("description")).to_owned()]
    });
    output::table(&["TOOL", "", "WHAT IT DOES"], rows.collect())?;
    output::line("\n`drawbridge tools NAME` shows its arguments; `drawbridge call NAME '{…}'` calls it.")
}

fn what_it_may_do(tool: &Value) -> &'static str {
    let hint = |name: &str| tool["annotations"][name].as_bool().unwrap_or(false);
    match (hint("readOnlyHint"), hint("destructiveHint"), hint("openWorldHint")) {
        (_, true, _) => "destroys",
        (_, _, true) => "reaches out",
        (true, ..) => "reads",
        _ => "changes",
    }
}

fn first_sentence(text: &str) -> &str {
    text.split_once(". ").map_or(text, |(first, _)| first).trim_end_matches('.')
}

fn show(tools: &[Value], name: &str, json: bool) -> Result<()> {
    let Some(tool) = tools.iter().find(|tool| tool["name"] == name) else {
        bail!("there is no tool {name:?}; `drawbridge tools` lists them");
    };
    if json {
        return output::json(tool);
    }
    let text = |field: &str| output::plain(tool[field].as_str().unwrap_or_default());
    output::line(format!(
        "{}  ({})\n\n{}\n",
        output::bold(&text("name")),
        what_it_may_do(tool),
        text("description")
    ))?;
    let required = tool["inputSchema"]["required"].as_array().cloned().unwrap_or_default();
    let properties = tool["inputSchema"]["properties"].as_object().cloned().unwrap_or_default();
    let rows = properties.iter().map(|(argument, schema)| {
        let must = if required.iter().any(|name| name == argument) { "required" } else { "" };
        let says = output::plain_line(schema["description"].as_str().unwrap_or_default());
        vec![output::plain_line(argument), kind(schema), must.to_owned(), says]
    });
    output::table(&["ARGUMENT", "TYPE", "", ""], rows.collect())
}

fn kind(schema: &Value) -> String {
    match (&schema["type"], &schema["enum"]) {
        (_, Value::Array(words)) => words
            .iter()
            .map(|word| word.as_str().map_or_else(|| word.to_string(), str::to_owned))
            .collect::<Vec<_>>()
            .join("|"),
        (Value::String(name), _) => name.clone(),
        (Value::Array(names), _) => names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("|"),
        _ => "any".to_owned(),
    }
}

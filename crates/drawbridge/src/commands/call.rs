//! `drawbridge call`: a person as a host. Asks on the terminal what the door wants to know.

use std::io::{IsTerminal as _, Read as _};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use serde_json::{Map, Value, json};

use super::ask;
use crate::client::Client;
use crate::output;

/// The exit status when the door, not the tool, said no.
const REFUSED: u8 = 3;
/// The key of the door's own question (see `docs/control.md`).
pub(super) const APPROVAL: &str = "drawbridge_approval";

/// Calls a tool and prints what it says.
pub(crate) async fn run(name: &str, arguments: &str, json: bool) -> Result<ExitCode> {
    let arguments = parse(arguments)?;
    let mut client = Client::open().await?;
    let result = tokio::select! {
        result = call(&mut client, name, arguments) => result,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("cancelled")),
    };
    client.close().await?;
    match result {
        Ok(Some(result)) => show(&result, json),
        Ok(None) => Ok(ExitCode::from(REFUSED)),
        Err(error) => Err(error),
    }
}

fn parse(arguments: &str) -> Result<Map<String, Value>> {
    let mut text = arguments.to_owned();
    if arguments == "-" {
        text.clear();
        std::io::stdin().read_to_string(&mut text).context("standard input cannot be read")?;
    }
    serde_json::from_str(&text).with_context(|| {
        format!(
            "the arguments are not a JSON object; write them like '{{\"path\": \"notes.md\"}}', not {text}"
        )
    })
}

/// Calls until the call is complete; `None` when the person said no.
pub(super) async fn call(
    client: &mut Client,
    name: &str,
    arguments: Map<String, Value>,
) -> Result<Option<Value>> {
    let mut params = json!({"name": name, "arguments": arguments});
    loop {
        let mut result = client.request("tools/call", params.clone(), &mut show_event).await?;
        if result["resultType"] != "input_required" {
            return Ok(Some(result));
        }
        let requests = result["inputRequests"].as_object().cloned().unwrap_or_default();
        let Some(responses) = answer(&requests)? else { return Ok(None) };
        params["inputResponses"] = responses;
        params["requestState"] = result["requestState"].take();
    }
}

/// Asks the person each question; `None` when one is refused or nobody is there.
fn answer(requests: &Map<String, Value>) -> Result<Option<Value>> {
    let mut responses = Map::new();
    for (key, request) in requests {
        let question =
            output::plain(request["params"]["message"].as_str().unwrap_or("The tool asks for input."));
        if key != APPROVAL {
            bail!("the tool asks for input, which this command cannot give yet: {question}");
        }
        eprintln!("{question}");
        let Some(decision) = decision()? else { return Ok(None) };
        responses.insert(key.clone(), json!({"action": "accept", "content": {"decision": decision}}));
    }
    Ok(Some(Value::Object(responses)))
}

/// Asks the owner whether something may be; `None` is no.
pub(super) fn decision() -> Result<Option<&'static str>> {
    match ask("[y] once, [h] for an hour, [N] no:")?.as_deref() {
        Some("y" | "Y") => Ok(Some("allow_once")),
        Some("h" | "H") => Ok(Some("allow_for_an_hour")),
        Some(_) => Ok(None),
        None => bail!(
            "this needs your approval, and no person is at the terminal: `drawbridge approvals list` shows it"
        ),
    }
}

fn show_event(event: &Value) {
    let params = &event["params"];
    if event["method"] == "notifications/progress" && std::io::stderr().is_terminal() {
        let message = params["message"].as_str().unwrap_or_default();
        let of = params["total"].as_f64().map_or_else(String::new, |total| format!("/{total}"));
        eprint!("\r\u{1b}[K{}{of} {}", params["progress"], output::plain_line(message));
    }
}

pub(super) fn show(result: &Value, json: bool) -> Result<ExitCode> {
    if json {
        output::json(result)?;
    } else {
        let blocks = result["content"].as_array().cloned().unwrap_or_default();
        blocks.iter().try_for_each(|block| output::line(block_text(block)))?;
    }
    Ok(if result["isError"] == true { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn block_text(block: &Value) -> String {
    match block["type"].as_str() {
        Some("text") => output::plain(block["text"].as_str().unwrap_or_default()),
        Some("resource_link") => output::plain_line(block["uri"].as_str().unwrap_or_default()),
        Some("resource") => {
            output::plain(block["resource"]["text"].as_str().unwrap_or("[binary resource; --json shows it]"))
        }
        Some(kind) => format!(
            "[{} {}; --json shows it]",
            output::plain_line(kind),
            output::plain_line(block["mimeType"].as_str().unwrap_or_default())
        ),
        None => String::new(),
    }
}

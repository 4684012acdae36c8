//! `drawbridge llm`: language models, for the person at this terminal. Everything goes through the same tools as from a
//! host.

use std::io::{IsTerminal as _, Read as _, Write as _};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use crate::client::Client;
use crate::output;

#[derive(Debug, Subcommand)]
pub(crate) enum LlmCommand {
    /// Look for language models that run on this machine.
    Discover,
    /// List the models that can be asked.
    Models,
    /// Ask every provider how it is.
    List,
    /// Ask a model; the answer comes as it is written.
    #[command(
        after_help = "Examples:\n  drawbridge llm chat 'Why is the sky blue?'\n  git diff | drawbridge llm chat 'Write a commit message.'"
    )]
    Chat(Chat),
    /// Show how many tokens were used, by whom.
    Usage {
        /// How many days to look back, today included.
        #[arg(long, default_value_t = 7)]
        days: u32,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Chat {
    /// The question; what comes from standard input is put behind it.
    prompt: Vec<String>,
    /// Which model; without it the default, or whatever runs.
    #[arg(long, short)]
    model: Option<String>,
    /// How the model is to behave.
    #[arg(long, short)]
    system: Option<String>,
    /// A file from the roots to read along; may be given several times.
    #[arg(long = "file", value_name = "PATH")]
    files: Vec<String>,
    /// How many tokens the answer may have.
    #[arg(long)]
    max_tokens: Option<u64>,
    /// 0 is always the likeliest word; up to 2.
    #[arg(long)]
    temperature: Option<f64>,
}

pub(crate) async fn run(command: LlmCommand, json: bool) -> Result<ExitCode> {
    match command {
        LlmCommand::Discover => discover(json).await,
        LlmCommand::Models => models(json).await,
        LlmCommand::List => providers(json).await,
        LlmCommand::Chat(chat) => ask(chat, json).await,
        LlmCommand::Usage { days } => usage(days, json).await,
    }
}

/// Calls one of the tools; gives its structured result, or fails with what it says.
async fn call(tool: &str, arguments: Value, on_event: &mut dyn FnMut(&Value)) -> Result<Value> {
    let mut client = Client::open().await?;
    let params = json!({ "name": tool, "arguments": arguments });
    let answer = tokio::select! {
        answer = client.request("tools/call", params, on_event) => answer,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("cancelled")),
    };
    client.close().await?;
    let mut answer = answer?;
    if answer["resultType"] == "input_required" {
        bail!("this needs your approval first: `drawbridge call {tool} '…'` asks for it");
    }
    if answer["isError"] == true {
        bail!("{}", answer["content"][0]["text"].as_str().unwrap_or("the tool failed"));
    }
    Ok(answer["structuredContent"].take())
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => output::plain_line(text),
        Value::Null => String::new(),
        other => output::plain_line(&other.to_string()),
    }
}

fn counted(models: u64) -> String {
    if models == 1 { "1 model".to_owned() } else { format!("{models} models") }
}

fn rows(list: &Value, row: impl Fn(&Value) -> Vec<String>) -> Vec<Vec<String>> {
    list.as_array().map(Vec::as_slice).unwrap_or_default().iter().map(row).collect()
}

async fn discover(as_json: bool) -> Result<ExitCode> {
    let answer = call("llm_models", json!({ "discover": true }), &mut |_| {}).await?;
    let found = rows(&answer["found"], |one| {
        let models = one["models"].as_array().map_or(0, |models| models.len() as u64);
        vec![text(&one["provider"]), text(&one["kind"]), text(&one["address"]), counted(models)]
    });
    if as_json {
        output::json(answer.get("found").unwrap_or(&Value::Array(Vec::new())))?;
    } else if found.is_empty() {
        output::line(
            "Nothing was found: neither LM Studio (port 1234), nor Ollama (11434), nor llama.cpp (8080) runs here.",
        )?;
    } else {
        output::table(&["NAME", "KIND", "ADDRESS", ""], found)?;
        output::line(
            "\nThey are used as they are while `discover = true` stands in [llm]; `drawbridge llm chat` asks one.",
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn providers(as_json: bool) -> Result<ExitCode> {
    let answer = call("llm_models", json!({ "check": true }), &mut |_| {}).await?;
    let list = rows(&answer["providers"], |one| {
        let state = match one["works"] == true {
            true => {
                let models = counted(one["models"].as_u64().unwrap_or_default());
                format!("{models}, {} ms", text(&one["took_ms"]))
            }
            false => text(&one["why"]),
        };
        vec![text(&one["provider"]), text(&one["kind"]), text(&one["address"]), state]
    });
    if as_json {
        output::json(answer.get("providers").unwrap_or(&Value::Array(Vec::new())))?;
    } else if list.is_empty() {
        output::line("There are no providers: docs/llm.md says how to add one.")?;
    } else {
        output::table(&["NAME", "KIND", "ADDRESS", ""], list)?;
    }
    let all_work =
        answer["providers"].as_array().is_none_or(|all| all.iter().all(|one| one["works"] == true));
    Ok(if all_work { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn models(as_json: bool) -> Result<ExitCode> {
    let answer = call("llm_models", json!({}), &mut |_| {}).await?;
    if as_json {
        output::json(&answer["models"])?;
        return Ok(ExitCode::SUCCESS);
    }
    let list = rows(&answer["models"], |one| {
        let state = if one["loaded"] == true { "in memory" } else { "" };
        vec![
            text(&one["model"]),
            if one["kind"] == "unknown" { String::new() } else { text(&one["kind"]) },
            text(&one["context_length"]),
            text(&one["quant"]),
            state.to_owned(),
        ]
    });
    if list.is_empty() {
        output::line(
            "There are no models: `drawbridge llm discover` looks for some, docs/llm.md says how to add a service.",
        )?;
    } else {
        output::table(&["MODEL", "KIND", "CONTEXT", "QUANT", ""], list)?;
    }
    for silent in answer["silent"].as_array().into_iter().flatten() {
        output::line(output::yellow(&text(silent)))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn usage(days: u32, as_json: bool) -> Result<ExitCode> {
    let answer = call("llm_usage", json!({ "days": days, "everyone": true }), &mut |_| {}).await?;
    if as_json {
        output::json(&answer["days"])?;
        return Ok(ExitCode::SUCCESS);
    }
    let list = rows(&answer["days"], |row| {
        ["day", "caller", "model", "requests", "prompt_tokens", "completion_tokens", "cost"]
            .iter()
            .map(|name| text(&row[*name]))
            .collect()
    });
    if list.is_empty() {
        output::line("Nothing was asked of language models in that time.")?;
        return Ok(ExitCode::SUCCESS);
    }
    output::table(&["DAY", "CALLER", "MODEL", "REQUESTS", "PROMPT", "ANSWER", "COST"], list)?;
    Ok(ExitCode::SUCCESS)
}

async fn ask(chat: Chat, as_json: bool) -> Result<ExitCode> {
    let arguments = arguments(chat)?;
    let mut shown = Shown::default();
    let mut show = |event: &Value| {
        if !as_json {
            shown.event(event);
        }
    };
    let answer = call("llm_chat", arguments, &mut show).await;
    shown.end_waiting();
    if answer.is_err() {
        shown.end_line();
    }
    let answer = answer?;
    if as_json {
        output::json(&answer)?;
    } else {
        shown.rest(answer["text"].as_str().unwrap_or_default())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn arguments(chat: Chat) -> Result<Value> {
    let mut prompt = chat.prompt.join(" ");
    if !std::io::stdin().is_terminal() {
        let mut piped = String::new();
        std::io::stdin().read_to_string(&mut piped).context("standard input cannot be read")?;
        if !piped.trim().is_empty() {
            prompt = if prompt.is_empty() { piped } else { format!("{prompt}\n\n{piped}") };
        }
    }
    if prompt.trim().is_empty() {
        bail!("ask something: drawbridge llm chat 'Why is the sky blue?'");
    }
    let mut arguments = Map::from_iter([("prompt".to_owned(), prompt.into())]);
    let mut set = |name: &str, value: Value| {
        if !value.is_null() {
            arguments.insert(name.to_owned(), value);
        }
    };
    set("model", json!(chat.model));
    set("system", json!(chat.system));
    set("max_tokens", json!(chat.max_tokens));
    set("temperature", json!(chat.temperature));
    set("files", if chat.files.is_empty() { Value::Null } else { json!(chat.files) });
    Ok(Value::Object(arguments))
}

/// What of the answer was shown. Pieces are shown as they come; on a slow wire some may be lost, and the end tells.
#[derive(Default)]
struct Shown {
    text: String,
    waits: bool,
}

impl Shown {
    fn event(&mut self, event: &Value) {
        let params = &event["params"];
        let Some(message) =
            params["message"].as_str().filter(|_| event["method"] == "notifications/progress")
        else {
            return;
        };
        if params["total"].is_null() {
            self.end_waiting();
            self.text.push_str(message);
            print(&output::plain(message));
        } else if std::io::stderr().is_terminal() {
            self.waits = true;
            eprint!("\r\u{1b}[K{}", output::plain_line(message));
        }
    }

    fn end_waiting(&mut self) {
        if std::mem::take(&mut self.waits) {
            eprint!("\r\u{1b}[K");
        }
    }

    /// What comes next begins on a line of its own.
    fn end_line(&self) {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            print("\n");
        }
    }

    /// What is still missing when the whole answer is there.
    fn rest(&self, whole: &str) -> Result<()> {
        match whole.strip_prefix(&self.text) {
            Some(rest) => output::line(output::plain(rest)),
            None => output::line(format!(
                "\n\n(Some of it was lost on the way; here is all of it.)\n\n{}",
                output::plain(whole)
            )),
        }
    }
}

/// Shows a piece at once. Where nobody reads any more, the end will notice.
fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn one_is_not_several() {
        assert_eq!([0, 1, 2].map(counted), ["0 models", "1 model", "2 models"]);
    }
}

//! A question, as callers of tools write it.

use drawbridge_contract::{Answer, Arguments, Context, Outcome, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::chat::{ChatRequest, Document, Effort, Image, Message, PDF, Part, RawJson, ResponseFormat, Role};

/// How many files one question may have.
pub(crate) const FILES_MAX: usize = 16;
/// How many messages one question may have.
pub(crate) const MESSAGES_MAX: usize = 1_000;

/// Who is asked, and what.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Question {
    /// Which model, as llm_models names it; without it the owner's default, or whatever runs.
    #[serde(default)]
    pub(super) model: Option<String>,
    /// The question. Comes after `messages` where there are both.
    #[serde(default)]
    pub(super) prompt: Option<String>,
    /// How the model is to behave.
    #[serde(default)]
    pub(super) system: Option<String>,
    /// The conversation so far.
    #[serde(default)]
    #[schemars(length(max = MESSAGES_MAX))]
    messages: Vec<Said>,
    /// Pictures to look at, as `data:image/…;base64,…` or as addresses that the provider fetches.
    #[serde(default)]
    images: Vec<String>,
    /// Files from the roots to read along, by their paths: texts and pictures, and PDF files where the provider reads them.
    #[serde(default)]
    #[schemars(length(max = FILES_MAX))]
    files: Vec<String>,
}

/// One message of the conversation so far.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Said {
    role: Speaker,
    content: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Speaker {
    System,
    User,
    Assistant,
}

/// How the answer is chosen.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Sampling {
    /// 0 is always the likeliest token; up to 2.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 2.0))]
    temperature: Option<f64>,
    /// Only the likeliest tokens that together have this probability.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    top_p: Option<f64>,
    /// Only so many of the likeliest tokens.
    #[serde(default)]
    top_k: Option<u32>,
    /// Where the answer ends.
    #[serde(default)]
    stop: Vec<String>,
    /// The same seed gives the same answer, where the provider keeps that promise.
    #[serde(default)]
    seed: Option<i64>,
    /// How many tokens the answer may have.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub(super) max_tokens: Option<u64>,
    /// How many seconds a local server keeps the model in memory afterwards.
    #[serde(default, rename = "ttl")]
    ttl_s: Option<u64>,
    /// How hard to think before answering, for models that do.
    #[serde(default)]
    effort: Option<Effort>,
}

impl Question {
    /// The question in our words, with files read through the same door as the caller.
    ///
    /// # Errors
    /// [`ToolError::Invalid`] where nothing is asked; what the door says of a file.
    pub(super) async fn into_request(self, context: &Context) -> Result<ChatRequest, ToolError> {
        if self.files.len() > FILES_MAX || self.messages.len() > MESSAGES_MAX {
            let why = format!("at most {FILES_MAX} files and {MESSAGES_MAX} messages");
            return Err(ToolError::Invalid(why));
        }
        let mut last: Vec<Part> = Vec::new();
        for path in &self.files {
            last.extend(read_file(context, path).await?);
        }
        last.extend(self.images.iter().map(|url| Part::Image(Image::at(url))));
        last.extend(self.prompt.map(Part::text));
        let mut messages: Vec<Message> =
            self.system.map(|system| Message::text(Role::System, system)).into_iter().collect();
        messages.extend(self.messages.into_iter().map(Message::from));
        if !last.is_empty() {
            messages.push(Message::of(Role::User, last));
        }
        if !messages.iter().any(|message| message.role != Role::System) {
            return Err(ToolError::Invalid("nothing is asked: give `prompt`, or `messages`".to_owned()));
        }
        Ok(ChatRequest::new(self.model.unwrap_or_default(), messages))
    }
}

impl From<Said> for Message {
    fn from(said: Said) -> Self {
        let role = match said.role {
            Speaker::System => Role::System,
            Speaker::User => Role::User,
            Speaker::Assistant => Role::Assistant,
        };
        Self::text(role, said.content)
    }
}

/// A file as parts of a message. It is read as the caller would read it.
async fn read_file(context: &Context, path: &str) -> Result<Vec<Part>, ToolError> {
    let arguments = Map::from_iter([("path".to_owned(), Value::from(path))]);
    let outcome = context.call("files_read", Arguments::from_map(arguments)).await;
    let result = match outcome {
        Ok(Outcome::Complete(Answer::Tool(result))) => result,
        Ok(_) => return Err(ToolError::Refused(format!("the owner must approve reading {path} first"))),
        Err(refusal) => return Err(ToolError::Refused(format!("{path} cannot be read: {refusal}"))),
    };
    if result.is_error {
        return Err(ToolError::Invalid(format!("{path} cannot be read: {}", result.content.plain_text())));
    }
    let mut parts = vec![Part::text(format!("File {path}:\n"))];
    for block in &result.content.parse().unwrap_or_default() {
        let part = part_of(block).or_else(|| document(block, path));
        parts.push(part.ok_or_else(|| unreadable(block, path))?);
    }
    Ok(parts)
}

/// A file that a provider reads itself.
fn document(block: &Value, path: &str) -> Option<Part> {
    let (resource, name) = (&block["resource"], path.rsplit('/').next().unwrap_or(path));
    let is_pdf = resource["mimeType"].as_str() == Some(PDF);
    let base64 = resource["blob"].as_str().filter(|_| is_pdf)?;
    Some(Part::File(Document::pdf(Some(name.to_owned()), base64)))
}

fn unreadable(block: &Value, path: &str) -> ToolError {
    let kind = block["resource"]["mimeType"].as_str().unwrap_or("of a kind that nobody knows");
    ToolError::Invalid(format!("{path} is {kind}, which no model reads: give texts, pictures and PDF files"))
}

pub(super) fn part_of(block: &Value) -> Option<Part> {
    match block["type"].as_str()? {
        "text" => Some(Part::text(block["text"].as_str()?)),
        "image" => Some(Part::Image(Image::data(block["mimeType"].as_str()?, block["data"].as_str()?))),
        _ => None,
    }
}

impl Sampling {
    /// Puts it into a request.
    ///
    /// # Errors
    /// [`ToolError::Invalid`] for what is out of range.
    pub(super) fn apply(self, request: &mut ChatRequest) -> Result<(), ToolError> {
        let within = |name: &str, value: Option<f64>, max: f64| match value {
            Some(value) if !(0.0..=max).contains(&value) => {
                Err(ToolError::Invalid(format!("{name} has to be 0 to {max}")))
            }
            _ => Ok(()),
        };
        within("temperature", self.temperature, 2.0)?;
        within("top_p", self.top_p, 1.0)?;
        request.temperature = self.temperature;
        request.top_p = self.top_p;
        request.top_k = self.top_k;
        request.stop = self.stop;
        request.seed = self.seed;
        request.max_tokens = self.max_tokens;
        request.ttl_s = self.ttl_s;
        request.effort = self.effort;
        Ok(())
    }
}

/// What the answer must look like: `true`, or a schema.
///
/// # Errors
/// [`ToolError::Invalid`] for anything else.
pub(super) fn response_format(json: Value) -> Result<ResponseFormat, ToolError> {
    match json {
        Value::Bool(true) => Ok(ResponseFormat::Json),
        Value::Bool(false) => Ok(ResponseFormat::Text),
        Value::Object(_) => {
            let schema = RawJson::from(drawbridge_contract::raw(&json));
            Ok(ResponseFormat::Schema { name: "answer".to_owned(), schema, strict: Some(true) })
        }
        _ => Err(ToolError::Invalid("json is `true`, or a JSON Schema".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn blob(kind: &str) -> Value {
        json!({"type": "resource", "resource": {"uri": "root://x", "mimeType": kind, "blob": "JVBERi0="}})
    }

    #[test]
    fn a_pdf_is_given_as_it_is_and_what_nobody_reads_is_named() {
        let given = document(&blob(PDF), "notes/bill.pdf");
        let wanted = Document::pdf(Some("bill.pdf".into()), "JVBERi0=");
        assert_eq!(given, Some(Part::File(wanted)));
        assert_eq!(document(&blob("application/zip"), "a.zip"), None);
        let why = unreadable(&blob("application/zip"), "a.zip").to_string();
        assert!(why.contains("a.zip is application/zip") && why.contains("PDF"), "{why}");
    }
}

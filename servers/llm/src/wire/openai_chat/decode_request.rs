//! A client's question in the words of chat completions.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::json::{Mixed, invalid, or_default, question};
use crate::chat::{
    ChatRequest, Effort, Extra, Failure, Family, Image, Message, Part, RawJson, ResponseFormat, Role,
    ToolCall, ToolChoice, ToolDefinition, ToolResultPart,
};

/// Our question from the body of the request.
pub(crate) fn decode(bytes: &[u8]) -> Result<ChatRequest, Failure> {
    question::<Ask>(bytes)?.translated()
}

#[derive(Deserialize)]
struct Ask {
    model: String,
    messages: Vec<WireMessage>,
    #[serde(default, deserialize_with = "or_default")]
    tools: Vec<Tool>,
    #[serde(default)]
    tool_choice: Option<Value>,
    #[serde(default)]
    parallel_tool_calls: Option<bool>,
    #[serde(default)]
    temperature: Option<f64>,
    #[serde(default)]
    top_p: Option<f64>,
    #[serde(default)]
    top_k: Option<u32>,
    #[serde(default)]
    min_p: Option<f64>,
    #[serde(default)]
    repeat_penalty: Option<f64>,
    #[serde(default)]
    frequency_penalty: Option<f64>,
    #[serde(default)]
    presence_penalty: Option<f64>,
    #[serde(default, deserialize_with = "or_default")]
    stop: Words,
    #[serde(default)]
    seed: Option<i64>,
    #[serde(default)]
    max_tokens: Option<i64>,
    #[serde(default)]
    max_completion_tokens: Option<i64>,
    #[serde(default)]
    ttl: Option<u64>,
    #[serde(default)]
    response_format: Option<Format>,
    #[serde(default)]
    reasoning_effort: Option<String>,
    #[serde(default)]
    user: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    stream: bool,
    /// Read by [`super::super::head`], and of no use to other dialects.
    #[serde(default, rename = "stream_options")]
    _stream_options: Option<Value>,
    #[serde(default)]
    n: Option<u32>,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

/// One word, or several.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Words {
    One(String),
    Many(Vec<String>),
}

impl Default for Words {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl From<Words> for Vec<String> {
    fn from(words: Words) -> Self {
        match words {
            Words::One(word) => vec![word],
            Words::Many(words) => words,
        }
    }
}

#[derive(Deserialize)]
struct WireMessage {
    role: String,
    #[serde(default)]
    content: Option<Content>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    reasoning_content: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    tool_calls: Vec<Call>,
    #[serde(default)]
    tool_call_id: Option<String>,
}

type Content = Mixed<WirePart>;

#[derive(Deserialize)]
struct WirePart {
    r#type: String,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
    #[serde(default)]
    image_url: Option<ImageUrl>,
    #[serde(default)]
    file: Option<WireFile>,
}

/// A file in the request, or one that OpenAI keeps.
#[derive(Deserialize, Default)]
struct WireFile {
    #[serde(default)]
    filename: Option<String>,
    #[serde(default)]
    file_data: Option<String>,
}

/// An object as a rule; older programs send the address alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum ImageUrl {
    Object { url: String, detail: Option<String> },
    Address(String),
}

#[derive(Deserialize)]
struct Call {
    id: String,
    #[serde(default)]
    function: Option<Called>,
    #[serde(default)]
    extra_content: Option<Value>,
}

#[derive(Deserialize)]
struct Called {
    name: String,
    #[serde(default)]
    arguments: String,
}

#[derive(Deserialize)]
struct Tool {
    r#type: String,
    #[serde(default)]
    function: Option<Function>,
}

#[derive(Deserialize)]
struct Function {
    name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    parameters: Option<RawJson>,
    #[serde(default)]
    strict: Option<bool>,
}

#[derive(Deserialize)]
struct Format {
    r#type: String,
    #[serde(default)]
    json_schema: Option<Schema>,
}

#[derive(Deserialize)]
struct Schema {
    #[serde(default)]
    name: Option<String>,
    schema: RawJson,
    #[serde(default)]
    strict: Option<bool>,
}

impl Ask {
    fn translated(self) -> Result<ChatRequest, Failure> {
        if self.n.is_some_and(|n| n != 1) {
            return Err(invalid(
                "only one choice can be given here: leave n out, and ask again for another answer",
            ));
        }
        let limit = self.max_completion_tokens.or(self.max_tokens);
        Ok(ChatRequest {
            messages: self.messages.into_iter().map(WireMessage::translated).collect::<Result<_, _>>()?,
            tools: self.tools.into_iter().map(Tool::translated).collect::<Result<_, _>>()?,
            tool_choice: self.tool_choice.as_ref().map(choice).transpose()?,
            response_format: self.response_format.map(Format::translated).transpose()?,
            effort: self.reasoning_effort.as_deref().map(effort).transpose()?,
            // LM Studio's -1 is no limit.
            max_tokens: limit.and_then(|limit| u64::try_from(limit).ok()),
            model: self.model,
            parallel_tool_calls: self.parallel_tool_calls,
            temperature: self.temperature,
            top_p: self.top_p,
            top_k: self.top_k,
            min_p: self.min_p,
            repeat_penalty: self.repeat_penalty,
            frequency_penalty: self.frequency_penalty,
            presence_penalty: self.presence_penalty,
            stop: self.stop.into(),
            seed: self.seed,
            ttl_s: self.ttl,
            user: self.user,
            stream: self.stream,
            extra: Extra::of(Family::OpenAiChat, self.extra),
        })
    }
}

impl WireMessage {
    fn translated(self) -> Result<Message, Failure> {
        let role = match self.role.as_str() {
            "system" | "developer" => Role::System,
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "tool" | "function" => return self.result(),
            other => return Err(invalid(format!("a message has the unknown role {other:?}"))),
        };
        let mut parts: Vec<Part> =
            self.reasoning_content.filter(|words| !words.is_empty()).map(thought).into_iter().collect();
        parts.extend(parts_of(self.content)?);
        parts.extend(self.refusal.filter(|words| !words.is_empty()).map(Part::text));
        parts.extend(self.tool_calls.into_iter().map(Call::translated).collect::<Result<Vec<_>, _>>()?);
        Ok(Message { role, parts, name: self.name })
    }

    fn result(self) -> Result<Message, Failure> {
        let call = self.tool_call_id.or(self.name);
        let call = call
            .ok_or_else(|| invalid("a message of role tool says with tool_call_id which call it answers"))?;
        let parts = parts_of(self.content)?;
        Ok(Message::of(Role::Tool, vec![Part::ToolResult(ToolResultPart { call, parts, is_error: false })]))
    }
}

fn thought(text: String) -> Part {
    Part::Reasoning(crate::chat::Reasoning { text, ..Default::default() })
}

fn parts_of(content: Option<Content>) -> Result<Vec<Part>, Failure> {
    match content {
        None => Ok(Vec::new()),
        Some(Mixed::Text(text)) => Ok(vec![Part::text(text)]),
        Some(Mixed::List(parts)) => parts.into_iter().map(WirePart::translated).collect(),
    }
}

impl WirePart {
    fn translated(self) -> Result<Part, Failure> {
        match (self.r#type.as_str(), self.text.or(self.refusal), self.image_url) {
            ("text" | "refusal", Some(text), _) => Ok(Part::text(text)),
            ("image_url", _, Some(ImageUrl::Address(url))) => Ok(Part::Image(Image::at(&url))),
            ("image_url", _, Some(ImageUrl::Object { url, detail })) => {
                Ok(Part::Image(Image { detail, ..Image::at(&url) }))
            }
            ("file", ..) => file(self.file.unwrap_or_default()),
            (other, ..) => Err(untranslatable(other)),
        }
    }
}

fn file(file: WireFile) -> Result<Part, Failure> {
    let data = file.file_data.ok_or_else(|| kept_elsewhere("file_data"))?;
    Part::file(file.filename, &data).map_err(|error| invalid(error.to_string()))
}

/// A file that a client left with its provider is with no other.
pub(crate) fn kept_elsewhere(word: &str) -> Failure {
    invalid(format!(
        "a file that another provider keeps cannot be given to this model: put it into the question itself, as {word}"
    ))
}

/// Nothing of a message is dropped in silence.
pub(crate) fn untranslatable(kind: &str) -> Failure {
    invalid(format!(
        "a part of type {kind:?} cannot be given to this model: text, images and files can, as the dialect writes them"
    ))
}

impl Call {
    fn translated(self) -> Result<Part, Failure> {
        let function =
            self.function.ok_or_else(|| invalid("only calls of functions can be given to this model"))?;
        let seal =
            self.extra_content.as_ref().and_then(|extra| extra["google"]["thought_signature"].as_str());
        let seal = seal.map(str::to_owned);
        Ok(Part::ToolCall(ToolCall { id: self.id, name: function.name, arguments: function.arguments, seal }))
    }
}

impl Tool {
    fn translated(self) -> Result<ToolDefinition, Failure> {
        let function = self.function.filter(|_| self.r#type == "function").ok_or_else(|| {
            invalid(format!(
                "a tool of type {:?} cannot be given to this model: only functions can",
                self.r#type
            ))
        })?;
        Ok(ToolDefinition {
            name: function.name,
            description: function.description.unwrap_or_default(),
            parameters: function.parameters.unwrap_or_else(no_parameters),
            strict: function.strict,
        })
    }
}

/// The schema of a tool that takes nothing.
pub(crate) fn no_parameters() -> RawJson {
    super::super::json::raw(&serde_json::json!({ "type": "object", "properties": {} }))
}

/// `tool_choice`, in both of OpenAI's dialects: the second puts the name beside the type.
pub(crate) fn choice(choice: &Value) -> Result<ToolChoice, Failure> {
    match choice.as_str() {
        Some("auto") => return Ok(ToolChoice::Auto),
        Some("none") => return Ok(ToolChoice::None),
        Some("required" | "any") => return Ok(ToolChoice::Required),
        _ => {}
    }
    let name = choice["function"]["name"].as_str().or_else(|| choice["name"].as_str());
    name.filter(|_| choice["type"] == "function")
        .map(|name| ToolChoice::Named(name.to_owned()))
        .ok_or_else(|| invalid("tool_choice is auto, none, required, or one function by its name"))
}

/// `reasoning_effort`, in both of OpenAI's dialects.
pub(crate) fn effort(word: &str) -> Result<Effort, Failure> {
    Ok(match word {
        "none" | "off" => Effort::None,
        "minimal" => Effort::Minimal,
        "low" => Effort::Low,
        "medium" | "on" => Effort::Medium,
        "high" => Effort::High,
        "xhigh" | "max" => Effort::Max,
        other => {
            let words =
                format!("reasoning effort {other:?} is unknown: none, minimal, low, medium, high or xhigh");
            return Err(invalid(words));
        }
    })
}

impl Format {
    fn translated(self) -> Result<ResponseFormat, Failure> {
        match (self.r#type.as_str(), self.json_schema) {
            ("text", _) => Ok(ResponseFormat::Text),
            ("json_object", _) => Ok(ResponseFormat::Json),
            ("json_schema", Some(schema)) => Ok(ResponseFormat::Schema {
                name: schema.name.unwrap_or_else(|| "answer".to_owned()),
                schema: schema.schema,
                strict: schema.strict,
            }),
            (other, _) => Err(invalid(format!(
                "response_format {other:?} cannot be asked of this model: text, json_object, or json_schema with a schema"
            ))),
        }
    }
}

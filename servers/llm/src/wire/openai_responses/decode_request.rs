//! A client's question in the words of responses.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::json::{Mixed, invalid, or_default, question};
use super::super::openai_chat::decode_request::{
    choice, effort, kept_elsewhere, no_parameters, untranslatable,
};
use crate::chat::{
    ChatRequest, Document, Extra, Failure, Family, Image, Message, Part, RawJson, Reasoning, ResponseFormat,
    Role, ToolCall, ToolDefinition, ToolResultPart,
};

/// Our question from the body of the request.
pub(crate) fn decode(bytes: &[u8]) -> Result<ChatRequest, Failure> {
    question::<Ask>(bytes)?.translated()
}

#[derive(Deserialize)]
struct Ask {
    model: String,
    input: Mixed<Item>,
    #[serde(default)]
    instructions: Option<String>,
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
    max_output_tokens: Option<u64>,
    #[serde(default, deserialize_with = "or_default")]
    text: Text,
    #[serde(default, deserialize_with = "or_default")]
    reasoning: Thinking,
    #[serde(default)]
    user: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    stream: bool,
    #[serde(default)]
    previous_response_id: Option<String>,
    #[serde(default)]
    conversation: Option<Value>,
    #[serde(default, deserialize_with = "or_default")]
    background: bool,
    // Where OpenAI would keep the answer, and what it would add to it: of no use here.
    #[serde(default, rename = "store")]
    _store: Option<Value>,
    #[serde(default, rename = "include")]
    _include: Option<Value>,
    #[serde(default, rename = "truncation")]
    _truncation: Option<Value>,
    #[serde(default, rename = "stream_options")]
    _stream_options: Option<Value>,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

#[derive(Deserialize)]
struct Item {
    /// Absent: a message.
    #[serde(default)]
    r#type: Option<String>,
    #[serde(default)]
    role: Option<String>,
    #[serde(default)]
    content: Option<Mixed<Content>>,
    #[serde(default)]
    call_id: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    arguments: String,
    #[serde(default)]
    output: Option<Mixed<Content>>,
    #[serde(default, deserialize_with = "or_default")]
    summary: Vec<Content>,
    #[serde(default)]
    encrypted_content: Option<String>,
}

#[derive(Deserialize)]
struct Content {
    r#type: String,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
    #[serde(default)]
    image_url: Option<String>,
    #[serde(default)]
    detail: Option<String>,
    #[serde(default)]
    filename: Option<String>,
    #[serde(default)]
    file_data: Option<String>,
    #[serde(default)]
    file_url: Option<String>,
}

#[derive(Deserialize)]
struct Tool {
    r#type: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    parameters: Option<RawJson>,
    #[serde(default)]
    strict: Option<bool>,
}

#[derive(Deserialize, Default)]
struct Text {
    #[serde(default)]
    format: Option<Format>,
}

#[derive(Deserialize)]
struct Format {
    r#type: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    schema: Option<RawJson>,
    #[serde(default)]
    strict: Option<bool>,
}

#[derive(Deserialize, Default)]
struct Thinking {
    #[serde(default)]
    effort: Option<String>,
}

impl Ask {
    fn translated(self) -> Result<ChatRequest, Failure> {
        if self.previous_response_id.is_some() || self.conversation.is_some() {
            return Err(invalid(
                "no conversation is kept here: send all of it as input, without previous_response_id",
            ));
        }
        if self.background {
            return Err(invalid("answers do not wait in the background here: ask without background"));
        }
        Ok(ChatRequest {
            messages: messages(self.instructions, self.input)?,
            model: self.model,
            tools: self.tools.into_iter().map(Tool::translated).collect::<Result<_, _>>()?,
            tool_choice: self
                .tool_choice
                .as_ref()
                .filter(|choice| !choice.is_null())
                .map(choice)
                .transpose()?,
            parallel_tool_calls: self.parallel_tool_calls,
            temperature: self.temperature,
            top_p: self.top_p,
            max_tokens: self.max_output_tokens,
            response_format: self.text.format.map(Format::translated).transpose()?,
            effort: self.reasoning.effort.as_deref().map(effort).transpose()?,
            user: self.user,
            stream: self.stream,
            extra: Extra::of(Family::OpenAiResponses, self.extra),
            ..ChatRequest::default()
        })
    }
}

fn messages(instructions: Option<String>, input: Mixed<Item>) -> Result<Vec<Message>, Failure> {
    let mut out: Vec<Message> =
        instructions.map(|words| Message::text(Role::System, words)).into_iter().collect();
    let items = match input {
        Mixed::Text(text) => {
            out.push(Message::text(Role::User, text));
            return Ok(out);
        }
        Mixed::List(items) => items,
    };
    for item in items {
        let (role, parts) = item.translated()?;
        // Thoughts, words and calls of one turn are items of their own here; with us they are one message.
        match out.last_mut().filter(|last| last.role == role && matches!(role, Role::Assistant | Role::Tool))
        {
            Some(last) => last.parts.extend(parts),
            None => out.push(Message::of(role, parts)),
        }
    }
    Ok(out)
}

impl Item {
    fn translated(self) -> Result<(Role, Vec<Part>), Failure> {
        match self.r#type.as_deref().unwrap_or("message") {
            "message" => self.message(),
            "function_call" => Ok((Role::Assistant, vec![self.call()?])),
            "function_call_output" => Ok((Role::Tool, vec![self.result()?])),
            "reasoning" => Ok((Role::Assistant, vec![self.thought()])),
            other => Err(untranslatable(other)),
        }
    }

    fn message(self) -> Result<(Role, Vec<Part>), Failure> {
        let role = match self.role.as_deref() {
            Some("system" | "developer") => Role::System,
            Some("user") => Role::User,
            Some("assistant") => Role::Assistant,
            other => {
                return Err(invalid(format!("a message has the unknown role {:?}", other.unwrap_or(""))));
            }
        };
        Ok((role, parts_of(self.content)?))
    }

    fn call(self) -> Result<Part, Failure> {
        let (Some(id), Some(name)) = (self.call_id, self.name) else {
            return Err(invalid("a function_call has a call_id and a name"));
        };
        Ok(Part::ToolCall(ToolCall { id, name, arguments: self.arguments, seal: None }))
    }

    fn result(self) -> Result<Part, Failure> {
        let call = self
            .call_id
            .ok_or_else(|| invalid("a function_call_output says with call_id which call it answers"))?;
        Ok(Part::ToolResult(ToolResultPart { call, parts: parts_of(self.output)?, is_error: false }))
    }

    fn thought(self) -> Part {
        let words: Vec<String> = self.summary.into_iter().filter_map(|words| words.text).collect();
        Part::Reasoning(Reasoning { text: words.join("\n\n"), seal: self.encrypted_content, redacted: false })
    }
}

fn parts_of(content: Option<Mixed<Content>>) -> Result<Vec<Part>, Failure> {
    match content {
        None => Ok(Vec::new()),
        Some(Mixed::Text(text)) => Ok(vec![Part::text(text)]),
        Some(Mixed::List(parts)) => parts.into_iter().map(Content::translated).collect(),
    }
}

impl Content {
    fn translated(self) -> Result<Part, Failure> {
        match (self.r#type.as_str(), self.text.or(self.refusal), self.image_url) {
            ("input_text" | "output_text" | "text" | "refusal", Some(text), _) => Ok(Part::text(text)),
            ("input_image", _, Some(url)) => {
                Ok(Part::Image(Image { detail: self.detail, ..Image::at(&url) }))
            }
            ("input_file", ..) => file(self.filename, self.file_data, self.file_url),
            (other, ..) => Err(untranslatable(other)),
        }
    }
}

fn file(name: Option<String>, data: Option<String>, url: Option<String>) -> Result<Part, Failure> {
    match (data, url) {
        (Some(data), _) => Part::file(name, &data).map_err(|error| invalid(error.to_string())),
        (None, Some(url)) => Ok(Part::File(Document::at(name, url))),
        (None, None) => Err(kept_elsewhere("file_data")),
    }
}

impl Tool {
    fn translated(self) -> Result<ToolDefinition, Failure> {
        let name = self.name.filter(|_| self.r#type == "function").ok_or_else(|| {
            invalid(format!(
                "a tool of type {:?} cannot be given to this model: only functions can",
                self.r#type
            ))
        })?;
        Ok(ToolDefinition {
            name,
            description: self.description.unwrap_or_default(),
            parameters: self.parameters.unwrap_or_else(no_parameters),
            strict: self.strict,
        })
    }
}

impl Format {
    fn translated(self) -> Result<ResponseFormat, Failure> {
        match (self.r#type.as_str(), self.schema) {
            ("text", _) => Ok(ResponseFormat::Text),
            ("json_object", _) => Ok(ResponseFormat::Json),
            ("json_schema", Some(schema)) => Ok(ResponseFormat::Schema {
                name: self.name.unwrap_or_else(|| "answer".to_owned()),
                schema,
                strict: self.strict,
            }),
            (other, _) => Err(invalid(format!(
                "text.format {other:?} cannot be asked of this model: text, json_object, or json_schema with a schema"
            ))),
        }
    }
}

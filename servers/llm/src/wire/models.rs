//! Lists of models.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::json::{answer, body, lenient, or_default};
use crate::chat::{Failure, ModelInfo};

/// A model that a provider has.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ModelEntry {
    /// What requests call it.
    pub id: String,
    /// What people call it.
    pub name: Option<String>,
    /// What it is for.
    pub kind: ModelKind,
    /// What is known of it.
    pub info: ModelInfo,
    /// Whether it is in memory, where the provider says.
    pub loaded: Option<bool>,
    /// The names of its copies in memory, by which LM Studio's v1 unloads them.
    pub instances: Vec<String>,
    /// How large its file is.
    pub size_bytes: Option<u64>,
    /// Whether it sees pictures.
    pub vision: Option<bool>,
    /// Whether it was made to call tools.
    pub tools: Option<bool>,
    /// Who made it, or who has it.
    pub owner: Option<String>,
    /// Seconds from 1970 to its making.
    pub created_s: Option<i64>,
}

/// What a model is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelKind {
    /// It answers.
    Chat,
    /// It makes vectors.
    Embedding,
    /// The provider does not say.
    #[default]
    Unknown,
}

#[derive(Deserialize)]
struct OpenAiList {
    #[serde(default, deserialize_with = "or_default")]
    data: Vec<OpenAiModel>,
}

/// OpenAI's fields, LM Studio's v0 beside them, and vLLM's and llama.cpp's.
#[derive(Deserialize)]
struct OpenAiModel {
    id: String,
    #[serde(default, deserialize_with = "lenient")]
    created: Option<i64>,
    #[serde(default, deserialize_with = "lenient")]
    owned_by: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    r#type: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    publisher: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    arch: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    compatibility_type: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    quantization: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    state: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    loaded_context_length: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    max_context_length: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    max_model_len: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    meta: Option<LlamaMeta>,
}

/// What llama.cpp's server says of the model that it has.
#[derive(Deserialize, Default)]
struct LlamaMeta {
    #[serde(default)]
    n_ctx: Option<u64>,
    #[serde(default)]
    n_ctx_train: Option<u64>,
    #[serde(default)]
    size: Option<u64>,
}

/// The list of `GET /models`.
pub(crate) fn decode_openai(bytes: &[u8]) -> Result<Vec<ModelEntry>, Failure> {
    let list: OpenAiList = answer(bytes)?;
    Ok(list.data.into_iter().map(ModelEntry::from).collect())
}

impl From<OpenAiModel> for ModelEntry {
    fn from(wire: OpenAiModel) -> Self {
        let meta = wire.meta.unwrap_or_default();
        let kind = wire.r#type.as_deref();
        Self {
            kind: kind.map_or(ModelKind::Unknown, lm_kind),
            info: ModelInfo {
                arch: wire.arch,
                quant: wire.quantization,
                format: wire.compatibility_type,
                context_length: wire
                    .loaded_context_length
                    .or(wire.max_context_length)
                    .or(wire.max_model_len)
                    .or(meta.n_ctx)
                    .or(meta.n_ctx_train),
            },
            loaded: wire.state.map(|state| state == "loaded"),
            instances: Vec::new(),
            size_bytes: meta.size,
            vision: kind.map(|kind| kind == "vlm"),
            tools: None,
            owner: wire.publisher.or(wire.owned_by),
            created_s: wire.created,
            name: None,
            id: wire.id,
        }
    }
}

/// LM Studio's word for what a model is for.
pub(crate) fn lm_kind(word: &str) -> ModelKind {
    match word {
        "llm" | "vlm" => ModelKind::Chat,
        "embedding" | "embeddings" => ModelKind::Embedding,
        _ => ModelKind::Unknown,
    }
}

/// One model, in OpenAI's words.
pub(crate) fn openai(entry: &ModelEntry) -> Value {
    let owner = entry.owner.as_deref().unwrap_or("drawbridge");
    json!({ "id": entry.id, "object": "model", "created": entry.created_s.unwrap_or(0), "owned_by": owner })
}

/// One model, in Anthropic's words.
pub(crate) fn anthropic(entry: &ModelEntry) -> Value {
    let at = DateTime::from_timestamp(entry.created_s.unwrap_or(0), 0).unwrap_or_default();
    let at = at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let name = entry.name.as_deref().unwrap_or(&entry.id);
    json!({ "type": "model", "id": entry.id, "display_name": name, "created_at": at })
}

/// The body of our `GET /v1/models`.
pub(crate) fn encode_openai(entries: &[ModelEntry]) -> Vec<u8> {
    let data: Vec<_> = entries.iter().map(openai).collect();
    body(&json!({ "object": "list", "data": data }))
}

#[derive(Deserialize)]
struct AnthropicList {
    data: Vec<AnthropicModel>,
}

#[derive(Deserialize)]
struct AnthropicModel {
    id: String,
    #[serde(default, deserialize_with = "lenient")]
    display_name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    created_at: Option<DateTime<Utc>>,
}

/// Anthropic's list.
pub(crate) fn decode_anthropic(bytes: &[u8]) -> Result<Vec<ModelEntry>, Failure> {
    let list: AnthropicList = answer(bytes)?;
    let entry = |wire: AnthropicModel| ModelEntry {
        id: wire.id,
        name: wire.display_name,
        kind: ModelKind::Chat,
        created_s: wire.created_at.map(|at| at.timestamp()),
        owner: Some("anthropic".to_owned()),
        ..ModelEntry::default()
    };
    Ok(list.data.into_iter().map(entry).collect())
}

/// The body of our list for Anthropic's programs.
pub(crate) fn encode_anthropic(entries: &[ModelEntry]) -> Vec<u8> {
    let data: Vec<_> = entries.iter().map(anthropic).collect();
    let (first, last) = (entries.first().map(|entry| &entry.id), entries.last().map(|entry| &entry.id));
    body(&json!({ "data": data, "has_more": false, "first_id": first, "last_id": last }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lm_studio_tells_more_than_openai() {
        let list = br#"{"object":"list","data":[
            {"id":"qwen2-vl-7b","object":"model","type":"vlm","publisher":"mlx-community","arch":"qwen2_vl",
             "compatibility_type":"mlx","quantization":"4bit","state":"not-loaded","max_context_length":32768},
            {"id":"gpt-x","object":"model","created":5,"owned_by":"openai"}]}"#;
        let entries = decode_openai(list).unwrap();
        assert_eq!(
            (entries[0].kind, entries[0].vision, entries[0].loaded),
            (ModelKind::Chat, Some(true), Some(false))
        );
        assert_eq!(entries[0].info.context_length, Some(32_768));
        assert_eq!((entries[1].kind, entries[1].created_s), (ModelKind::Unknown, Some(5)));
    }

    #[test]
    fn llama_cpp_tells_its_context() {
        let list = br#"{"object":"list","data":[{"id":"m.gguf","meta":{"n_ctx_train":4096,"size":99}}]}"#;
        let entry = &decode_openai(list).unwrap()[0];
        assert_eq!((entry.info.context_length, entry.size_bytes), (Some(4_096), Some(99)));
    }

    #[test]
    fn what_is_no_list_is_malformed() {
        assert!(decode_openai(b"<html>").is_err());
        assert!(decode_openai(br#"{"data":[{"name":"no id"}]}"#).is_err());
        assert_eq!(decode_openai(br#"{"data":null}"#).unwrap(), []);
    }

    #[test]
    fn anthropics_list_is_read_by_our_own_reader() {
        let entry = ModelEntry {
            id: "claude".into(),
            name: Some("Claude".into()),
            kind: ModelKind::Chat,
            created_s: Some(1_700_000_000),
            owner: Some("anthropic".into()),
            ..Default::default()
        };
        assert_eq!(decode_anthropic(&encode_anthropic(std::slice::from_ref(&entry))).unwrap(), [entry]);
    }

    #[test]
    fn our_list_is_read_by_our_own_reader() {
        let entry =
            ModelEntry { id: "a".into(), created_s: Some(0), owner: Some("me".into()), ..Default::default() };
        assert_eq!(decode_openai(&encode_openai(std::slice::from_ref(&entry))).unwrap(), [entry]);
    }
}

//! Ollama's models, in memory and out of it, and embeddings.

use serde::Deserialize;
use serde_json::json;

use super::super::embeddings::{EmbedRequest, EmbedResult};
use super::super::json::{answer, body, lenient, or_default};
use super::super::models::{ModelEntry, ModelKind};
use crate::chat::{Failure, ModelInfo, Usage};

#[derive(Deserialize)]
struct Tags {
    #[serde(default, deserialize_with = "or_default")]
    models: Vec<Tag>,
}

#[derive(Deserialize)]
struct Tag {
    name: String,
    #[serde(default, deserialize_with = "lenient")]
    size: Option<u64>,
    #[serde(default, deserialize_with = "or_default")]
    details: Details,
    /// Of a model in memory.
    #[serde(default, deserialize_with = "lenient")]
    size_vram: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    context_length: Option<u64>,
}

#[derive(Deserialize, Default)]
struct Details {
    #[serde(default, deserialize_with = "lenient")]
    format: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    family: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    quantization_level: Option<String>,
}

/// The list of `GET /api/tags`, and that of `GET /api/ps`, which has only those in memory.
pub(crate) fn decode_models(bytes: &[u8]) -> Result<Vec<ModelEntry>, Failure> {
    let tags: Tags = answer(bytes)?;
    Ok(tags.models.into_iter().map(ModelEntry::from).collect())
}

impl From<Tag> for ModelEntry {
    fn from(tag: Tag) -> Self {
        let is_embedding = tag.details.family.as_deref().is_some_and(|family| family.contains("bert"));
        Self {
            kind: if is_embedding { ModelKind::Embedding } else { ModelKind::Unknown },
            info: ModelInfo {
                arch: tag.details.family,
                quant: tag.details.quantization_level,
                format: tag.details.format,
                context_length: tag.context_length,
            },
            loaded: tag.size_vram.map(|_| true),
            size_bytes: tag.size,
            id: tag.name,
            ..Self::default()
        }
    }
}

/// The body of an embedding request.
pub(crate) fn encode_embed(request: &EmbedRequest) -> Result<Vec<u8>, Failure> {
    let mut ask = json!({ "model": request.model, "input": request.texts("Ollama")?, "truncate": false });
    if let Some(dimensions) = request.dimensions {
        ask["dimensions"] = dimensions.into();
    }
    Ok(body(&ask))
}

#[derive(Deserialize)]
struct Embedded {
    #[serde(default, deserialize_with = "or_default")]
    model: String,
    embeddings: Vec<Vec<f32>>,
    #[serde(default, deserialize_with = "lenient")]
    prompt_eval_count: Option<u64>,
}

/// The vectors of its answer.
pub(crate) fn decode_embed(bytes: &[u8]) -> Result<EmbedResult, Failure> {
    let embedded: Embedded = answer(bytes)?;
    let usage = Usage { prompt_tokens: embedded.prompt_eval_count, ..Usage::default() };
    Ok(EmbedResult { model: embedded.model, vectors: embedded.embeddings, usage })
}

/// The body of the request to `generate` that loads a model without asking it anything, or with 0 seconds unloads it.
pub(crate) fn encode_keep(model: &str, keep_s: Option<u64>) -> Vec<u8> {
    match keep_s {
        Some(seconds) => body(&json!({ "model": model, "keep_alive": seconds })),
        None => body(&json!({ "model": model })),
    }
}

#[derive(Deserialize)]
struct Kept {
    #[serde(default, deserialize_with = "lenient")]
    model: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    load_duration: Option<f64>,
}

/// What was loaded, and how many seconds it took.
pub(crate) fn decode_load(bytes: &[u8]) -> Result<(Option<String>, Option<f64>), Failure> {
    let kept: Kept = answer(bytes)?;
    Ok((kept.model, kept.load_duration.map(|nanoseconds| nanoseconds / 1e9)))
}

//! Gemini's models and embeddings.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::embeddings::{EmbedRequest, EmbedResult};
use super::super::json::{answer, body, lenient, or_default};
use super::super::models::{ModelEntry, ModelKind};
use crate::chat::{Failure, ModelInfo, Usage};

#[derive(Deserialize)]
struct List {
    #[serde(default, deserialize_with = "or_default")]
    models: Vec<Model>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Model {
    name: String,
    #[serde(default, deserialize_with = "lenient")]
    display_name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    input_token_limit: Option<u64>,
    #[serde(default, deserialize_with = "or_default")]
    supported_generation_methods: Vec<String>,
}

/// The list of `GET models`.
pub(crate) fn decode_models(bytes: &[u8]) -> Result<Vec<ModelEntry>, Failure> {
    let list: List = answer(bytes)?;
    Ok(list.models.into_iter().map(ModelEntry::from).collect())
}

impl From<Model> for ModelEntry {
    fn from(wire: Model) -> Self {
        let does = |method: &str| wire.supported_generation_methods.iter().any(|one| one == method);
        let kind = match (does("generateContent"), does("embedContent")) {
            (true, _) => ModelKind::Chat,
            (false, true) => ModelKind::Embedding,
            (false, false) => ModelKind::Unknown,
        };
        let info = ModelInfo { context_length: wire.input_token_limit, ..ModelInfo::default() };
        let id = wire.name.strip_prefix("models/").unwrap_or(&wire.name).to_owned();
        Self { id, name: wire.display_name, kind, info, owner: Some("google".to_owned()), ..Self::default() }
    }
}

/// The body of a request to `batchEmbedContents`.
pub(crate) fn encode_embed(request: &EmbedRequest) -> Result<Vec<u8>, Failure> {
    let model = format!("models/{}", request.model.strip_prefix("models/").unwrap_or(&request.model));
    let one = |text: &String| {
        let mut one = json!({ "model": model, "content": { "parts": [{ "text": text }] } });
        if let Some(dimensions) = request.dimensions {
            one["outputDimensionality"] = dimensions.into();
        }
        one
    };
    let requests: Vec<Value> = request.texts("Gemini")?.iter().map(one).collect();
    Ok(body(&json!({ "requests": requests })))
}

#[derive(Deserialize)]
struct Embedded {
    embeddings: Vec<Values>,
}

#[derive(Deserialize)]
struct Values {
    values: Vec<f32>,
}

/// The vectors of its answer, which counts nothing.
pub(crate) fn decode_embed(bytes: &[u8]) -> Result<EmbedResult, Failure> {
    let embedded: Embedded = answer(bytes)?;
    let vectors = embedded.embeddings.into_iter().map(|one| one.values).collect();
    Ok(EmbedResult { model: String::new(), vectors, usage: Usage::default() })
}

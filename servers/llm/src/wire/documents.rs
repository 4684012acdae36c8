//! Documents on their way to a provider: given as they are to those who read them, as words to the others, and refused
//! by name where there is no such way.

use std::borrow::Cow;

use super::json::invalid;
use super::provider::ProviderDialect;
use crate::chat::{ChatRequest, Document, DocumentSource, Failure, Part, Role};

/// `request` with nothing in it that `dialect` has no words for: texts have become words where they must.
///
/// # Errors
/// [`Failure`] of kind `Invalid` that names the first document that cannot be given to this provider.
pub(crate) fn fitting(
    dialect: ProviderDialect,
    request: &ChatRequest,
) -> Result<Cow<'_, ChatRequest>, Failure> {
    for document in request.documents() {
        check(dialect, document)?;
    }
    if has_files_of_the_system(request) {
        return Err(invalid(
            "a file cannot be given to a model in a system message: put it into a user's message",
        ));
    }
    let has_texts = || request.documents().any(|document| document.as_words().is_some());
    if dialect.takes_texts() || !has_texts() {
        return Ok(Cow::Borrowed(request));
    }
    let mut request = request.clone();
    for message in &mut request.messages {
        message.parts.iter_mut().for_each(as_words);
    }
    Ok(Cow::Owned(request))
}

fn check(dialect: ProviderDialect, document: &Document) -> Result<(), Failure> {
    let name = &document.name;
    match &document.source {
        DocumentSource::Data { .. } if !dialect.takes_documents() => Err(invalid(format!(
            "the file {name:?} cannot be given to this model, because its provider reads no PDF files: ask a model of \
             OpenAI, Anthropic or Gemini, or give it the text"
        ))),
        DocumentSource::Url { url } if !dialect.takes_document_urls() => Err(invalid(format!(
            "the document at {url} cannot be given to this model: its provider fetches none, and Drawbridge fetches \
             nothing that a question names. Give the document itself, in base64"
        ))),
        _ => Ok(()),
    }
}

/// What no dialect has words for; a text becomes some of the system's.
fn has_files_of_the_system(request: &ChatRequest) -> bool {
    let mut system = request.messages.iter().filter(|message| message.role == Role::System);
    system.any(|message| {
        message.parts.iter().any(|part| matches!(part, Part::File(file) if file.as_words().is_none()))
    })
}

fn as_words(part: &mut Part) {
    match part {
        Part::File(document) => {
            if let Some(words) = document.as_words() {
                *part = Part::text(words);
            }
        }
        Part::ToolResult(result) => result.parts.iter_mut().for_each(as_words),
        _ => {}
    }
}

//! Files in clients' own questions, from every dialect into every other.

use serde_json::{Value, json};

use crate::chat::{Document, FailureKind, Part};
use crate::wire::{ClientDialect, ProviderDialect};

/// A question with this part beside a text, in the words of a client.
fn asked(client: ClientDialect, part: &Value) -> Vec<u8> {
    let body = match client {
        ClientDialect::OpenAiChat => json!({"model": "m", "messages": [
            {"role": "user", "content": [{"type": "text", "text": "What is this?"}, part]}]}),
        ClientDialect::OpenAiResponses => json!({"model": "m", "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "What is this?"}, part]}]}),
        ClientDialect::Anthropic => json!({"model": "m", "max_tokens": 9, "messages": [
            {"role": "user", "content": [{"type": "text", "text": "What is this?"}, part]}]}),
    };
    body.to_string().into_bytes()
}

/// A file with this data in the words of every client: the name, and base64.
fn written(media_type: &str, base64: &str) -> [(ClientDialect, Value); 3] {
    let url = format!("data:{media_type};base64,{base64}");
    [
        (ClientDialect::OpenAiChat, json!({"type": "file", "file": {"filename": "bill", "file_data": url}})),
        (ClientDialect::OpenAiResponses, json!({"type": "input_file", "filename": "bill", "file_data": url})),
        (
            ClientDialect::Anthropic,
            json!({"type": "document", "title": "bill", "source": {"type": "base64", "media_type": media_type, "data": base64}}),
        ),
    ]
}

fn translated(client: ClientDialect, part: &Value, provider: ProviderDialect) -> Result<Value, String> {
    let request = client.decode_chat(&asked(client, part)).map_err(|failure| failure.message)?;
    let body = provider.encode_chat(&request).map_err(|failure| {
        assert_eq!(failure.kind, FailureKind::Invalid);
        failure.message
    })?;
    Ok(serde_json::from_slice(&body).unwrap())
}

/// Where each provider is given the part behind the text.
const READERS: [(ProviderDialect, &str); 5] = [
    (ProviderDialect::OpenAiChat, "/messages/0/content/1"),
    (ProviderDialect::Compatible, "/messages/0/content/1"),
    (ProviderDialect::OpenAiResponses, "/input/0/content/1"),
    (ProviderDialect::Anthropic, "/messages/0/content/1"),
    (ProviderDialect::Gemini, "/contents/0/parts/1"),
];
/// Those who read words and pictures alone.
const OTHERS: [ProviderDialect; 4] = [
    ProviderDialect::Ollama,
    ProviderDialect::LlamaCpp,
    ProviderDialect::LmStudioV0,
    ProviderDialect::LmStudioV1,
];

fn pdf_for(provider: ProviderDialect) -> Value {
    let url = "data:application/pdf;base64,JVBERi0=";
    match provider {
        ProviderDialect::OpenAiResponses => {
            json!({"type": "input_file", "filename": "bill", "file_data": url})
        }
        ProviderDialect::Anthropic => {
            json!({"type": "document", "title": "bill", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}})
        }
        ProviderDialect::Gemini => {
            json!({"inlineData": {"mimeType": "application/pdf", "data": "JVBERi0="}})
        }
        _ => json!({"type": "file", "file": {"filename": "bill", "file_data": url}}),
    }
}

#[test]
fn a_pdf_of_any_client_reaches_any_provider_that_reads_it_and_no_other() {
    for (client, part) in written("application/pdf", "JVBERi0=") {
        for (provider, place) in READERS {
            let body = translated(client, &part, provider).unwrap();
            assert_eq!(body.pointer(place), Some(&pdf_for(provider)), "{client:?} to {provider:?}: {body}");
        }
        for provider in OTHERS {
            let why = translated(client, &part, provider).unwrap_err();
            assert!(why.contains("\"bill\"") && why.contains("no PDF"), "{client:?} to {provider:?}: {why}");
        }
    }
}

/// A text as words of its message, in JSON.
const WORDS: &str = r"\nFile bill:\n# Section\n\n";

#[test]
fn a_text_reaches_everyone_under_its_name() {
    for (client, part) in written("text/markdown", "IyBTZWN0aW9uCg==") {
        for (provider, place) in READERS {
            let body = translated(client, &part, provider).unwrap();
            if provider == ProviderDialect::Anthropic {
                let wanted = json!({"type": "text", "media_type": "text/plain", "data": "# Section\n"});
                let given = body.pointer(place).unwrap();
                assert_eq!((&given["source"], &given["title"]), (&wanted, &json!("bill")), "{client:?}");
            } else {
                assert!(body.to_string().contains(WORDS), "{client:?} to {provider:?}: {body}");
            }
        }
        for provider in OTHERS {
            let body = translated(client, &part, provider).unwrap().to_string();
            assert!(body.contains(WORDS), "{client:?} to {provider:?}: {body}");
        }
    }
}

#[test]
fn what_is_neither_pdf_nor_text_is_refused_by_its_name_and_kind() {
    let kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
    for (client, part) in written(kind, "UEsDBBQABgAIAAAAIQDf") {
        let why = translated(client, &part, ProviderDialect::OpenAiChat).unwrap_err();
        assert!(why.contains("\"bill\"") && why.contains(kind), "{client:?}: {why}");
    }
}

#[test]
fn an_address_goes_to_those_who_fetch_it_and_is_never_fetched_here() {
    let url = "https://files.example/bill.pdf";
    let cases = [
        (ClientDialect::OpenAiResponses, json!({"type": "input_file", "file_url": url})),
        (ClientDialect::Anthropic, json!({"type": "document", "source": {"type": "url", "url": url}})),
    ];
    for (client, part) in cases {
        let body = translated(client, &part, ProviderDialect::Anthropic).unwrap();
        assert_eq!(body["messages"][0]["content"][1]["source"], json!({"type": "url", "url": url}));
        let body = translated(client, &part, ProviderDialect::OpenAiResponses).unwrap();
        assert_eq!(body["input"][0]["content"][1], json!({"type": "input_file", "file_url": url}));
        let fetch_nothing =
            [ProviderDialect::OpenAiChat, ProviderDialect::Compatible, ProviderDialect::Gemini];
        for provider in fetch_nothing.into_iter().chain(OTHERS) {
            let why = translated(client, &part, provider).unwrap_err();
            assert!(why.contains(url) && why.contains("base64"), "{provider:?}: {why}");
        }
    }
}

#[test]
fn a_file_that_a_provider_keeps_is_refused() {
    let cases = [
        (ClientDialect::OpenAiChat, json!({"type": "file", "file": {"file_id": "file-1"}})),
        (ClientDialect::OpenAiChat, json!({"type": "file"})),
        (ClientDialect::OpenAiResponses, json!({"type": "input_file", "file_id": "file-1"})),
        (ClientDialect::Anthropic, json!({"type": "document", "source": {"type": "file", "file_id": "f"}})),
    ];
    for (client, part) in cases {
        let why = translated(client, &part, ProviderDialect::Anthropic).unwrap_err();
        assert!(why.contains("another provider keeps"), "{client:?}: {why}");
    }
}

#[test]
fn a_document_of_words_in_pieces_is_one_text_and_what_is_to_be_known_of_it_is_told() {
    let part = json!({"type": "document", "title": "law", "context": "In force since May.", "citations": {"enabled": true},
        "source": {"type": "content", "content": [{"type": "text", "text": "One."}, {"type": "text", "text": "Two."}]}});
    let body = translated(ClientDialect::Anthropic, &part, ProviderDialect::Ollama).unwrap();
    assert_eq!(
        body["messages"][0]["content"],
        "What is this?\nAbout the document that follows: In force since May.\n\nFile law:\nOne.\n\nTwo.\n"
    );
    let picture = json!({"type": "document", "source": {"type": "content", "content": [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}]}});
    let why = translated(ClientDialect::Anthropic, &picture, ProviderDialect::Ollama).unwrap_err();
    assert!(why.contains("more than text"), "{why}");
}

#[test]
fn documents_in_results_of_tools_are_read_and_refused_like_others() {
    let body = |source: Value| {
        let body = json!({"model": "m", "max_tokens": 9, "messages": [
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "look", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": [
                {"type": "document", "title": "bill", "source": source}]}]}]});
        ClientDialect::Anthropic.decode_chat(body.to_string().as_bytes()).unwrap()
    };
    let pdf = body(json!({"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}));
    assert_eq!(pdf.documents().collect::<Vec<_>>(), [&Document::pdf(Some("bill".into()), "JVBERi0=")]);
    let encoded = |provider: ProviderDialect| -> Value {
        serde_json::from_slice(&provider.encode_chat(&pdf).unwrap()).unwrap()
    };
    let chat = encoded(ProviderDialect::OpenAiChat);
    assert_eq!(chat["messages"][1]["content"], "(shown below)");
    assert_eq!(chat["messages"][2]["content"][0], pdf_for(ProviderDialect::OpenAiChat));
    assert_eq!(encoded(ProviderDialect::Gemini)["contents"][1]["parts"][1], pdf_for(ProviderDialect::Gemini));
    let responses = encoded(ProviderDialect::OpenAiResponses);
    assert_eq!(responses["input"][1]["output"][0], pdf_for(ProviderDialect::OpenAiResponses));
    assert!(ProviderDialect::Ollama.encode_chat(&pdf).unwrap_err().message.contains("\"bill\""));
    let text = body(json!({"type": "text", "media_type": "text/plain", "data": "5 euros"}));
    let ollama: Value = serde_json::from_slice(&ProviderDialect::Ollama.encode_chat(&text).unwrap()).unwrap();
    assert_eq!(ollama["messages"][1]["content"], "\nFile bill:\n5 euros\n");
}

#[test]
fn a_picture_sent_as_a_file_is_a_picture() {
    for (client, part) in written("image/png", "AAAA") {
        let request = client.decode_chat(&asked(client, &part)).unwrap();
        assert!(matches!(request.messages[0].parts[1], Part::Image(_)), "{client:?}");
    }
}

#[test]
fn a_file_in_a_system_message_is_not_lost_in_silence() {
    let body = br#"{"model":"m","messages":[{"role":"system","content":[{"type":"file","file":{"file_data":"JVBERi0="}}]},{"role":"user","content":"x"}]}"#;
    let request = ClientDialect::OpenAiChat.decode_chat(body).unwrap();
    for (provider, _) in READERS {
        assert!(provider.encode_chat(&request).unwrap_err().message.contains("system message"));
    }
}

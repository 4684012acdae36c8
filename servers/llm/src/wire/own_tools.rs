//! Which tools a client's question lets its provider run itself. Read only where money counts.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::client::ClientDialect;
use super::json::lenient;
use crate::chat::OwnTool;

/// What is said in place of a name when the tools cannot be read: such a question costs nobody knows what.
const UNREADABLE: &str = "unreadable";
/// Fields that let a provider use something of its own, and what that is: of OpenAI's chat completions, of those who
/// are compatible, and of responses, whose stored prompts may have any tools.
const FIELDS: &[(&str, &str)] = &[
    ("web_search_options", "web_search"),
    ("search_parameters", "web_search"),
    ("plugins", "plugins"),
    ("prompt", "prompt"),
];
/// Models of OpenAI that search the web for every question.
const SEARCH_MODELS: &[&str] = &["-search-preview", "-search-api"];
/// Tools of the provider's making that the client runs, or that cost nothing but tokens.
const FREE: &[&str] = &[
    "function",
    "custom",
    "apply_patch",
    "bash",
    "computer",
    "computer_use",
    "local_shell",
    "mcp",
    "mcp_toolset",
    "memory",
    "str_replace_based_edit_tool",
    "text_editor",
    "tool_search",
    "tool_search_tool_bm25",
    "tool_search_tool_regex",
    "web_fetch",
];

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    tools: Option<Vec<Tool>>,
    #[serde(default, deserialize_with = "lenient")]
    max_tool_calls: Option<u64>,
    #[serde(default)]
    web_search_options: Option<IgnoredAny>,
    #[serde(default)]
    search_parameters: Option<IgnoredAny>,
    #[serde(default)]
    plugins: Option<IgnoredAny>,
    #[serde(default)]
    prompt: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Tool {
    #[serde(default)]
    r#type: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    max_uses: Option<u64>,
}

/// The tools that a question's body lets `model` use and that may cost more than tokens.
#[must_use]
pub fn own_tools(body: &[u8], dialect: ClientDialect, model: &str) -> Vec<OwnTool> {
    let Ok(asked) = serde_json::from_slice::<Asked>(body) else {
        return vec![OwnTool { name: UNREADABLE.to_owned(), uses_max: None, is_told: false }];
    };
    let is_there = [asked.web_search_options, asked.search_parameters, asked.plugins, asked.prompt];
    let is_told = dialect != ClientDialect::OpenAiChat;
    let listed = asked.tools.iter().flatten().filter_map(|tool| {
        let name = named(tool.r#type.as_deref()?);
        let uses_max = tool.max_uses.or(asked.max_tool_calls);
        (!FREE.contains(&name)).then(|| OwnTool { name: name.to_owned(), uses_max, is_told })
    });
    let by_fields = FIELDS.iter().zip(is_there).filter_map(|((field, name), is_there)| {
        // Only responses have stored prompts.
        let counts = *field != "prompt" || dialect == ClientDialect::OpenAiResponses;
        is_there.filter(|_| counts).map(|_| untold(name))
    });
    let searches = !is_told && SEARCH_MODELS.iter().any(|mark| model.contains(mark));
    let mut tools: Vec<OwnTool> = listed.chain(by_fields).collect();
    if searches && tools.iter().all(|tool| tool.name != "web_search") {
        tools.push(untold("web_search"));
    }
    tools
}

/// The same of the fields that go along with a question that is translated: functions are all the tools it can have.
#[must_use]
pub fn own_tools_of_fields(fields: &Map<String, Value>) -> Vec<OwnTool> {
    let is_there = |field: &str| fields.get(field).is_some_and(|value| !value.is_null());
    FIELDS.iter().filter(|(field, _)| is_there(field)).map(|(_, name)| untold(name)).collect()
}

fn untold(name: &str) -> OwnTool {
    OwnTool { name: name.to_owned(), uses_max: Some(1), is_told: false }
}

/// A tool's name without its version and without `preview`.
fn named(kind: &str) -> &str {
    let name = kind.split_once("_20").map_or(kind, |(name, _)| name);
    name.strip_suffix("_preview").unwrap_or(name)
}

/// The name under which a use in an answer counts, in the words of messages: what runs code has several tools for it.
pub(crate) fn used_in_messages(name: &str) -> &str {
    if name.ends_with("_code_execution") { "code_execution" } else { named(name) }
}

/// The same of the type of an item of responses; nothing where it is no use of a tool that may cost.
pub(crate) fn used_in_responses(item: &str) -> Option<&str> {
    let name = named(item.strip_suffix("_call")?.trim_end_matches("_tool"));
    (!FREE.contains(&name)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dialect: ClientDialect, body: &str) -> Vec<(String, Option<u64>)> {
        own_tools(body.as_bytes(), dialect, "m").into_iter().map(|tool| (tool.name, tool.uses_max)).collect()
    }

    fn is(dialect: ClientDialect, body: &str, wanted: &[(&str, Option<u64>)]) {
        let wanted: Vec<_> = wanted.iter().map(|(name, uses)| ((*name).to_owned(), *uses)).collect();
        assert_eq!(names(dialect, body), wanted, "{body}");
    }

    #[test]
    fn tools_of_the_provider_are_told_from_those_of_the_client() {
        let messages = ClientDialect::Anthropic;
        is(
            messages,
            r#"{"tools":[{"type":"web_search_20250305","name":"web_search","max_uses":3},{"name":"mine","input_schema":{}},{"type":"custom","name":"b"},
            {"type":"bash_20250124","name":"bash"},{"type":"computer_20251124","name":"computer"},{"type":"web_fetch_20250910","name":"web_fetch"},
            {"type":"code_execution_20250825","name":"code_execution"}]}"#,
            &[("web_search", Some(3)), ("code_execution", None)],
        );
        let responses = ClientDialect::OpenAiResponses;
        is(
            responses,
            r#"{"max_tool_calls":2,"tools":[{"type":"function","name":"f"},{"type":"web_search_preview_2025_03_11"},{"type":"code_interpreter"},
            {"type":"computer_use_preview"},{"type":"mcp"},{"type":"a_later_one"}]}"#,
            &[("web_search", Some(2)), ("code_interpreter", Some(2)), ("a_later_one", Some(2))],
        );
        is(responses, r#"{"prompt":{"id":"pmpt_1"}}"#, &[("prompt", Some(1))]);
        let chat = ClientDialect::OpenAiChat;
        is(
            chat,
            r#"{"web_search_options":{},"plugins":null,"tools":[{"type":"function"},{"type":"custom"}],"prompt":"x"}"#,
            &[("web_search", Some(1))],
        );
        is(chat, r#"{"plugins":[{"id":"web"}]}"#, &[("plugins", Some(1))]);
        is(chat, r#"{"tools":null}"#, &[]);
    }

    #[test]
    fn tools_that_cannot_be_read_are_not_taken_for_none() {
        for body in
            [r#"{"tools":{}}"#, r#"{"tools":[3]}"#, r#"{"tools":[{"type":1}]}"#, r#"{"tools":[],"tools":[]}"#]
        {
            is(ClientDialect::OpenAiChat, body, &[(UNREADABLE, None)]);
        }
    }

    #[test]
    fn a_model_that_always_searches_is_one_that_searches() {
        let of = |model: &str| own_tools(b"{}", ClientDialect::OpenAiChat, model).len();
        assert_eq!((of("gpt-5-search-api"), of("gpt-4o-search-preview-2025-03-11"), of("gpt-5")), (1, 1, 0));
        let both = br#"{"web_search_options":{}}"#;
        assert_eq!(own_tools(both, ClientDialect::OpenAiChat, "gpt-5-search-api").len(), 1);
    }

    #[test]
    fn fields_of_a_translated_question_are_read_too() {
        let fields = Map::from_iter([
            ("plugins".to_owned(), Value::Null),
            ("web_search_options".to_owned(), Value::from(true)),
        ]);
        assert_eq!(own_tools_of_fields(&fields), [untold("web_search")]);
    }

    #[test]
    fn uses_in_answers_have_the_names_of_the_questions() {
        let items =
            ["web_search_call", "function_call", "custom_tool_call", "mcp_call", "computer_call", "message"];
        assert_eq!(items.map(used_in_responses), [Some("web_search"), None, None, None, None, None]);
        assert_eq!(used_in_messages("bash_code_execution"), "code_execution");
    }
}

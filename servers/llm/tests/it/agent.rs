//! `llm_agent`: a model that uses tools.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use drawbridge_contract::{
    Annotations, Context, Outcome, Server, Tool, ToolError, ToolResult, ToolSpec, TypedTool, bind,
};
use drawbridge_llm::{Llm, LlmSettings};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::desk::{Desk, provider};
use crate::double::{Asked, Double, Reply, Step, answer, ends, event};

/// The server llm, and some tools beside it.
struct WithTools(Llm);

#[derive(Deserialize, JsonSchema)]
struct Input {
    key: String,
}

/// How many looks for cats and dogs run now, and how many did at once.
static LOOKS: AtomicUsize = AtomicUsize::new(0);
static LOOKS_AT_ONCE: AtomicUsize = AtomicUsize::new(0);

struct Look;
struct Long;

impl TypedTool<()> for Look {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>("box_look", "Look", "Looks into the box.").annotated(Annotations::READS)
    }

    async fn run(_: &Arc<()>, input: Input, _: &Context) -> Result<Outcome, ToolError> {
        let is_counted = usize::from(matches!(input.key.as_str(), "cat" | "dog"));
        let looks = LOOKS.fetch_add(is_counted, Ordering::SeqCst) + is_counted;
        LOOKS_AT_ONCE.fetch_max(looks, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(200)).await;
        LOOKS.fetch_sub(is_counted, Ordering::SeqCst);
        match input.key.as_str() {
            "nothing" => Err(ToolError::NotFound("there is nothing".to_owned())),
            key => Ok(ToolResult::text(&format!("a {key} is in it")).into()),
        }
    }
}

impl TypedTool<()> for Long {
    type Input = Input;

    fn spec() -> ToolSpec {
        ToolSpec::of::<Input>("box_long", "Long", "Tells a long story.").annotated(Annotations::READS)
    }

    async fn run(_: &Arc<()>, _: Input, _: &Context) -> Result<Outcome, ToolError> {
        Ok(ToolResult::text(&format!("{}the end", "blah ".repeat(20_000))).into())
    }
}

impl Server for WithTools {
    fn name(&self) -> &str {
        "box"
    }

    fn tools(&self) -> Vec<Arc<dyn Tool>> {
        let mut tools = self.0.tools();
        tools.extend([bind::<(), Look>(&Arc::new(())), bind::<(), Long>(&Arc::new(()))]);
        tools
    }
}

fn desk(double: &Double) -> Desk {
    let state = tempfile::tempdir().unwrap();
    let mut settings = LlmSettings::new(state.path());
    settings.providers.push(provider("one", double));
    Desk::serving(WithTools(Llm::open(&settings).unwrap()), state)
}

/// A reply that wants these tools called, each with its arguments as text.
fn wants(calls: &[(&str, &str)]) -> Reply {
    let calls: Vec<Value> = calls
        .iter()
        .enumerate()
        .map(|(index, (name, arguments))| {
            json!({"index": index, "id": format!("call_{index}"), "type": "function", "function": {"name": name, "arguments": arguments}})
        })
        .collect();
    let chunk = json!({"choices": [{"index": 0, "delta": {"tool_calls": calls}}]});
    let stop = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]});
    let usage = json!({"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 5}});
    Reply::events(vec![event(&chunk), event(&stop), event(&usage), Step::Chunk(b"data: [DONE]\n\n".to_vec())])
}

/// What the tools answered in the last round, as the model sees it.
fn results(asked: &Asked) -> Vec<String> {
    let body = asked.json();
    let messages = body["messages"].as_array().unwrap().clone();
    let tail = messages.iter().rev().take_while(|one| one["role"] == "tool");
    let mut results: Vec<String> =
        tail.map(|one| one["content"].as_str().unwrap_or_default().to_owned()).collect();
    results.reverse();
    results
}

#[tokio::test]
async fn calls_of_one_round_run_together_and_their_results_come_back_in_order() {
    let double = Double::start(|asked| match results(asked)[..] {
        [] => wants(&[("box_look", r#"{"key": "cat"}"#), ("box_look", r#"{"key": "dog"}"#)]),
        _ => answer(&["A cat and a dog."], 30, 6),
    })
    .await;
    let desk = desk(&double);
    let done = desk
        .owner
        .data("llm_agent", json!({"model": "one/m", "prompt": "What is in it?", "tools": ["box_*"]}))
        .await;
    assert_eq!(LOOKS_AT_ONCE.load(Ordering::SeqCst), 2, "both at once");
    assert_eq!((&done["text"], &done["stopped"]), (&json!("A cat and a dog."), &json!("answered")));
    assert_eq!((done["rounds"].as_array().unwrap().len(), &done["total_tokens"]), (2, &json!(51)));
    assert_eq!(results(&double.last()), ["a cat is in it", "a dog is in it"]);
    let offered = double.last().json()["tools"].clone();
    let names: Vec<_> =
        offered.as_array().unwrap().iter().map(|one| one["function"]["name"].clone()).collect();
    assert_eq!(names, ["box_look", "box_long", "read_on"]);
}

#[tokio::test]
async fn what_is_wrong_with_a_call_is_told_to_the_model() {
    let double = Double::start(|asked| match results(asked)[..] {
        [] => wants(&[
            ("box_look", r#"{"key": "#),
            ("box_look", r#"{"kye": 1}"#),
            ("files_delete", "{}"),
            ("llm_chat", r#"{"prompt": "x"}"#),
            ("box_look", r#"{"key": "nothing"}"#),
        ]),
        _ => answer(&["I see."], 1, 1),
    })
    .await;
    let desk = desk(&double);
    let done =
        desk.owner.data("llm_agent", json!({"model": "one/m", "prompt": "x", "tools": ["box_look"]})).await;
    let told = results(&double.last());
    for (told, says) in told.iter().zip([
        "not JSON",
        "missing field",
        "no tool files_delete",
        "no tool llm_chat",
        "there is nothing",
    ]) {
        assert!(told.contains(says), "{told}");
    }
    assert!(done["rounds"][0]["calls"].as_array().unwrap().iter().all(|call| call["failed"] == true));
}

#[tokio::test]
async fn one_that_repeats_what_fails_or_never_ends_is_stopped() {
    let failing = Double::start(|_| wants(&[("box_look", r#"{"key": "nothing"}"#)])).await;
    let result = desk(&failing)
        .owner
        .call("llm_agent", json!({"model": "one/m", "prompt": "x", "tools": ["box_look"]}))
        .await;
    assert!(result.is_error && result.content.plain_text().contains("kept doing what had failed"));
    assert_eq!(failing.count("chat"), 3);
    let endless = Double::start(|_| wants(&[("box_look", r#"{"key": "cat"}"#)])).await;
    for (budget, says, asked) in [
        (json!({"rounds_max": 2}), "used up its rounds", 2),
        (json!({"tokens_max": 31}), "used up its tokens", 3),
        (json!({"timeout_seconds": 1}), "its time was over", 0),
    ] {
        let mut arguments = json!({"model": "one/m", "prompt": "x", "tools": ["box_look"]});
        arguments.as_object_mut().unwrap().extend(budget.as_object().unwrap().clone());
        let before = endless.count("chat");
        let error = desk(&endless).owner.error("llm_agent", arguments).await;
        assert!(error.contains(says), "{error}");
        assert!(asked == 0 || endless.count("chat") - before == asked, "{says}");
    }
}

#[tokio::test]
async fn a_long_result_is_shown_in_part_and_read_on() {
    let double = Double::start(|asked| {
        let results = results(asked);
        match results.last() {
            None => wants(&[("box_long", r#"{"key": "x"}"#)]),
            Some(told) if told.contains("go on with") => {
                let from: usize = told
                    .rsplit("\"from\": ")
                    .next()
                    .unwrap()
                    .trim_end_matches(&['}', ']'][..])
                    .parse()
                    .unwrap();
                wants(&[("read_on", &json!({"result": 0, "from": from}).to_string())])
            }
            Some(told) => {
                assert!(told.contains("the end\n[this is the end"), "{}", &told[told.len() - 200..]);
                Reply::events(ends(1, 1))
            }
        }
    })
    .await;
    let done = desk(&double)
        .owner
        .data("llm_agent", json!({"model": "one/m", "prompt": "x", "tools": ["box_long"]}))
        .await;
    assert_eq!(done["rounds"].as_array().unwrap().len(), 5, "100 007 bytes in parts of 32 KiB");
}

#[tokio::test]
async fn tools_have_to_be_named_and_there() {
    let double = Double::start(|_| answer(&["x"], 1, 1)).await;
    let desk = desk(&double);
    for tools in [json!([]), json!(["files_*"]), json!(["llm_agent"])] {
        let error =
            desk.owner.error("llm_agent", json!({"model": "one/m", "prompt": "x", "tools": tools})).await;
        assert!(error.contains("fits 0 of the tools"), "{error}");
    }
    let error = desk.owner.error("llm_agent", json!({"model": "one/m", "prompt": "x", "tools": ["["]})).await;
    assert!(error.contains("in `tools`"), "{error}");
}

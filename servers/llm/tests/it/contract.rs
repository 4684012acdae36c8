//! What callers rely on, committed: a change of it shows in review.

use std::fmt::Write as _;

use drawbridge_contract::kit::Kit;
use drawbridge_contract::{Server as _, ToolSpec};
use drawbridge_llm::{Llm, LlmSettings, ProviderKind, ProviderSettings};
use expect_test::expect_file;
use serde_json::json;

use crate::double::{Asked, Double, Reply, Step};

fn specs() -> Vec<ToolSpec> {
    let state = tempfile::tempdir().unwrap();
    let server = Llm::open(&LlmSettings::new(state.path())).unwrap();
    server.tools().iter().map(|tool| tool.spec().clone()).collect()
}

#[test]
fn the_contract_is_unchanged() {
    let contract = serde_json::to_string_pretty(&specs()).unwrap();
    expect_file!["../../contract.json"].assert_eq(&(contract + "\n"));
}

/// As Ollama answers, whatever it is asked.
fn ollama(asked: &Asked) -> Reply {
    let models =
        json!({"models": [{"name": "tiny", "model": "tiny"}, {"name": "tiny-embed", "model": "tiny-embed"}]});
    let said = json!({"model": "tiny", "message": {"role": "assistant", "content": "Hello there."}, "done": true, "done_reason": "stop", "prompt_eval_count": 3, "eval_count": 2});
    match asked.line.split(' ').nth(1).unwrap() {
        "/api/tags" | "/api/ps" => Reply::json(&models),
        "/api/chat" => {
            Reply::typed("application/x-ndjson", vec![Step::Chunk(format!("{said}\n").into_bytes())])
        }
        "/api/embed" => {
            Reply::json(&json!({"model": "tiny-embed", "embeddings": [[0.5, 0.25]], "prompt_eval_count": 1}))
        }
        _ => Reply::json(&json!({"model": "tiny", "done": true})),
    }
}

#[tokio::test]
async fn every_example_gives_what_it_says() {
    let double = Double::start(ollama).await;
    let state = tempfile::tempdir().unwrap();
    let mut settings = LlmSettings::new(state.path());
    let provider =
        ProviderSettings { address: double.url(), ..ProviderSettings::new("box", ProviderKind::Ollama) };
    settings.providers.push(provider);
    Kit::of(Llm::open(&settings).unwrap()).check_examples().await;
}

#[test]
fn asking_reads_and_only_what_acts_changes() {
    let changes = specs().into_iter().filter(|spec| !spec.annotations.read_only);
    let names: Vec<String> = changes.map(|spec| spec.name.to_string()).collect();
    assert_eq!(names, ["llm_load", "llm_unload", "llm_agent"]);
}

/// The part of the documentation that comes from the specs is in step with them.
#[test]
fn the_documentation_is_in_step() {
    let mut tools = String::new();
    for spec in specs() {
        let kind = if spec.annotations.read_only { "reads" } else { "changes" };
        let _ = write!(tools, "### `{}` ({kind})\n\n{}\n\n", spec.name, spec.description);
        for example in spec.examples {
            let _ = write!(tools, "{}\n\n```json\n{}\n```\n\n", example.says, example.args);
        }
    }
    let generated = format!(
        "# The tools of the language model server\n\n<!-- Made by the test `the_documentation_is_in_step` from the tools' own \
         descriptions: run it with UPDATE_EXPECT=1 to renew this file. -->\n\nWhat holds for all of them is in \
         [llm.md](llm.md).\n\n{}\n",
        tools.trim_end()
    );
    expect_file!["../../../../docs/llm-tools.md"].assert_eq(&generated);
}

//! OpenAI's and Anthropic's own clients against our `/v1`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{double, from_xtask, python, script};
use crate::program::{Bridge, Ran, Request};

/// A hub in front of the double, with a key that may ask and one whose day is used up.
struct Scene {
    bridge: Bridge,
    key: String,
    limited: String,
}

impl Scene {
    fn new() -> Self {
        let address = double::start();
        let bridge = Bridge::configured(&format!(
            "[llm]\ndiscover = false\n[llm.provider.model]\nkind = 'compatible'\naddress = '{address}'\n\
             [[llm.quota]]\ncallers = ['key:limited']\ntokens_per_day = 20\n[[llm.quota]]\ncallers = ['key:free']\n\
             tokens_per_day = 10000000\n"
        ));
        let (key, limited) = (bridge.home.add_key("free", &[]), bridge.home.add_key("limited", &[]));
        Self { bridge, key, limited }
    }

    /// Runs a script, which ends with `all well` when its client got all it should.
    fn run(&self, program: PathBuf, words: &[OsString]) {
        let address = format!("http://{}", self.bridge.hub.address());
        let mut command = Command::new(program);
        command.args(words).args([&address, &self.key, &self.limited]).stdin(Stdio::null());
        let ran = Ran::of(command);
        assert!(ran.good().contains("all well"), "{ran:?}");
    }

    /// What was counted for the caller: questions, and tokens of answers.
    fn used(&self, caller: &str) -> (u64, u64) {
        let used = self.bridge.home.run(&["--json", "llm", "usage"]).good();
        let used: Value = serde_json::from_str(&used).unwrap();
        let rows: Vec<&Value> =
            used.as_array().unwrap().iter().filter(|row| row["caller"] == caller).collect();
        let sum = |what: &str| rows.iter().filter_map(|row| row[what].as_u64()).sum();
        (sum("requests"), sum("completion_tokens"))
    }
}

#[test]
fn the_python_sdks_of_openai_and_anthropic_get_what_they_expect() {
    let scene = Scene::new();
    scene.run(python(), &[script("llm-python/sdks.py").into()]);
    let (requests, tokens) = scene.used("key:free");
    assert!(requests >= 15 && tokens >= 5 * 12, "{requests} questions, {tokens} tokens");
    assert_eq!(scene.used("key:limited").1, 0, "what was refused is not counted");
}

#[test]
fn the_javascript_sdks_of_openai_and_anthropic_get_what_they_expect() {
    let scene = Scene::new();
    let kit = from_xtask("DRAWBRIDGE_TEST_LLM_NODE");
    scene
        .run(from_xtask("DRAWBRIDGE_TEST_NODE"), &[script("llm-node/sdks.mjs").into(), kit.into_os_string()]);
    let (requests, tokens) = scene.used("key:free");
    assert!(requests >= 10 && tokens >= 5 * 8, "{requests} questions, {tokens} tokens");
}

#[test]
fn management_of_providers_is_not_exposed() {
    let scene = Scene::new();
    for path in ["/api/create", "/api/push", "/api/pull", "/api/delete", "/api/blobs/sha256:0", "/v1/files"] {
        let request = Request::new("POST", path).and("Authorization", format!("Bearer {}", scene.key));
        let request = request.and("Content-Type", "application/json").body(json!({"model": "x"}).to_string());
        let status = scene.bridge.hub.connect().ask(&request).status;
        assert!(matches!(status, 404 | 405), "{path}: {status}");
    }
}

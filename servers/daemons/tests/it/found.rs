//! Daemons come, are called, change and go.

use std::fs;
use std::os::unix::fs::{chown, symlink};
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::time::{Duration, Instant};

use drawbridge_contract::{Change, OldParams, Server as _};
use drawbridge_daemons::{Daemons, DaemonsSettings};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;

use crate::desk::{Desk, echo, next, tools, until};

#[tokio::test]
async fn a_method_is_a_tool_and_a_method_of_the_older_dialect() {
    let desk = Desk::new();
    desk.describe("weather", &["mcp.weather.today"]);
    desk.daemon("weather", echo);
    let daemons = Daemons::open(&desk.settings()).unwrap();
    let found = daemons.tools();
    let tool = found.iter().find(|tool| tool.spec().name == "weather_today").unwrap();
    let old = tool.old_method().unwrap();
    assert_eq!((&*old.name, old.wrapped), ("mcp.weather.today", true));
    assert_eq!(old.params, OldParams::Positions(["text".into()].into()));
    let kit = desk.open();
    kit.check("weather_today", r#"{"text": "hello"}"#, r#"["hello"]"#).await;
    assert_eq!(kit.data("weather_today", r#"{"text": "x"}"#).await, json!({"result": ["x"]}));
}

/// Describes `a` with one method that reads, takes anything and gives what this schema of draft 7 says.
fn describe_results(desk: &Desk, result_schema: &Value) {
    let params = json!({"type": "array", "items": [{"title": "value"}]});
    let cap = json!({"capabilities": [{"method": "b", "annotations": {"readOnlyHint": true}, "params_schema": params,
        "result_schema": result_schema}]});
    desk.write("a.cap.json", &cap, 0o600);
}

/// Answers each request with its first parameter, or with an error where there is none.
async fn first(mut stream: UnixStream) {
    while let Some(request) = next(&mut stream).await {
        let mut answer = json!({"jsonrpc": "2.0", "id": request["id"], "result": request["params"][0]});
        if request["params"].as_array().is_some_and(Vec::is_empty) {
            answer = json!({"id": request["id"], "error": {"code": -32055, "message": "nothing was given"}});
        }
        if stream.write_all(format!("{answer}\0").as_bytes()).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn a_result_schema_is_the_output_schema_and_results_are_held_to_it() {
    let desk = Desk::new();
    describe_results(&desk, &json!({"type": "array", "items": [{"type": "string"}, {"type": "integer"}]}));
    desk.daemon("a", first);
    let daemons = Daemons::open(&desk.settings()).unwrap();
    let found = daemons.tools();
    let spec = found.iter().find(|tool| tool.spec().name == "a_b").unwrap().spec().clone();
    assert_eq!(spec.problems(), Vec::<String>::new());
    let schema: Value = serde_json::from_str(spec.output_schema.unwrap().get()).unwrap();
    let places = &schema["properties"]["result"]["prefixItems"];
    assert_eq!(places, &json!([{"type": "string"}, {"type": "integer"}]), "{schema}");

    let kit = desk.open();
    let fits = kit.data("a_b", r#"{"value": ["x", 1]}"#).await;
    assert_eq!(fits, json!({"result": ["x", 1]}));
    jsonschema::validate(&schema, &fits).unwrap();
    let misfit = kit.call("a_b", r#"{"value": ["x", "y"]}"#).await.unwrap();
    let said = misfit.content.plain_text();
    assert!(misfit.is_error && misfit.structured.is_none(), "{said}");
    assert!(said.contains("does not fit its own result_schema for b (at /result/1: "), "{said}");
    assert!(said.contains(r#"It answered: ["x","y"]"#), "what was done is not lost: {said}");
    assert!(misfit.meta.unwrap().get().contains(r#""result":["x","y"]"#));
    let failed = kit.call("a_b", "{}").await.unwrap();
    assert!(failed.is_error && failed.structured.is_none(), "an error need not fit");
    assert!(failed.meta.unwrap().get().contains("-32055"));
}

#[tokio::test]
async fn an_object_is_the_structured_content_itself() {
    let desk = Desk::new();
    describe_results(&desk, &json!({"type": "object", "required": ["city"]}));
    desk.daemon("a", first);
    let kit = desk.open();
    assert_eq!(kit.data("a_b", r#"{"value": {"city": "Paris"}}"#).await, json!({"city": "Paris"}));
    kit.check("a_b", r#"{"value": {"town": "Paris"}}"#, "\"city\" is a required property").await;
    kit.check("a_b", r#"{"value": "Paris"}"#, "is not of type \"object\"").await;
}

#[tokio::test]
async fn tools_appear_soon_after_the_file_and_go_with_it() {
    let desk = Desk::new();
    const LOOKED_THROUGH_EVERY: Duration = Duration::from_secs(60);
    let mut settings = desk.settings();
    settings.bounds.rescan_every = LOOKED_THROUGH_EVERY;
    let daemons = Daemons::open(&settings).unwrap();
    let mut changes = daemons.changes().unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let begun = Instant::now();
    desk.describe("weather", &["today"]);
    assert_eq!(changes.recv().await.unwrap(), Change::Tools);
    // Long before its folder is looked through again.
    assert!(begun.elapsed() < LOOKED_THROUGH_EVERY, "{:?}", begun.elapsed());
    assert_eq!(tools(&daemons), ["weather_today"]);
    fs::remove_file(desk.path("weather.cap.json")).unwrap();
    assert_eq!(changes.recv().await.unwrap(), Change::Tools);
    assert!(tools(&daemons).is_empty());
}

#[tokio::test]
async fn a_folder_that_comes_later_is_found() {
    let desk = Desk::new();
    let settings = DaemonsSettings {
        bounds: drawbridge_daemons::Bounds { rescan_every: Duration::from_millis(100), ..Default::default() },
        ..DaemonsSettings::new(desk.path("later"))
    };
    let daemons = Daemons::open(&settings).unwrap();
    let mut changes = daemons.changes().unwrap();
    fs::create_dir(desk.path("later")).unwrap();
    desk.describe("a", &["b"]);
    fs::rename(desk.path("a.cap.json"), desk.path("later/a.cap.json")).unwrap();
    changes.recv().await.unwrap();
    assert_eq!(tools(&daemons), ["a_b"]);
}

#[tokio::test]
async fn c7_what_others_could_have_written_is_refused_and_told() {
    let desk = Desk::new();
    let cap = json!({"capabilities": [{"method": "x"}]});
    desk.write("writable.cap.json", &cap, 0o666);
    desk.write("group.cap.json", &cap, 0o664);
    desk.write("real.json", &cap, 0o600);
    symlink(desk.path("real.json"), desk.path("link.cap.json")).unwrap();
    desk.write("Big.cap.json", &cap, 0o600);
    fs::write(desk.path("broken.cap.json"), "{").unwrap();
    let daemons = Daemons::open(&desk.settings()).unwrap();
    assert!(tools(&daemons).is_empty());
    let told = daemons.status()["refused"].to_string();
    for name in ["writable", "group", "link", "Big", "broken"] {
        assert!(told.contains(name), "{name}: {told}");
    }
    assert!(told.contains("chmod go-w") && told.contains("it is a link"), "{told}");
}

/// Only root can make files and processes of another user, so elsewhere there is nothing to try.
#[tokio::test]
async fn a6_what_another_user_wrote_or_listens_on_does_not_count() {
    const NOBODY: u32 = 65_534;
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let (desk, theirs) = (Desk::new(), Desk::new());
    desk.describe("foreign", &["b"]);
    chown(desk.path("foreign.cap.json"), Some(NOBODY), None).unwrap();
    desk.describe("a", &["b"]);
    chown(theirs.folder(), Some(NOBODY), None).unwrap();
    let listens = "import socket, sys, time\ns = socket.socket(socket.AF_UNIX)\ns.bind(sys.argv[1])\ns.listen()\ntime.sleep(60)";
    let mut python = Command::new("python3");
    let mut python = python.args(["-c", listens]).arg(theirs.path("a.sock")).uid(NOBODY).spawn().unwrap();
    while !theirs.path("a.sock").exists() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    fs::rename(theirs.path("a.sock"), desk.path("a.sock")).unwrap();
    let kit = desk.open();
    kit.check("a_b", "{}", "it belongs to user 65534, who is neither we nor root").await;
    let refused = kit.data("daemons_list", "{}").await["refused"].to_string();
    assert!(refused.contains("foreign.cap.json") && refused.contains("user 65534"), "{refused}");
    python.kill().unwrap();
    python.wait().unwrap();
}

#[tokio::test]
async fn h3_a_daemon_does_not_shadow_what_is_there() {
    let desk = Desk::new();
    desk.describe("files", &["mcp.files.read"]);
    desk.describe("files_x", &["read"]);
    desk.describe("a", &["mcp.shared.x", "b_c"]);
    desk.describe("a_b", &["c"]);
    desk.describe("z", &["mcp.shared.x", "mcp.z.own", "mcp.files.read"]);
    let daemons = Daemons::open(&desk.settings()).unwrap();
    let found = tools(&daemons);
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(found.contains(&"a_b_c".to_owned()) && found.contains(&"a_shared_x".to_owned()), "{found:?}");
    assert!(
        found.iter().any(|name| name.starts_with("a_b_c_")),
        "the second a_b_c has another name: {found:?}"
    );
    let status = daemons.status();
    let told = status["refused"].to_string();
    assert_eq!(told.matches("belongs to Drawbridge's own files").count(), 2, "{told}");
    let told = status["daemons"].to_string();
    assert!(told.contains("another daemon has the method mcp.shared.x"), "{told}");
    assert!(told.contains("the method mcp.files.read is one of Drawbridge's own"), "{told}");
}

#[tokio::test]
async fn whoever_was_there_first_keeps_the_name() {
    let (one, two) = (Desk::new(), Desk::new());
    two.describe("a", &["second"]);
    let folders = vec![one.folder().to_owned(), two.folder().to_owned()];
    let daemons = Daemons::open(&DaemonsSettings { folders, ..one.settings() }).unwrap();
    let mut changes = daemons.changes().unwrap();
    assert_eq!(tools(&daemons), ["a_second"]);
    one.describe("a", &["first"]);
    while !daemons.status()["refused"].to_string().contains("the first keeps the name") {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(tools(&daemons), ["a_second"]);
    fs::remove_file(two.path("a.cap.json")).unwrap();
    changes.recv().await.unwrap();
    assert_eq!(tools(&daemons), ["a_first"]);
}

#[tokio::test]
async fn a_daemon_that_is_started_anew_is_called_at_once() {
    let desk = Desk::new();
    desk.describe("a", &["b"]);
    let kit = desk.open();
    for _ in 0..5 {
        kit.check("a_b", r#"{"text": "x"}"#, "error: the daemon a could not be asked").await;
    }
    let listed = until(&kit, "not running", |now| now["daemons"][0]["state"] == "not running").await;
    assert!(listed["daemons"][0]["why"].as_str().unwrap().contains("no socket"), "{listed}");
    desk.daemon("a", echo);
    until(&kit, "it is forgiven", |now| now["daemons"][0]["state"] == "ready").await;
    kit.check("a_b", r#"{"text": "x"}"#, "x").await;
}

#[tokio::test]
async fn connections_are_used_again_and_not_kept_for_long() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    let desk = Desk::new();
    desk.describe("a", &["b"]);
    let (opened, open) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counts = (opened.clone(), open.clone());
    desk.daemon("a", move |stream| {
        let (opened, open) = counts.clone();
        async move {
            opened.fetch_add(1, Ordering::SeqCst);
            open.fetch_add(1, Ordering::SeqCst);
            echo(stream).await;
            open.fetch_sub(1, Ordering::SeqCst);
        }
    });
    let kit = desk.open();
    for _ in 0..50 {
        kit.check("a_b", r#"{"text": "x"}"#, "x").await;
    }
    assert_eq!(opened.load(Ordering::SeqCst), 1);
    // Until it is not kept open any more.
    while open.load(Ordering::SeqCst) > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

//! The first start, a host that is connected, and a first conversation.

use std::process::Command;

use serde_json::{Value, json};

use crate::program::{Home, StdioHost};

/// The command as Cursor would start it: exactly what stands in its configuration, in the person's environment.
fn as_configured(home: &Home) -> Command {
    let text = std::fs::read_to_string(home.path(".cursor/mcp.json")).unwrap();
    let configuration: Value = serde_json::from_str(&text).unwrap();
    let entry = &configuration["mcpServers"]["drawbridge"];
    let mut command = Command::new(entry["command"].as_str().unwrap());
    command.args(entry["args"].as_array().unwrap().iter().map(|argument| argument.as_str().unwrap()));
    command.env_clear().env("HOME", home.folder()).env("PATH", "/usr/bin:/bin");
    let variables = entry["env"].as_object().into_iter().flatten();
    command.envs(variables.map(|(name, value)| (name, value.as_str().unwrap())));
    command
}

#[test]
fn a_host_is_connected_and_works_on_real_files() {
    let home = Home::new();
    std::fs::create_dir(home.path(".cursor")).unwrap();
    std::fs::write(home.path(".cursor/mcp.json"), r#"{"mcpServers": {"other": {"command": "other"}}}"#)
        .unwrap();
    std::fs::write(home.in_root("notes.md"), "# Notes\n- milk\n- bread\n").unwrap();
    let hub = home.serve();
    assert!(hub.key().len() > 32, "the first start shows a key");
    drop(hub);
    assert!(home.run(&["connect", "cursor"]).good().contains("connected"));
    let kept = std::fs::read_to_string(home.path(".cursor/mcp.json")).unwrap();
    assert!(kept.contains("\"other\""), "what was there is kept: {kept}");

    let mut host = StdioHost::start(as_configured(&home));
    let tools = host.request("tools/list", json!({}));
    assert!(tools["result"]["tools"].as_array().unwrap().len() >= 13, "{tools}");
    assert!(host.text("files_list", json!({"path": "Drawbridge"})).contains("notes.md"));
    assert!(host.text("files_read", json!({"path": "Drawbridge/notes.md"})).contains("- milk"));
    let edits = json!([{"old_text": "- milk", "new_text": "- oat milk"}]);
    host.text("files_edit", json!({"path": "Drawbridge/notes.md", "edits": edits}));
    assert!(
        host.text("files_search", json!({"pattern": "oat m.lk", "path": "Drawbridge"})).contains("notes.md")
    );
    host.hang_up();

    assert_eq!(std::fs::read_to_string(home.in_root("notes.md")).unwrap(), "# Notes\n- oat milk\n- bread\n");
    let records = home.audit();
    for tool in ["files_list", "files_read", "files_edit", "files_search"] {
        let told = |record: &&Value| record["target"] == tool && record["entrance"] == "mcp.stdio";
        let of_tool: Vec<&Value> = records.iter().filter(told).collect();
        assert!(of_tool.iter().any(|record| record["outcome"] == "ok"), "{tool}: {of_tool:?}");
        assert!(of_tool.iter().any(|record| record["arguments"].is_string()), "{tool}: with what arguments");
    }
    let intent =
        records.iter().position(|record| record["target"] == "files_edit" && record["phase"] == "intent");
    let done =
        records.iter().position(|record| record["target"] == "files_edit" && record["phase"] == "done");
    assert!(intent.unwrap() < done.unwrap(), "what is about to happen is written first");
    home.verify();

    home.run(&["connect", "cursor", "--remove"]).good();
    let left = std::fs::read_to_string(home.path(".cursor/mcp.json")).unwrap();
    assert!(!left.contains("drawbridge") && left.contains("\"other\""), "{left}");
}

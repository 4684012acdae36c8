//! Terminals that stay.

use serde_json::json;

use crate::desk::Desk;

#[tokio::test]
async fn late_output_comes_back_whole() {
    let desk = Desk::new();
    desk.owner.bash("t").await;
    let answer = desk.owner.line("t", "sleep 2; echo late").await;
    assert_eq!(answer["reason"], "command_end");
    let command = &answer["commands"][0];
    assert_eq!((command["line"].as_str(), command["exit_code"].as_i64()), (Some("sleep 2; echo late"), Some(0)));
    assert!(command["duration_ms"].as_u64().unwrap() >= 2000);
    let output = desk.owner.data("terminal_read", json!({ "session": "t", "command": 1 })).await;
    assert_eq!(output["text"], "late\n");
}

//! A job that needs the owner's yes in the middle, answered on the command line.

use serde_json::{Value, json};

use crate::program::{Home, Request, wait_for};

#[test]
fn the_owner_answers_a_job_on_the_command_line() {
    let home = Home::new();
    home.configure(
        "[[rules]]\ntools = [\"terminal_*\"]\nthen = \"ask\"\n[terminal]\nconfinement = \"off\"\n",
    );
    let hub = home.serve();
    // By a program that can show questions: others are told which command of the owner's decides.
    let submit = || {
        let job = json!({ "tool": "terminal_run", "arguments": { "command": "echo allowed" } });
        let request = Request::new("POST", "/api/jobs")
            .and("Authorization", format!("Bearer {}", hub.key()))
            .and("Content-Type", "application/json")
            .and("Drawbridge-Can-Ask", "form");
        let taken = hub.connect().ask(&request.body(job.to_string())).json();
        taken["job"]["id"].as_str().unwrap().to_owned()
    };
    let state = |id: &str| {
        let shown: Value = serde_json::from_str(&home.run(&["--json", "jobs", "status", id]).good()).unwrap();
        shown["job"]["state"].as_str().unwrap().to_owned()
    };
    let waits = |id: &str| wait_for("it asks", || (state(id) == "waiting_for_input").then_some(()));

    let id = submit();
    waits(&id);
    let nobody = home.run(&["jobs", "answer", &id]);
    assert!(nobody.code() == 1 && nobody.err().contains("no person is at the terminal"), "{}", nobody.err());
    home.run(&["jobs", "answer", &id, r#"{"decision": "allow_once"}"#]).good();
    assert!(home.run(&["jobs", "wait", &id, "--for", "30s"]).good().contains("allowed"));
    let again = home.run(&["jobs", "answer", &id, "{}"]);
    assert!(again.code() == 1 && again.err().contains("asks nothing"), "{}", again.err());

    let id = submit();
    waits(&id);
    home.run(&["jobs", "answer", &id, "--decline"]).good();
    wait_for("it is not done", || ["failed", "cancelled"].contains(&&*state(&id)).then_some(()));
    let by_command = json!({ "command": "echo no" }).to_string();
    let id = home.run(&["jobs", "submit", "terminal_run", &by_command, "-q"]).good().trim().to_owned();
    waits(&id);
    assert!(home.run(&["jobs", "answer", &id, "{}"]).err().contains("drawbridge approvals approve"));
    assert_eq!(home.run(&["jobs", "answer", "../x"]).code(), 1);
    assert_eq!(home.run(&["jobs", "answer", "1-0000000000000000"]).code(), 1);
}

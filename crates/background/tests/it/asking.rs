//! Jobs that ask in the middle of their work.

use drawbridge_contract::{APPROVAL, Answers, JobOptions, JobState, Jobs as _, Refusal, ToolError};
use drawbridge_store::{By, Grant, now_us};
use serde_json::{Value, json};

use crate::hub::Hub;

fn answers(key: &str, answer: Value) -> Answers {
    Answers { responses: [(key.to_owned(), answer)].into(), state: None }
}

#[tokio::test]
async fn a_tool_asks_and_gets_its_answer_and_its_state() {
    let hub = Hub::open().work();
    let id = hub.submit("t_ask", "x").await;
    let job = hub.becomes(&id, JobState::WaitingForInput).await;
    assert_eq!(job.message.as_deref(), Some("Who?"));
    assert!(job.needed.unwrap().requests.contains_key("who"));
    let wrong = hub.jobs.answer(&hub.owner(), &id, answers("whom", json!(1))).await.unwrap_err();
    assert!(matches!(wrong, Refusal::Tool(ToolError::Refused(why)) if why.contains("who")));
    hub.jobs.answer(&hub.owner(), &id, answers("who", json!("me"))).await.unwrap();
    assert_eq!(hub.says(&id).await, "asked with x: \"me\"");
    let late = hub.jobs.answer(&hub.owner(), &id, answers("who", json!("me"))).await.unwrap_err();
    assert!(late.to_string().contains("asks nothing"), "{late}");
}

#[tokio::test]
async fn the_owner_says_yes_where_the_job_is_shown() {
    let hub = Hub::open().work();
    let id = hub.submit("t_destroy", "x").await;
    hub.becomes(&id, JobState::WaitingForInput).await;
    assert_eq!(hub.ran(), 0);
    let yes = json!({"action": "accept", "content": {"decision": "allow_once"}});
    hub.jobs.answer(&hub.owner(), &id, answers(APPROVAL, yes)).await.unwrap();
    assert_eq!(hub.says(&id).await, "destroyed x");
    let no = hub.submit("t_destroy", "x").await;
    hub.becomes(&no, JobState::WaitingForInput).await;
    hub.jobs.answer(&hub.owner(), &no, answers(APPROVAL, json!({"action": "decline"}))).await.unwrap();
    let end = hub.says(&no).await;
    assert!(end.starts_with("denied:"), "{end}");
    assert_eq!(hub.ran(), 1);
}

#[tokio::test]
async fn a_job_goes_on_when_the_owner_decides_in_another_program() {
    let hub = Hub::open().work();
    let guest = hub.guest("guest", &["*"]).await;
    for (caller, text) in [(guest, "theirs"), (hub.owner(), "mine")] {
        let id = hub.submit_as(&caller, "t_destroy", text, JobOptions::default()).await.unwrap();
        let job = hub.becomes(&id, JobState::WaitingForInput).await;
        assert!(job.message.unwrap().contains("drawbridge approvals"));
        let approvals = hub.elsewhere();
        let asked = approvals.approvals().list(false, now_us()).unwrap().remove(0);
        approvals.approvals().approve(&asked.id, Grant::Once, By::now("owner", "cli")).await.unwrap();
        assert_eq!(hub.says(&id).await, format!("destroyed {text}"));
    }
}

#[tokio::test]
async fn a_key_cannot_say_yes_to_its_own_job_and_a_no_ends_it() {
    let hub = Hub::open().work();
    let guest = hub.guest("guest", &["*"]).await;
    let id = hub.submit_as(&guest, "t_destroy", "x", JobOptions::default()).await.unwrap();
    hub.becomes(&id, JobState::WaitingForInput).await;
    let yes = json!({"action": "accept", "content": {"decision": "allow_once"}});
    for caller in [&guest, &hub.owner()] {
        let refused = hub.jobs.answer(caller, &id, answers(APPROVAL, yes.clone())).await.unwrap_err();
        assert!(refused.to_string().contains("drawbridge approvals approve"), "{refused}");
    }
    let approvals = hub.elsewhere();
    let asked = approvals.approvals().list(false, now_us()).unwrap().remove(0);
    approvals.approvals().deny(&asked.id, By::now("owner", "cli")).await.unwrap();
    let end = hub.says(&id).await;
    assert!(end.starts_with("denied:") && end.contains("said no"), "{end}");
    assert_eq!(hub.ran(), 0);
}

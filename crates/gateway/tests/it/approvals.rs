//! Asking the owner, and rounds of input.

use std::sync::Arc;

use drawbridge_contract::{Answers, Authenticator as _, Call, InputRequired, Outcome, Refusal};
use drawbridge_store::{By, Grant, now_us};
use serde_json::{Value, json};

use crate::house::Hub;

async fn asked(hub: &Hub, call: &Call) -> InputRequired {
    match hub.send(call.clone()).await {
        Ok(Outcome::InputRequired(needed)) => needed,
        other => panic!("it was not asked: {other:?}"),
    }
}

fn answered(call: &Call, needed: &InputRequired, answer: Value) -> Call {
    let key = needed.requests.keys().next().unwrap().clone();
    let answers = Answers { responses: [(key, answer)].into(), state: needed.state.clone() };
    Call { answers: Some(answers), ..call.clone() }
}

fn yes(decision: &str) -> Value {
    json!({"action": "accept", "content": {"decision": decision}})
}

#[tokio::test]
async fn the_owner_at_the_desk_answers_in_the_host() {
    let hub = Hub::open();
    let call = hub.at_the_desk("t_destroy", "x");
    let needed = asked(&hub, &call).await;
    assert_eq!(hub.ran(), 0);
    assert_eq!(hub.says(answered(&call, &needed, yes("allow_once"))).await, "destroyed");
    assert_eq!(hub.ran(), 1);
    asked(&hub, &call).await;
}

#[tokio::test]
async fn a_no_and_a_dismissed_form_run_nothing() {
    let hub = Hub::open();
    for answer in
        [yes("deny"), json!({"action": "decline"}), json!({"action": "cancel"}), json!({}), yes("ALLOW_ONCE")]
    {
        let call = hub.at_the_desk("t_destroy", &answer.to_string());
        let needed = asked(&hub, &call).await;
        let said = hub.says(answered(&call, &needed, answer)).await;
        assert!(said.contains("said no"), "{said}");
    }
    assert_eq!(hub.ran(), 0);
}

#[tokio::test]
async fn b8_an_answer_belongs_to_one_caller_one_tool_and_exactly_these_arguments() {
    let hub = Hub::open();
    let call = hub.at_the_desk("t_destroy", "this");
    let needed = asked(&hub, &call).await;
    let yes = answered(&call, &needed, yes("allow_once"));
    let other_arguments = Call { arguments: hub.at_the_desk("t_destroy", "that").arguments, ..yes.clone() };
    let guest = hub.gateway.authenticate(&hub.add_key("guest", &["*"], None).await).unwrap();
    let other_caller = Call { caller: guest, ..yes.clone() };
    let mut altered = yes.clone();
    altered.answers.as_mut().unwrap().state.as_mut().unwrap().pop();
    for wrong in [other_arguments, other_caller, altered] {
        let refusal = hub.send(wrong).await.unwrap_err();
        assert!(matches!(refusal, Refusal::BadState(_)), "{refusal:?}");
    }
    assert_eq!(hub.ran(), 0);
}

#[tokio::test]
async fn another_key_cannot_approve_for_itself_but_the_owner_can_elsewhere() {
    let hub = Hub::open();
    let guest = hub.gateway.authenticate(&hub.add_key("guest", &["*"], None).await).unwrap();
    let call = Call { caller: guest, ..hub.at_the_desk("t_destroy", "x") };
    let said = hub.says(call.clone()).await;
    let id = said.split("approve ").nth(2).and_then(|rest| rest.split('`').next()).unwrap().to_owned();
    let by_itself =
        Answers { responses: [("drawbridge_approval".to_owned(), yes("allow_once"))].into(), state: None };
    assert!(hub.says(Call { answers: Some(by_itself), ..call.clone() }).await.contains("must approve"));
    let approvals = hub.elsewhere();
    approvals.approvals().approve(&id, Grant::Once, By::now("owner", "cli")).await.unwrap();
    assert_eq!(hub.says(call.clone()).await, "destroyed");
    assert!(hub.says(call).await.contains("must approve"), "once is once");
    assert_eq!(hub.ran(), 1);
}

#[tokio::test]
async fn a_question_knows_the_call_that_asks_and_the_one_above() {
    let hub = Hub::open();
    assert!(hub.owner_says("t_nest", "t_destroy").await.contains("must approve"));
    let waiting = hub.store.approvals().list(false, now_us()).unwrap();
    let above = waiting[0].parent.clone().unwrap();
    hub.store.flush().await.unwrap();
    let target = |call: &str| hub.store.audit_call(call, 0).unwrap().unwrap().record.target;
    assert_eq!((&*target(&above), &*target(&waiting[0].call)), ("t_nest", "t_destroy"));
    assert!(hub.owner_says("t_destroy", "x").await.contains("must approve"));
    let waiting = hub.store.approvals().list(false, now_us()).unwrap();
    assert_eq!(waiting[1].parent, None, "a call from outside");
}

#[tokio::test]
async fn a_grant_for_an_hour_lasts_and_holds_for_nothing_else() {
    let hub = Hub::open();
    let call = hub.call(&hub.gateway.owner(), "t_destroy", "x");
    assert!(hub.says(call.clone()).await.contains("must approve"));
    let id = hub.store.approvals().list(false, now_us()).unwrap()[0].id.clone();
    let until = Grant::Until(now_us() + 3_600_000_000);
    hub.store.approvals().approve(&id, until, By::now("owner", "cli")).await.unwrap();
    for _ in 0..3 {
        assert_eq!(hub.says(call.clone()).await, "destroyed");
    }
    assert!(hub.owner_says("t_destroy", "y").await.contains("must approve"));
}

#[tokio::test]
async fn a_tool_asks_in_rounds_and_gets_its_state_back() {
    let hub = Hub::open();
    let call = hub.at_the_desk("t_ask", "x");
    let needed = asked(&hub, &call).await;
    assert!(!needed.state.as_deref().unwrap().contains("asked"), "the state is sealed");
    assert_eq!(hub.says(answered(&call, &needed, json!("me"))).await, "asked with x: \"me\"");
}

#[tokio::test]
async fn of_two_racing_calls_one_gets_the_grant() {
    let hub = Arc::new(Hub::open());
    hub.owner_says("t_destroy", "x").await;
    let id = hub.store.approvals().list(false, now_us()).unwrap()[0].id.clone();
    hub.store.approvals().approve(&id, Grant::Once, By::now("owner", "cli")).await.unwrap();
    let race: Vec<_> = (0..8)
        .map(|_| {
            tokio::spawn({
                let hub = hub.clone();
                async move { hub.owner_says("t_destroy", "x").await }
            })
        })
        .collect();
    for one in race {
        one.await.unwrap();
    }
    assert_eq!(hub.ran(), 1);
}

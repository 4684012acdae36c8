//! Whose jobs they are, and what becomes of them when their caller may not any more.

use drawbridge_contract::{Answers, Arguments, JobFilter, JobOptions, JobState, Jobs as _, Refusal};
use drawbridge_gateway::{Decision, GatewaySettings, RuleSettings};
use drawbridge_jobs::Settings;
use drawbridge_store::By;
use serde_json::json;

use crate::hub::Hub;

#[tokio::test]
async fn a_job_of_somebody_else_does_not_exist() {
    let hub = Hub::open();
    let (mine, other) = (hub.guest("mine", &["*"]).await, hub.guest("other", &["*"]).await);
    let id = hub.submit_as(&mine, "t_echo", "x", JobOptions::default()).await.unwrap();
    let id = id.as_str();
    let is_hidden = |refusal: Refusal| matches!(refusal, Refusal::NotFound { kind: "job", .. });
    let arguments = Arguments::none();
    let answers = || Answers { responses: [("who".to_owned(), json!(1))].into(), state: None };
    assert!(is_hidden(hub.jobs.get(&other, id).await.unwrap_err()));
    assert!(is_hidden(hub.jobs.result(&other, id).await.unwrap_err()));
    assert!(is_hidden(hub.jobs.lines(&other, id, 0, 1).await.unwrap_err()));
    assert!(is_hidden(hub.jobs.cancel(&other, id).await.unwrap_err()));
    assert!(is_hidden(hub.jobs.answer(&other, id, answers()).await.unwrap_err()));
    assert!(is_hidden(hub.jobs.retry(&other, id).await.unwrap_err()));
    assert!(is_hidden(hub.jobs.edit(&other, id, &arguments).await.unwrap_err()));
    assert!(is_hidden(hub.jobs.discard(&other, id).await.unwrap_err()));
    assert!(is_hidden(hub.jobs.watch(&other, id, 0).await.err().unwrap()));
    let asked = JobFilter { caller: Some("key:mine".into()), ..JobFilter::default() };
    assert_eq!(hub.jobs.list(&other, asked, None, 10).await.unwrap().jobs.len(), 0);
    assert_eq!(hub.jobs.discard_all(&other, JobFilter::default()).await.unwrap(), 0);
    assert_eq!(hub.jobs.list(&mine, JobFilter::default(), None, 10).await.unwrap().jobs.len(), 1);
    assert_eq!(hub.view(id).await.state, JobState::Queued, "the owner sees it, and nothing happened to it");
}

#[tokio::test]
async fn one_may_submit_only_what_one_may_call() {
    let deny =
        RuleSettings { tools: vec!["t_fail".to_owned()], when: None, callers: None, then: Decision::Deny };
    let settings = GatewaySettings { rules: vec![deny], ..GatewaySettings::default() };
    let hub = Hub::with(&settings, Settings::default());
    let guest = hub.guest("guest", &["t_echo"]).await;
    for (caller, tool) in [(&guest, "t_destroy"), (&hub.owner(), "t_fail"), (&guest, "t_nothing")] {
        let refusal = hub.submit_as(caller, tool, "x", JobOptions::default()).await.unwrap_err();
        assert!(matches!(refusal, Refusal::NotFound { kind: "tool", .. }), "{tool}: {refusal}");
    }
    hub.submit_as(&guest, "t_echo", "x", JobOptions::default()).await.unwrap();
}

#[tokio::test]
async fn a_job_whose_key_was_revoked_fails_saying_so() {
    let hub = Hub::open();
    let guest = hub.guest("guest", &["*"]).await;
    let id = hub.submit_as(&guest, "t_echo", "x", JobOptions::default()).await.unwrap();
    hub.elsewhere().keys().revoke("guest", By::now("owner", "test")).await.unwrap();
    let hub = hub.work();
    let end = hub.says(&id).await;
    assert!(end.starts_with("caller_gone:") && end.contains("revoked"), "{end}");
    assert_eq!(hub.ran(), 0);
}

#[tokio::test]
async fn secrets_are_masked_where_jobs_are_shown() {
    let hub = Hub::open();
    let id = hub.submit("t_echo", "Bearer abcdef").await;
    let job = hub.view(&id).await;
    assert_eq!(job.arguments.unwrap().get(), r#"{"text":"***"}"#);
    assert_eq!(hub.work().says(&id).await, "Bearer abcdef", "the tool gets what was given");
}

#[tokio::test]
async fn one_caller_cannot_fill_the_queue_for_others() {
    let engine = Settings { open_per_caller_max: 5, ..Settings::default() };
    let hub = Hub::with(&GatewaySettings::default(), engine);
    let (greedy, other) = (hub.guest("greedy", &["*"]).await, hub.guest("other", &["*"]).await);
    let submit = |caller| hub.submit_as(caller, "t_echo", "x", JobOptions::default());
    let mut last = String::new();
    for _ in 0..5 {
        last = submit(&greedy).await.unwrap();
    }
    let refused = submit(&greedy).await.unwrap_err().to_string();
    assert!(refused.contains("there are 5 jobs of this caller"), "{refused}");
    submit(&other).await.unwrap();
    hub.jobs.cancel(&greedy, &last).await.unwrap();
    submit(&greedy).await.unwrap();
}

#[tokio::test]
async fn a_queue_is_everybodys_and_only_the_owner_stops_it() {
    let hub = Hub::open().work();
    let guest = hub.guest("guest", &["*"]).await;
    let refused = hub.jobs.pause(&guest, "default", true).await.unwrap_err().to_string();
    assert!(refused.contains("only the owner"), "{refused}");
    hub.jobs.pause(&hub.owner(), "default", true).await.unwrap();
    let id = hub.submit("t_echo", "later").await;
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert_eq!(hub.view(&id).await.state, JobState::Queued);
    assert!(hub.jobs.load().await.unwrap().queues[0].paused);
    hub.jobs.pause(&hub.owner(), "default", false).await.unwrap();
    assert_eq!(hub.says(&id).await, "later");
}

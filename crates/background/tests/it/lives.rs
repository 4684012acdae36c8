//! How jobs live and end.

use drawbridge_contract::{JobEnd, JobFilter, JobOptions, JobState, Jobs as _};
use drawbridge_store::By;
use futures::StreamExt as _;

use crate::hub::Hub;

#[tokio::test]
async fn a_job_runs_through_the_door_and_keeps_its_result() {
    let hub = Hub::open();
    let id = hub.submit("t_echo", "hello").await;
    assert_eq!(hub.view(&id).await.state, JobState::Queued);
    assert_eq!(hub.ran(), 0, "nothing runs without a worker");
    let hub = hub.work();
    assert_eq!(hub.says(&id).await, "hello");
    let job = hub.view(&id).await;
    assert_eq!((job.state, job.attempt, &*job.caller), (JobState::Completed, 1, "owner"));
    assert_eq!(job.progress.unwrap().message.as_deref(), Some("half"));
}

#[tokio::test]
async fn what_is_safe_is_tried_again_and_then_a_dead_letter_with_its_error() {
    let hub = Hub::open().work();
    let id = hub.submit("t_fail", "").await;
    assert_eq!(hub.says(&id).await, "error: the disk is away");
    let job = hub.view(&id).await;
    assert_eq!((job.state, hub.ran(), job.is_error), (JobState::Dead, 3, true));
    let wrong = hub.submit("t_wrong", "").await;
    assert_eq!(hub.says(&wrong).await, "error: no sense");
    assert_eq!((hub.view(&wrong).await.state, hub.ran()), (JobState::Failed, 4), "no attempt mends it");
}

#[tokio::test]
async fn the_next_attempt_sees_what_the_last_one_kept() {
    let hub = Hub::open().work();
    let id = hub.submit("t_steps", "").await;
    assert_eq!(hub.says(&id).await, "42 after attempt 2");
}

#[tokio::test]
async fn a_dead_letter_is_listed_edited_replayed_and_discarded() {
    let hub = Hub::open().work();
    let owner = hub.owner();
    let id = hub.submit("t_wrong", "old").await;
    hub.becomes(&id, JobState::Failed).await;
    let filter = || JobFilter { states: vec![JobState::Failed, JobState::Dead], ..JobFilter::default() };
    let listed = hub.jobs.list(&owner, filter(), None, 10).await.unwrap();
    assert_eq!(listed.jobs[0].arguments.as_ref().unwrap().get(), r#"{"text":"old"}"#);
    let arguments = drawbridge_contract::Arguments::decode(
        &drawbridge_contract::RawValue::from_string(r#"{"texx": "new"}"#.to_owned()).unwrap(),
    );
    hub.jobs.edit(&owner, &id, &arguments.unwrap()).await.unwrap();
    assert_eq!(hub.jobs.retry_all(&owner, filter()).await.unwrap(), 1);
    hub.becomes(&id, JobState::Failed).await;
    let end = hub.says(&id).await;
    assert!(end.starts_with("invalid_arguments:") && end.contains("texx"), "validated when it runs: {end}");
    hub.jobs.discard(&owner, &id).await.unwrap();
    assert!(hub.jobs.get(&owner, &id).await.is_err());
}

#[tokio::test]
async fn a_cancel_reaches_the_tool_that_runs() {
    let hub = Hub::open().work();
    let id = hub.submit("t_hang", "").await;
    hub.becomes(&id, JobState::Running).await;
    hub.jobs.cancel(&hub.owner(), &id).await.unwrap();
    assert_eq!(hub.says(&id).await, "cancelled");
}

#[tokio::test]
async fn a_watcher_hears_everything_in_order_and_can_go_on_where_it_was() {
    let hub = Hub::open();
    let id = hub.submit("t_fail", "").await;
    let events = hub.jobs.watch(&hub.owner(), &id, 0).await.unwrap();
    let hub = hub.work();
    let told: Vec<_> = events.collect().await;
    let words: Vec<&str> =
        told.iter().filter(|event| event.seq.is_some()).map(|event| &*event.what).collect();
    assert_eq!(words.join(" "), "submitted started retrying started retrying started dead");
    let third = told.iter().filter_map(|event| event.seq).nth(2).unwrap();
    let rest: Vec<_> = hub.jobs.watch(&hub.owner(), &id, third).await.unwrap().collect().await;
    assert_eq!(rest.len(), 4, "{rest:?}");
    assert_eq!(rest.last().unwrap().job.state, JobState::Dead);
    let last = told.last().unwrap().seq.unwrap();
    assert_eq!(hub.jobs.watch(&hub.owner(), &id, last).await.unwrap().count().await, 0, "it ends");
}

#[tokio::test]
async fn options_are_heeded_and_a_key_says_it_once() {
    let hub = Hub::open().work();
    let owner = hub.owner();
    let later = JobOptions { delay_ms: Some(3_600_000), ..JobOptions::default() };
    let id = hub.submit_as(&owner, "t_echo", "late", later).await.unwrap();
    assert_eq!(hub.view(&id).await.state, JobState::Scheduled);
    hub.jobs.retry(&owner, &id).await.unwrap();
    assert_eq!(hub.says(&id).await, "late", "one that waits for its time runs now");
    let once = || JobOptions { idempotency_key: Some("k".into()), ..JobOptions::default() };
    let first = hub.submit_as(&owner, "t_echo", "x", once()).await.unwrap();
    assert_eq!(hub.submit_as(&owner, "t_echo", "x", once()).await.unwrap(), first);
    let other = hub.submit_as(&owner, "t_echo", "y", once()).await.unwrap_err().to_string();
    assert!(other.contains("idempotency key"), "{other}");
    let twice = JobOptions { attempts: Some(2), ..JobOptions::default() };
    let refused = hub.submit_as(&owner, "t_destroy", "x", twice).await.unwrap_err().to_string();
    assert!(refused.contains("retry_safe"), "{refused}");
}

async fn pull(hub: &Hub, word: &str) {
    let (elsewhere, by) = (hub.elsewhere(), By::now("owner", "test"));
    elsewhere.settings().set("bridge", word, "bridge.lever", by).await.unwrap();
}

#[tokio::test]
async fn while_the_bridge_is_raised_nothing_is_taken_and_nothing_runs() {
    let hub = Hub::open();
    let id = hub.submit("t_echo", "patient").await;
    pull(&hub, "raised").await;
    assert!(hub.submit_as(&hub.owner(), "t_echo", "x", JobOptions::default()).await.is_err());
    let hub = hub.work();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(hub.ran(), 0);
    pull(&hub, "lowered").await;
    assert_eq!(hub.says(&id).await, "patient");
    assert_eq!(hub.view(&id).await.attempt, 1, "waiting used up no attempt");
}

#[tokio::test]
async fn a_job_that_submits_itself_comes_to_an_end() {
    let hub = Hub::open().work();
    hub.submit("t_again", "").await;
    let filter = || JobFilter { states: vec![JobState::Failed], ..JobFilter::default() };
    for _ in 0..3_000 {
        let page = hub.jobs.list(&hub.owner(), filter(), None, 10).await.unwrap();
        if let Some(last) = page.jobs.first() {
            let end = hub.jobs.result(&hub.owner(), &last.id).await.unwrap();
            assert!(
                matches!(end, JobEnd::Answered(result) if result.content.plain_text().contains("deeper"))
            );
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("it goes on for ever");
}

//! Whoever can write to Redis can write any job: ours run as we sealed them, and others as who was listed, or not at all.

use drawbridge_jobs::{AttemptEnd, Engine, EngineError, Failure, Job, JobId, NewJob, State, Work};
use drawbridge_jobs_bullmq::{BullMq, Sealing, Settings, UNSEALED};

use crate::failover::ask;
use crate::support::{LEASE_MS, broken, claim, claim_one, complete, job, json, quick, say};
use crate::{RedisServer, engine, settings};

/// Writes a job as BullMQ's own programs do, as far as its workers look at it.
fn add(redis: &RedisServer, id: &str, tool: &str, data: &str) {
    let job = format!("bull:async-tasks:{id}");
    let all =
        ["HSET", &job, "name", tool, "data", data, "opts", r#"{"attempts":3}"#, "timestamp", "1800000000000"];
    ask_number(redis, &all);
    ask_number(redis, &["LPUSH", "bull:async-tasks:wait", id]);
}

fn ask_number(redis: &RedisServer, command: &[&str]) -> i64 {
    let mut connection = redis::Client::open(redis.url()).unwrap().get_connection().unwrap();
    redis::cmd(command[0]).arg(&command[1..]).query(&mut connection).unwrap()
}

fn field(redis: &RedisServer, id: &JobId, name: &str) -> String {
    ask(redis, &["HGET", &format!("bull:async-tasks:{id}"), name])
}

fn set(redis: &RedisServer, id: &JobId, name: &str, value: &str) {
    ask_number(redis, &["HSET", &format!("bull:async-tasks:{id}"), name, value]);
}

/// Changes one field as whoever can write there could.
fn change(redis: &RedisServer, id: &JobId, name: &str, from: &str, to: &str) {
    let before = field(redis, id, name);
    assert!(before.contains(from), "{before}");
    set(redis, id, name, &before.replace(from, to));
}

/// The job failed for good, because it had no seal that fits, and nobody got it.
async fn check_refused(engine: &BullMq, id: &JobId) -> (Job, Failure) {
    assert!(claim(engine, "w", 10).await.is_empty(), "nobody gets it");
    let job = engine.get(id.clone()).await.unwrap();
    assert_eq!(job.state, State::Failed, "{job:?}");
    let failure = engine.outcome(id.clone()).await.unwrap().failure.unwrap();
    assert_eq!((&*failure.code, failure.retryable), (UNSEALED, false), "{failure:?}");
    assert!(claim(engine, "w", 10).await.is_empty(), "nor is it tried again");
    (job, failure)
}

async fn asks(engine: &BullMq, question: &str) -> Work {
    let work = claim_one(engine, "w", LEASE_MS).await;
    let asked = say(engine, &work.lease, AttemptEnd::AskedInput(json(question))).await.unwrap();
    assert_eq!(asked, State::WaitingForInput);
    work
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_job_of_the_owners_never_runs() {
    let (redis, engine) = engine().await;
    add(
        &redis,
        "forged",
        "files_delete",
        r#"{"params":{"path":"x"},"auth":{"id":"owner","type":"Drawbridge"}}"#,
    );
    // Whoever waits goes on to what is behind it.
    let good = engine.submit(job("good")).await.unwrap().id;
    assert_eq!(claim_one(&engine, "w", LEASE_MS).await.lease.id, good);
    let (_, failure) = check_refused(&engine, &JobId::new("forged")).await;
    assert!(failure.message.contains("owner") && failure.message.contains("foreign_callers"), "{failure:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listed_caller_runs_and_a_job_without_one_does_not() {
    let (redis, engine) = engine().await;
    add(&redis, "listed", "files_read", r#"{"params":{"path":"x"},"auth":{"id":"node"}}"#);
    let work = claim_one(&engine, "w", LEASE_MS).await;
    assert_eq!((work.lease.id.as_str(), &*work.caller, &*work.tool), ("listed", "node", "files_read"));
    complete(&engine, &work.lease, "1").await.unwrap();
    add(&redis, "nobodys", "files_read", r#"{"path":"x"}"#);
    let (_, failure) = check_refused(&engine, &JobId::new("nobodys")).await;
    assert!(failure.message.contains("auth.id"), "{failure:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sealed_job_that_was_changed_never_runs() {
    for (name, from, to) in [
        ("data", "good.txt", "bad.txt"),
        ("data", "key:laptop", "owner"),
        ("name", "files_read", "files_delete"),
    ] {
        let (redis, engine) = engine().await;
        let new = NewJob::new("files_read", "key:laptop", json(r#"{"path":"good.txt"}"#));
        let id = engine.submit(new).await.unwrap().id;
        change(&redis, &id, name, from, to);
        let (_, failure) = check_refused(&engine, &id).await;
        assert!(failure.message.contains("changed or copied"), "{failure:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seal_does_not_fit_another_job_nor_another_hub() {
    let (redis, engine) = engine().await;
    let id = engine.submit(job("t")).await.unwrap().id;
    let data = field(&redis, &id, "data");
    let work = claim_one(&engine, "w", LEASE_MS).await;
    complete(&engine, &work.lease, "1").await.unwrap();
    add(&redis, "copy", "t", &data);
    check_refused(&engine, &JobId::new("copy")).await;

    let elsewhere = BullMq::open(Settings::new(&redis.url(), Sealing::new(&[8; 32]))).unwrap();
    let theirs = elsewhere.submit(job("t")).await.unwrap().id;
    check_refused(&engine, &theirs).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_that_belong_together_are_sealed_all() {
    let (_redis, engine) = engine().await;
    let family = engine.submit_family(job("parent"), vec![job("a"), job("b")]).await.unwrap();
    for _ in 0..2 {
        let child = claim_one(&engine, "w", LEASE_MS).await;
        assert!(family.children.iter().any(|one| one.id == child.lease.id));
        complete(&engine, &child.lease, "1").await.unwrap();
    }
    assert_eq!(claim_one(&engine, "w", LEASE_MS).await.lease.id, family.parent.id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edited_job_is_sealed_again_and_a_forged_one_is_not() {
    let (redis, engine) = engine().await;
    let fails = || NewJob { policy: Some(quick(1)), ..NewJob::new("t", "key:laptop", json(r#"{"n":1}"#)) };
    let id = engine.submit(fails()).await.unwrap().id;
    let work = claim_one(&engine, "w", LEASE_MS).await;
    say(&engine, &work.lease, broken()).await.unwrap();
    engine.edit(id.clone(), json(r#"{"n":2}"#)).await.unwrap();
    engine.retry(id.clone()).await.unwrap();
    let work = claim_one(&engine, "w", LEASE_MS).await;
    assert_eq!((work.arguments.get(), &*work.caller), (r#"{"n":2}"#, "key:laptop"));
    say(&engine, &work.lease, broken()).await.unwrap();

    change(&redis, &id, "data", "key:laptop", "owner");
    let refused = engine.edit(id.clone(), json(r#"{"n":3}"#)).await.unwrap_err();
    assert!(matches!(refused, EngineError::Damaged { .. }), "{refused}");
    engine.retry(id.clone()).await.unwrap();
    check_refused(&engine, &id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_makes_a_job_theirs() {
    let (redis, engine) = engine().await;
    let id = engine.submit(job("t")).await.unwrap().id;
    assert_eq!(&*engine.get(id.clone()).await.unwrap().caller, "owner");
    set(&redis, &id, "dbCaller", "key:evil");
    assert_eq!(&*engine.get(id.clone()).await.unwrap().caller, "");
    ask_number(&redis, &["HDEL", &format!("bull:async-tasks:{id}"), "dbCaller"]);
    change(&redis, &id, "data", "owner", "key:evil");
    assert_eq!(&*engine.get(id.clone()).await.unwrap().caller, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_answer_is_none() {
    let (redis, engine) = engine().await;
    let id = engine.submit(job("t")).await.unwrap().id;
    asks(&engine, r#"{"which":"one"}"#).await;
    let job = format!("bull:async-tasks:{id}");
    set(&redis, &id, "dbAnswer", r#"{"attempt":1,"responses":{"approval":{"action":"accept"}}}"#);
    ask_number(&redis, &["HDEL", &job, "dbQuestion"]);
    ask_number(&redis, &["ZREM", "bull:async-tasks:waiting-children", id.as_str()]);
    ask_number(&redis, &["LPUSH", "bull:async-tasks:wait", id.as_str()]);
    let (_, failure) = check_refused(&engine, &id).await;
    assert!(failure.message.contains("answer"), "{failure:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_does_not_fit_another_job() {
    let (redis, engine) = engine().await;
    let first = engine.submit(job("t")).await.unwrap().id;
    asks(&engine, "1").await;
    engine.answer(first.clone(), json(r#"{"attempt":1}"#)).await.unwrap();
    let answer = field(&redis, &first, "dbAnswer");
    let work = claim_one(&engine, "w", LEASE_MS).await;
    assert_eq!(work.answer.as_deref().map(drawbridge_contract::RawValue::get), Some(r#"{"attempt":1}"#));
    complete(&engine, &work.lease, "1").await.unwrap();

    let second = engine.submit(job("t")).await.unwrap().id;
    set(&redis, &second, "dbAnswer", &answer);
    check_refused(&engine, &second).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_that_was_changed_is_asked_of_nobody() {
    let (redis, engine) = engine().await;
    let id = engine.submit(job("t")).await.unwrap().id;
    asks(&engine, r#"{"delete":"everything"}"#).await;
    let asked = engine.outcome(id.clone()).await.unwrap().question;
    assert_eq!(asked.unwrap().get(), r#"{"delete":"everything"}"#);
    change(&redis, &id, "dbQuestion", "everything", "nothing");
    assert!(engine.outcome(id.clone()).await.unwrap().question.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_checkpoint_is_no_place_to_go_on_from() {
    let (redis, engine) = engine().await;
    let id = engine.submit(NewJob { policy: Some(quick(5)), ..job("t") }).await.unwrap().id;
    let work = claim_one(&engine, "w", LEASE_MS).await;
    engine.checkpoint(work.lease.clone(), json("[41]")).await.unwrap();
    say(&engine, &work.lease, AttemptEnd::Released).await.unwrap();
    let work = claim_one(&engine, "w", LEASE_MS).await;
    assert_eq!(work.checkpoint.as_deref().map(drawbridge_contract::RawValue::get), Some("[41]"));
    say(&engine, &work.lease, AttemptEnd::Released).await.unwrap();
    change(&redis, &id, "dbCheckpoint", "[41]", "[42]");
    check_refused(&engine, &id).await;
}

/// What was in Redis before there were seals.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_from_before_says_what_to_do() {
    let (redis, engine) = engine().await;
    assert!(!settings("").foreign_callers.contains(&"key:laptop".to_owned()));
    let data = r#"{"params":{"x":1},"auth":{"id":"key:laptop","type":"Drawbridge"},"taskId":"0"}"#;
    add(&redis, "0198c0de00007000800000000000abcd", "t", data);
    let (_, failure) = check_refused(&engine, &JobId::new("0198c0de00007000800000000000abcd")).await;
    assert!(failure.message.contains("Submit it again"), "{failure:?}");
}

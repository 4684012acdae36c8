//! Webhooks, as their receivers see them.

use std::collections::HashMap;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use drawbridge_contract::CancellationToken;
use drawbridge_jobs::webhook::{
    DeliveryFilter, DeliveryState, DeliveryView, EventSet, NewReceiver, ReceiverChange, Retrying, Secret,
    WebhookError, WebhookEvent, WebhookSettings, Webhooks, signatures,
};
use drawbridge_jobs::worker::{Worker, WorkerSettings};
use drawbridge_jobs::{
    AttemptEnd, Backoff, Embedded, Engine, EngineError, Failure, JobId, NewJob, Policy, Progress, Settings,
    State,
};
use drawbridge_outbound::AllowedHosts;

use crate::killed::Moody;
use crate::processes::finish;
use crate::receiver::{Answer, Got, Receiver};
use crate::support::{LEASE_MS, broken, claim_one, complete, embedded, job, quick, say, sleep_ms};

const SEALING: [u8; 32] = [7; 32];

fn settings() -> WebhookSettings {
    WebhookSettings {
        allowed: AllowedHosts::parse(["127.0.0.1"]).unwrap(),
        retrying: Retrying {
            attempts_max: 4,
            backoff: Backoff { base_ms: 20, max_ms: 50, jitter_percent: 20 },
        },
        timeout: Duration::from_secs(20),
        ..WebhookSettings::default()
    }
}

/// Webhooks that are sent until the end of the test.
fn webhooks(engine: &Embedded) -> Arc<Webhooks> {
    let webhooks = Webhooks::new(engine.clone(), &SEALING, settings());
    drop(webhooks.start(Arc::new(|_: &str| true), CancellationToken::new()));
    webhooks
}

fn calling_back(tool: &str, url: &str) -> NewJob {
    NewJob { callback_url: Some(url.into()), policy: Some(quick(2)), ..job(tool) }
}

fn standing(url: &str, events: &[WebhookEvent]) -> NewReceiver {
    NewReceiver {
        caller: "owner".into(),
        all_callers: false,
        url: url.to_owned(),
        events: EventSet::of(events),
        tools: Vec::new(),
        secret: None,
    }
}

async fn run_one(engine: &Embedded) -> JobId {
    let work = claim_one(engine, "w", LEASE_MS).await;
    complete(engine, &work.lease, r#"{"answer":42}"#).await.unwrap();
    work.lease.id
}

fn events_of(got: &[Got], job: &JobId) -> Vec<String> {
    got.iter().filter(|got| got.job() == job.as_str()).map(Got::event).collect()
}

/// The log, newest first, once nothing waits any more.
async fn settled(webhooks: &Webhooks, filter: &DeliveryFilter) -> Vec<DeliveryView> {
    for _ in 0..3_000 {
        let log = webhooks.log(filter, None, 1_000).unwrap();
        if log.iter().all(|one| one.ended_ms.is_some()) {
            return log;
        }
        sleep_ms(10).await;
    }
    panic!("something waits for ever: {:?}", webhooks.log(filter, None, 1_000).unwrap());
}

/// The signatures of both kinds are what the secret says.
fn check_signed(got: &Got, secret: &Secret) {
    let at: i64 = got.header("webhook-timestamp").parse().unwrap();
    for expected in signatures(got.header("webhook-id"), at, &got.text, secret, None) {
        assert_eq!(got.header(expected.name), expected.value, "{}", expected.name);
    }
}

#[tokio::test]
async fn i8_a_callback_hears_of_its_job_in_order_and_signed() {
    let (_folder, engine) = embedded();
    let (receiver, webhooks) = (Receiver::start(|_, _| Answer::Status(204)).await, webhooks(&engine));
    let id = engine.submit(calling_back("t", &receiver.url("cb"))).await.unwrap().id;
    engine.submit(job("silent")).await.unwrap();
    let work = claim_one(&engine, "w", LEASE_MS).await;
    let progress = Progress { progress: 1.0, total: Some(4.0), message: Some("a quarter".into()) };
    engine.progress(work.lease.clone(), progress.clone()).await.unwrap();
    engine.progress(work.lease.clone(), progress).await.unwrap(); // too soon to be told again
    receiver.until(|got| got.len() >= 2).await;
    complete(&engine, &work.lease, r#"{"answer":42}"#).await.unwrap();
    run_one(&engine).await;
    let got = receiver.until(|got| got.len() >= 3).await;
    sleep_ms(50).await;
    assert_eq!(receiver.got().len(), 3, "nothing else is told: {:#?}", receiver.got());
    let secret = webhooks.callback_secret("owner").await.unwrap();
    let events: Vec<_> = got.iter().map(Got::event).collect();
    assert_eq!(events, ["processing", "progress", "completed"]);
    for got in &got {
        check_signed(got, &secret);
        assert_eq!((got.path.as_str(), got.header("content-type")), ("/cb", "application/json"));
        assert_eq!((got.job().as_str(), got.header("x-task-id")), (id.as_str(), id.as_str()));
    }
    let last = got[2].body();
    assert_eq!(
        (&last["result"]["answer"], &last["final"], &last["attempt"]),
        (&42.into(), &true.into(), &1.into())
    );
    let log = settled(&webhooks, &DeliveryFilter::default()).await;
    assert!(log.iter().all(|one| one.state == DeliveryState::Delivered && one.status == Some(204)));
    assert_eq!(log[0].id, got[2].header("webhook-id"));
}

#[tokio::test]
async fn only_the_last_failure_is_an_error_and_a_cancel_is_told() {
    let (_folder, engine) = embedded();
    let receiver = Receiver::start(|_, _| Answer::Status(200)).await;
    let _webhooks = webhooks(&engine);
    let failing = engine.submit(calling_back("f", &receiver.url(""))).await.unwrap().id;
    for _ in 0..2 {
        let work = claim_one(&engine, "w", LEASE_MS).await;
        say(&engine, &work.lease, broken()).await.unwrap();
    }
    let stopped = engine.submit(calling_back("c", &receiver.url(""))).await.unwrap().id;
    engine.cancel(stopped.clone()).await.unwrap();
    let got = receiver.until(|got| got.len() >= 4).await;
    assert_eq!(events_of(&got, &failing), ["processing", "processing", "error"]);
    assert_eq!(events_of(&got, &stopped), ["cancelled"]);
    let error = got.iter().find(|got| got.event() == "error").unwrap().body();
    assert_eq!(
        (&error["attempt"], &error["final"], &error["status"]),
        (&2.into(), &true.into(), &"error".into())
    );
    assert_eq!(error["error"]["message"], "it broke");
}

#[tokio::test]
async fn i8_what_a_dead_or_redirecting_receiver_missed_arrives_in_order() {
    let (_folder, engine) = embedded();
    let receiver = Receiver::start(|number, _| match number {
        0 => Answer::Status(500),
        1 => Answer::With(
            "HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        ),
        2 => Answer::Hang,
        _ => Answer::Status(200),
    })
    .await;
    let impatient = WebhookSettings { timeout: Duration::from_secs(3), ..settings() };
    let webhooks = Webhooks::new(engine.clone(), &SEALING, impatient);
    drop(webhooks.start(Arc::new(|_: &str| true), CancellationToken::new()));
    let id = engine.submit(calling_back("t", &receiver.url("x"))).await.unwrap().id;
    run_one(&engine).await;
    let got = receiver.until(|got| got.len() >= 5).await;
    assert_eq!(events_of(&got, &id), ["processing", "processing", "processing", "processing", "completed"]);
    let ids: Vec<_> = got.iter().map(|got| got.header("webhook-id").to_owned()).collect();
    assert!(ids[..4].iter().all(|id| *id == ids[0]) && ids[4] != ids[0], "an attempt keeps its id: {ids:?}");
    assert!(got.iter().all(|got| got.path == "/x"), "a redirect was followed");
    let log = settled(&webhooks, &DeliveryFilter { job: Some(id), ..DeliveryFilter::default() }).await;
    assert_eq!(log.iter().map(|one| one.attempts).collect::<Vec<_>>(), [1, 4]);
}

#[tokio::test]
async fn what_is_given_up_lets_the_next_go_and_can_be_sent_again() {
    let (_folder, engine) = embedded();
    let receiver =
        Receiver::start(|number, _| if number < 4 { Answer::Status(503) } else { Answer::Status(200) }).await;
    let webhooks = webhooks(&engine);
    let id = engine.submit(calling_back("t", &receiver.url(""))).await.unwrap().id;
    run_one(&engine).await;
    let got = receiver.until(|got| got.len() >= 5).await;
    assert_eq!(events_of(&got, &id)[4], "completed");
    settled(&webhooks, &DeliveryFilter::default()).await;
    let given_up = DeliveryFilter { given_up: true, ..DeliveryFilter::default() };
    let lost = webhooks.log(&given_up, None, 10).unwrap();
    assert_eq!((lost.len(), lost[0].attempts, lost[0].status), (1, 4, Some(503)));
    assert!(matches!(
        webhooks.redeliver(Some("stranger"), &lost[0].id).await,
        Err(WebhookError::NoDelivery { .. })
    ));
    assert!(matches!(webhooks.redeliver(None, "msg_1-0").await, Err(WebhookError::NoDelivery { .. })));
    webhooks.redeliver(Some("owner"), &lost[0].id).await.unwrap();
    let got = receiver.until(|got| got.len() >= 6).await;
    assert_eq!(got[5].header("webhook-id"), lost[0].id);
    assert_eq!(got[5].text, got[0].text, "the same body");
}

#[tokio::test]
async fn a_receiver_that_moves_keeps_its_id_its_secret_and_what_waits_for_it() {
    let (_folder, engine) = embedded();
    let old = Receiver::start(|_, _| Answer::Status(503)).await;
    let new = Receiver::start(|_, _| Answer::Status(200)).await;
    let patient = Retrying { attempts_max: 1_000_000, ..settings().retrying };
    let webhooks =
        Webhooks::new(engine.clone(), &SEALING, WebhookSettings { retrying: patient, ..settings() });
    drop(webhooks.start(Arc::new(|_: &str| true), CancellationToken::new()));
    let added = webhooks.add(standing(&old.url("old"), &WebhookEvent::ALL)).await.unwrap();
    engine.submit(job("t")).await.unwrap();
    let first = run_one(&engine).await;
    old.until(|got| !got.is_empty()).await;
    let moved = ReceiverChange {
        url: Some(new.url("new")),
        events: Some(EventSet::of(&[WebhookEvent::Completed])),
        ..ReceiverChange::default()
    };
    let changed = webhooks.update(Some("owner"), &added.id, moved).await.unwrap();
    assert_eq!((changed.url, changed.events), (Some(new.url("new")), vec![WebhookEvent::Completed]));
    let got = new.until(|got| got.len() >= 2).await;
    assert_eq!(events_of(&got, &first), ["processing", "completed"], "what waited went along");
    assert_eq!(got[0].header("webhook-id"), old.got()[0].header("webhook-id"));
    check_signed(&got[1], &added.secret);
    engine.submit(job("t")).await.unwrap();
    let second = run_one(&engine).await;
    let got = new.until(|got| got.len() >= 3).await;
    assert_eq!(events_of(&got, &second), ["completed"], "it hears what it asked for");
    settled(&webhooks, &DeliveryFilter::default()).await;
    webhooks.redeliver(Some("owner"), got[0].header("webhook-id")).await.unwrap();
    let again = new.until(|got| got.len() >= 4).await;
    assert_eq!(again[3].text, got[0].text, "what was sent before goes to the new address, too");
}

#[tokio::test]
async fn what_makes_no_receiver_changes_none() {
    let (_folder, engine) = embedded();
    let webhooks = webhooks(&engine);
    let added = webhooks.add(standing("http://127.0.0.1:9/", &WebhookEvent::ALL)).await.unwrap();
    webhooks.callback_secret("owner").await.unwrap();
    let to = |url: &str| ReceiverChange { url: Some(url.to_owned()), ..ReceiverChange::default() };
    for url in ["ftp://example.com/", "http://10.0.0.1/", "nothing"] {
        assert!(
            matches!(webhooks.update(None, &added.id, to(url)).await, Err(WebhookError::Url(_))),
            "{url}"
        );
    }
    let good = to("http://127.0.0.1:10/");
    let of_callbacks = webhooks.update(None, "callback:owner", good.clone()).await;
    assert!(matches!(of_callbacks, Err(WebhookError::Callback)));
    let strangers = webhooks.update(Some("stranger"), &added.id, good).await;
    assert!(matches!(strangers, Err(WebhookError::NoReceiver { .. })));
    assert_eq!(webhooks.get(None, &added.id).unwrap().url.as_deref(), Some("http://127.0.0.1:9/"));
}

#[tokio::test]
async fn i8_a_receiver_that_hangs_delays_nobody() {
    let (_folder, engine) = embedded();
    let hanging = Receiver::start(|_, _| Answer::Hang).await;
    let slow = Receiver::start(|_, _| Answer::Slowly(150)).await;
    let quick = Receiver::start(|_, _| Answer::Status(200)).await;
    // It hangs for longer than anything here is waited for.
    let patient = WebhookSettings { timeout: Duration::from_secs(600), ..settings() };
    let webhooks = Webhooks::new(engine.clone(), &SEALING, patient);
    drop(webhooks.start(Arc::new(|_: &str| true), CancellationToken::new()));
    webhooks.add(standing(&quick.url(""), &[WebhookEvent::Completed])).await.unwrap();
    let mut jobs = Vec::new();
    for _ in 0..12 {
        let jobs_of = [&hanging, &slow].map(|receiver| calling_back("t", &receiver.url("")));
        jobs.extend(engine.submit_many(jobs_of.to_vec()).await.unwrap());
    }
    for _ in &jobs {
        run_one(&engine).await;
    }
    let got = quick.until(|got| got.len() >= 24).await;
    assert_eq!(got.len(), 24);
    slow.until(|got| got.len() >= 24).await;
}

#[tokio::test]
async fn a_receiver_that_hangs_does_not_keep_the_hub_from_ending() {
    let (_folder, engine) = embedded();
    let hanging = Receiver::start(|_, _| Answer::Hang).await;
    let patient = WebhookSettings { timeout: Duration::from_secs(600), ..settings() };
    let webhooks = Webhooks::new(engine.clone(), &SEALING, patient);
    let stop = CancellationToken::new();
    let task = webhooks.start(Arc::new(|_: &str| true), stop.clone());
    engine.submit(calling_back("t", &hanging.url(""))).await.unwrap();
    run_one(&engine).await;
    hanging.until(|got| !got.is_empty()).await;
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(60), task).await.unwrap().unwrap();
    let log = webhooks.log(&DeliveryFilter::default(), None, 10).unwrap();
    assert!(log.iter().all(|one| one.ended_ms.is_none() && one.attempts == 0), "it is sent again: {log:?}");
}

#[tokio::test]
async fn a_standing_receiver_hears_what_it_asked_for() {
    let (_folder, engine) = embedded();
    let receiver = Receiver::start(|_, _| Answer::Status(200)).await;
    let webhooks = webhooks(&engine);
    let mail = NewReceiver {
        tools: vec!["mail_*".into()],
        ..standing(&receiver.url("mail"), &[WebhookEvent::Completed])
    };
    let added = webhooks.add(mail).await.unwrap();
    let all = NewReceiver { all_callers: true, ..standing(&receiver.url("all"), &WebhookEvent::ALL) };
    webhooks.add(all).await.unwrap();
    let of = |tool: &str, caller: &str| NewJob { caller: caller.into(), ..job(tool) };
    for new in [of("mail_send", "owner"), of("files_read", "owner"), of("mail_send", "key:1")] {
        engine.submit(new).await.unwrap();
        run_one(&engine).await;
    }
    let got = receiver.until(|got| got.len() >= 7).await;
    let to = |path: &str| got.iter().filter(|got| got.path == path).cloned().collect::<Vec<_>>();
    assert_eq!((to("/mail").len(), to("/all").len()), (1, 6));
    check_signed(&to("/mail")[0], &added.secret);

    webhooks.pause(None, &added.id, true).await.unwrap();
    engine.submit(of("mail_send", "owner")).await.unwrap();
    run_one(&engine).await;
    webhooks.pause(Some("owner"), &added.id, false).await.unwrap();
    engine.submit(of("mail_send", "owner")).await.unwrap();
    let told = run_one(&engine).await;
    let got = receiver.until(|got| got.len() >= 12).await;
    let last = got.iter().rfind(|got| got.path == "/mail").unwrap();
    assert_eq!(last.job(), told.as_str(), "what happened while it was paused is not told later");
    assert!(webhooks.remove(Some("key:1"), &added.id).await.is_err(), "somebody else's is not there");
    webhooks.remove(Some("owner"), &added.id).await.unwrap();
    assert_eq!(webhooks.list(Some("owner")).unwrap().len(), 1);
}

#[tokio::test]
async fn both_secrets_are_good_while_a_new_one_takes_over() {
    let (_folder, engine) = embedded();
    let receiver = Receiver::start(|_, _| Answer::Status(200)).await;
    let webhooks = webhooks(&engine);
    let old = webhooks.add(standing(&receiver.url(""), &[WebhookEvent::Completed])).await.unwrap();
    let (overlap, rotated) = (Duration::from_secs(5), std::time::Instant::now());
    let new = webhooks.rotate(None, &old.id, overlap, None).await.unwrap();
    engine.submit(job("t")).await.unwrap();
    run_one(&engine).await;
    let got = receiver.until(|got| !got.is_empty()).await.remove(0);
    let at: i64 = got.header("webhook-timestamp").parse().unwrap();
    for expected in signatures(got.header("webhook-id"), at, &got.text, &new, Some(&old.secret)) {
        assert_eq!(got.header(expected.name), expected.value, "{}", expected.name);
    }
    tokio::time::sleep(overlap.saturating_sub(rotated.elapsed()) + Duration::from_millis(50)).await;
    engine.submit(job("t")).await.unwrap();
    run_one(&engine).await;
    let got = receiver.until(|got| got.len() == 2).await.remove(1);
    check_signed(&got, &new);
    assert_eq!(got.header("x-webhook-signature-256-previous"), "");
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_paused() {
    let (_folder, engine) = embedded();
    let receiver = Receiver::start(|_, _| Answer::Status(410)).await;
    let webhooks = webhooks(&engine);
    webhooks.add(standing(&receiver.url(""), &[WebhookEvent::Completed])).await.unwrap();
    for _ in 0..3 {
        engine.submit(job("t")).await.unwrap();
        run_one(&engine).await;
        receiver.until(|got| !got.is_empty()).await;
        settled(&webhooks, &DeliveryFilter::default()).await;
    }
    assert_eq!(receiver.got().len(), 1);
    let listed = webhooks.list(None).unwrap().remove(0);
    assert!(listed.paused && listed.why_paused.is_some_and(|why| why.contains("410")));
}

#[tokio::test]
async fn private_addresses_are_refused_when_taken_and_when_dialled() {
    let (_folder, engine) = embedded();
    let receiver = Receiver::start(|_, _| Answer::Status(200)).await;
    let strict = Webhooks::new(
        engine.clone(),
        &SEALING,
        WebhookSettings { allowed: AllowedHosts::default(), ..settings() },
    );
    drop(strict.start(Arc::new(|_: &str| true), CancellationToken::new()));
    for url in
        [receiver.url(""), "http://[::1]/".into(), "http://169.254.169.254/".into(), "file:///x".into()]
    {
        let refused = strict.add(standing(&url, &WebhookEvent::ALL)).await;
        assert!(matches!(refused, Err(WebhookError::Url(_))), "{url}");
    }
    // A name is known only when it is looked up.
    let url = format!("http://localhost:{}/", receiver.port);
    let id = engine.submit(calling_back("t", &url)).await.unwrap().id;
    run_one(&engine).await;
    for _ in 0..3_000 {
        let log = strict
            .log(&DeliveryFilter { job: Some(id.clone()), ..DeliveryFilter::default() }, None, 9)
            .unwrap();
        if log.len() == 2 && log.iter().all(|one| one.state == DeliveryState::GivenUp) {
            assert!(
                log[0].error.as_deref().is_some_and(|error| error.contains("private network")),
                "{log:?}"
            );
            assert_eq!((log[0].attempts, receiver.got().len()), (1, 0));
            return;
        }
        sleep_ms(10).await;
    }
    panic!("it was not given up");
}

#[tokio::test]
async fn callbacks_go_only_where_the_owner_lets_them() {
    let (_folder, engine) = embedded();
    let of = |settings| Webhooks::new(engine.clone(), &SEALING, settings);
    let strict = of(settings());
    assert!(strict.check_callback("http://127.0.0.1:9/x").is_ok());
    assert!(matches!(strict.check_callback("https://example.com/x"), Err(WebhookError::NotAllowed)));
    let open = of(WebhookSettings { callbacks_anywhere: true, ..settings() });
    assert!(open.check_callback("https://example.com/x").is_ok());
    assert!(matches!(open.check_callback("http://10.0.0.1/x"), Err(WebhookError::Url(_))));
}

#[tokio::test]
async fn who_may_not_call_any_more_is_told_nothing() {
    let (_folder, engine) = embedded();
    let receiver = Receiver::start(|_, _| Answer::Status(200)).await;
    let webhooks = Webhooks::new(engine.clone(), &SEALING, settings());
    drop(webhooks.start(Arc::new(|caller: &str| caller != "owner"), CancellationToken::new()));
    engine.submit(calling_back("t", &receiver.url(""))).await.unwrap();
    run_one(&engine).await;
    let other = NewJob { caller: "key:1".into(), ..calling_back("t", &receiver.url("")) };
    let id = engine.submit(other).await.unwrap().id;
    run_one(&engine).await;
    let got = receiver.until(|got| got.len() >= 2).await;
    sleep_ms(300).await;
    assert_eq!(receiver.got().len(), 2, "{:?}", receiver.got());
    assert!(got.iter().all(|got| got.job() == id.as_str()));
}

#[tokio::test]
async fn a_callback_that_is_no_url_is_refused_with_its_job() {
    let (_folder, engine) = embedded();
    for url in ["", "example.com", "file:///x"] {
        let refused = engine.submit(calling_back("t", url)).await;
        assert!(matches!(refused, Err(EngineError::Invalid { .. })), "{url}");
    }
    let of = |bytes: usize| format!("http://h/{}", "x".repeat(bytes - 9));
    assert!(engine.submit(calling_back("t", &of(2_048))).await.is_ok());
    assert!(matches!(engine.submit(calling_back("t", &of(2_049))).await, Err(EngineError::TooLarge { .. })));
}

#[tokio::test]
async fn what_a_discarded_job_had_to_tell_is_told_after_a_restart() {
    let receiver = Receiver::start(|_, _| Answer::Status(200)).await;
    let (folder, engine) = embedded();
    let id = engine.submit(calling_back("t", &receiver.url(""))).await.unwrap().id;
    run_one(&engine).await;
    engine.discard(id.clone()).await.unwrap();
    engine.close().await.unwrap();
    drop(engine);
    let engine = Embedded::open(folder.path(), Settings::default()).unwrap();
    let webhooks = webhooks(&engine);
    let got = receiver.until(|got| got.len() >= 2).await;
    assert_eq!(events_of(&got, &id), ["processing", "completed"]);
    check_signed(&got[0], &webhooks.callback_secret("owner").await.unwrap());
}

#[tokio::test]
async fn a_final_failure_is_told_at_once() {
    let (_folder, engine) = embedded();
    let receiver = Receiver::start(|_, _| Answer::Status(200)).await;
    let _webhooks = webhooks(&engine);
    let id = engine.submit(calling_back("t", &receiver.url(""))).await.unwrap().id;
    let work = claim_one(&engine, "w", LEASE_MS).await;
    say(&engine, &work.lease, AttemptEnd::Failed(Failure::last("tool", "never"))).await.unwrap();
    let got = receiver.until(|got| got.len() >= 2).await;
    assert_eq!(events_of(&got, &id), ["processing", "error"]);
    assert_eq!(got[1].body()["attempt"], 1);
}

const FOLDER: &str = "DRAWBRIDGE_TEST_HOOKS_FOLDER";
const CALLBACK: &str = "DRAWBRIDGE_TEST_HOOKS_CALLBACK";

/// How often the hub is killed.
const KILLS: u64 = 25;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a process that others kill"]
async fn child_tells_until_killed() {
    let folder = std::env::var_os(FOLDER).expect("started by its parent");
    let url = std::env::var(CALLBACK).unwrap();
    let engine = Embedded::open(folder.as_ref(), Settings::default()).unwrap();
    let _webhooks = webhooks(&engine);
    let _worker = Worker::start(Arc::new(engine.clone()), Arc::new(Moody), WorkerSettings::new("child", 8));
    for number in 0_u32.. {
        let policy = Some(Policy { attempts_max: 100, ..quick(100) });
        let id = engine.submit(NewJob { policy, ..calling_back("moody", &url) }).await.unwrap().id;
        if number % 10 == 7 {
            drop(engine.cancel(id).await);
        }
        sleep_ms(3).await;
    }
}

/// Killed between a change and its telling, and between the telling and its answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_lose_no_webhook_and_none_tells_what_was_not() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(|number, _| {
        if number % 17 == 3 { Answer::Status(500) } else { Answer::Slowly(number as u64 % 5) }
    })
    .await;
    for round in 0..KILLS {
        let mut hub = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "webhooks::child_tells_until_killed", "--ignored", "--nocapture"])
            .envs([(FOLDER, folder.path().as_os_str()), (CALLBACK, receiver.url("").as_ref())])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // However slow the machine is: it is killed in the middle of its work, not on the way to it.
        let enough = receiver.got().len() + 6;
        for _ in 0..3_000 {
            if receiver.got().len() >= enough {
                break;
            }
            sleep_ms(10).await;
        }
        sleep_ms(round * 7919 % 240).await;
        hub.kill().unwrap();
        hub.wait().unwrap();
    }
    let engine = Embedded::open(folder.path(), Settings::default()).unwrap();
    let webhooks = webhooks(&engine);
    finish(&engine).await;
    settled(&webhooks, &DeliveryFilter::default()).await;
    check_told(&engine, &receiver.got()).await;
}

async fn check_told(engine: &Embedded, got: &[Got]) {
    let mut told: HashMap<String, Vec<(String, String)>> = HashMap::new();
    for one in got {
        told.entry(one.job()).or_default().push((one.header("webhook-id").to_owned(), one.event()));
    }
    let (mut after, mut ended) = (None, 0);
    loop {
        let page = engine.list(drawbridge_jobs::Filter::default(), after, 1_000).await.unwrap();
        for job in &page.jobs {
            let heard = told.remove(job.id.as_str()).unwrap_or_default();
            check_job(job.id.as_str(), job.state, &heard);
            ended += 1;
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert!(told.is_empty(), "of jobs that are not there: {told:?}");
    assert!(ended > KILLS, "the hubs hardly worked: {ended} jobs");
    println!("{KILLS} kills, {ended} jobs, {} requests", got.len());
}

/// The last thing told is how it ended, once; and nothing comes after something later.
fn check_job(id: &str, state: State, heard: &[(String, String)]) {
    let expected = if state == State::Cancelled { "cancelled" } else { "completed" };
    assert_eq!(heard.last().map(|(_, event)| event.as_str()), Some(expected), "{id}: {heard:?}");
    let number = |id: &str| {
        let hex = id.strip_prefix("msg_").unwrap().split_once('-').unwrap().0;
        u64::from_str_radix(hex, 16).unwrap()
    };
    assert!(
        heard.windows(2).all(|two| number(&two[0].0) <= number(&two[1].0)),
        "out of order: {id}: {heard:?}"
    );
    let ends: std::collections::HashSet<_> =
        heard.iter().filter(|(_, event)| event != "processing" && event != "progress").collect();
    assert_eq!(ends.len(), 1, "{id}: {heard:?}");
}

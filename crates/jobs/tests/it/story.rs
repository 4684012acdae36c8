//! The story that every engine passes, in chapters. Each gets an engine of its own, without jobs.
//!
//! Another engine joins by including this file in a module with an `engine()` of its own, that gives a guard and the
//! engine.

use std::sync::Arc;
use std::time::Duration;

use drawbridge_jobs::{
    AttemptEnd, Beat, Change, Claim, Engine, EngineError, Exchange, Failure, Filter, Happening, Heartbeat,
    JobId, Lease, Limit, Line, NewJob, Policy, Progress, Rate, Scope, Start, State, bounds, wait,
};

use crate::support::{LEASE_MS, broken, claim, claim_one, complete, job, json, quick, say, sleep_ms};

macro_rules! every_chapter {
    ($engine:ident, $open:expr, [$($chapter:ident),* $(,)?]) => {
        mod $engine {
            $(
                #[tokio::test]
                async fn $chapter() {
                    let (_guard, engine) = $open;
                    let story = super::$chapter(std::sync::Arc::new(engine));
                    tokio::time::timeout(super::PATIENCE, story).await.expect("the story does not end");
                }
            )*
        }
    };
    ($engine:ident, $open:expr) => {
        every_chapter!($engine, $open, [
            a_job_is_done,
            the_most_urgent_goes_first_then_the_oldest,
            a_delayed_job_waits,
            a_job_that_fails_is_tried_again_and_dies,
            dead_letters_are_looked_at_mended_and_tried_again,
            some_errors_are_final,
            a_cancelled_job_never_completes,
            a_worker_that_lost_its_lease_changes_nothing,
            signs_of_life_keep_a_job,
            saying_it_again_changes_nothing,
            keys_prevent_doubles,
            limits_hold,
            a_rate_holds,
            a_paused_queue_starts_nothing,
            what_a_worker_tells_is_seen,
            a_parent_waits_for_its_children,
            children_can_come_later,
            a_child_can_bring_its_parent_down,
            a_cancelled_parent_takes_its_children_along,
            a_deadline_holds,
            a_question_is_answered,
            everything_is_listed_in_pages,
            a_waiting_worker_is_woken,
            a_submission_is_whole_or_nothing,
            sizes_are_bounded,
            the_history_is_read_on,
            waiting_for_the_end,
            jobs_of_some_tools_only,
        ]);
    };
}

every_chapter!(engine, super::super::engine().await);

/// No chapter takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

type Shared = Arc<dyn Engine>;

async fn submit(engine: &dyn Engine, job: NewJob) -> JobId {
    engine.submit(job).await.unwrap().id
}

async fn state(engine: &dyn Engine, id: &JobId) -> State {
    engine.get(id.clone()).await.unwrap().state
}

fn is_stale<T>(result: &Result<T, EngineError>) -> bool {
    matches!(result, Err(EngineError::Misfit { misfit: drawbridge_jobs::machine::Misfit::Stale { .. }, .. }))
}

async fn history(engine: &dyn Engine, id: &JobId) -> Vec<Happening> {
    let entries = engine.history(0, Some(id.clone()), bounds::PAGE_MAX).await.unwrap();
    entries.into_iter().map(|entry| entry.what).collect()
}

async fn a_job_is_done(engine: Shared) {
    let new = NewJob {
        attributes: Some(json(r#"{"trace":1}"#)),
        ..NewJob::new("files_read", "key:laptop", json(r#"{"path":"a  b"}"#))
    };
    let id = submit(&*engine, new).await;
    let waiting = engine.get(id.clone()).await.unwrap();
    assert_eq!((waiting.state, waiting.attempt, &*waiting.queue), (State::Queued, 0, "default"));
    assert_eq!((&*waiting.tool, &*waiting.caller), ("files_read", "key:laptop"));

    let work = claim_one(&*engine, "one", LEASE_MS).await;
    assert_eq!((&work.lease.id, work.attempt, work.attempts_max), (&id, 1, 3));
    assert_eq!(work.arguments.get(), r#"{"path":"a  b"}"#, "as it was written");
    assert_eq!(work.attributes.unwrap().get(), r#"{"trace":1}"#);
    let running = engine.get(id.clone()).await.unwrap();
    assert_eq!((running.state, running.worker.as_deref()), (State::Running, Some("one")));
    assert!(running.started_ms.is_some() && running.ended_ms.is_none());
    assert!(claim(&*engine, "two", 10).await.is_empty(), "nobody else gets it");

    assert_eq!(complete(&*engine, &work.lease, r#"{"text":"hello"}"#).await.unwrap(), State::Completed);
    let done = engine.get(id.clone()).await.unwrap();
    assert_eq!((done.state, done.worker), (State::Completed, None));
    assert!(done.ended_ms.is_some());
    let outcome = engine.outcome(id.clone()).await.unwrap();
    assert_eq!(outcome.result.unwrap().get(), r#"{"text":"hello"}"#);
    assert!(outcome.failure.is_none());
    assert_eq!(
        history(&*engine, &id).await,
        [Happening::Submitted, Happening::Started, Happening::Completed]
    );
    let counts = engine.counts().await.unwrap();
    assert_eq!(counts.len(), 1);
    assert_eq!((counts[0].of(State::Completed), counts[0].of(State::Queued)), (1, 0));
}

async fn the_most_urgent_goes_first_then_the_oldest(engine: Shared) {
    for (tool, priority) in [("b", 0), ("a", 5), ("c", 0), ("e", -1), ("b", 0), ("a", 5)] {
        submit(&*engine, NewJob { priority, ..NewJob::new(tool, "owner", json(&priority.to_string())) })
            .await;
    }
    let work = claim(&*engine, "one", 4).await;
    let rest = claim(&*engine, "one", 10).await;
    let order: Vec<&str> = work.iter().chain(&rest).map(|work| &*work.tool).collect();
    assert_eq!(order, ["a", "a", "b", "c", "b", "e"]);
    assert_eq!(work.len(), 4);
}

async fn a_delayed_job_waits(engine: Shared) {
    let delayed = submit(&*engine, NewJob { start: Start::After(2_000), ..job("later") }).await;
    let never = submit(&*engine, NewJob { start: Start::At(i64::MAX), ..job("never") }).await;
    assert_eq!(state(&*engine, &delayed).await, State::Scheduled);
    assert!(claim(&*engine, "one", 10).await.is_empty());
    let work = claim_one(&*engine, "one", LEASE_MS).await;
    assert_eq!(work.lease.id, delayed);
    let seen = engine.get(delayed.clone()).await.unwrap();
    assert!(seen.started_ms.unwrap() >= seen.run_at_ms);
    assert_eq!(state(&*engine, &never).await, State::Scheduled);
    engine.retry(never.clone()).await.unwrap();
    assert_eq!(claim_one(&*engine, "one", LEASE_MS).await.lease.id, never, "it need not wait");
}

async fn a_job_that_fails_is_tried_again_and_dies(engine: Shared) {
    let id = submit(&*engine, NewJob { policy: Some(quick(3)), ..job("breaks") }).await;
    for attempt in 1..=3 {
        let work = claim_one(&*engine, "one", LEASE_MS).await;
        assert_eq!((work.attempt, work.attempts_max), (attempt, 3));
        let after = say(&*engine, &work.lease, broken()).await.unwrap();
        assert_eq!(after, if attempt < 3 { State::Scheduled } else { State::Dead });
    }
    let outcome = engine.outcome(id.clone()).await.unwrap();
    assert_eq!(outcome.failure, Some(Failure::retryable("tool", "it broke")));
    let times = |what| move |one: &&Happening| **one == what;
    let history = history(&*engine, &id).await;
    assert_eq!(history.iter().filter(times(Happening::Retrying)).count(), 2);
    assert_eq!(history.iter().filter(times(Happening::Dead)).count(), 1);
    assert!(claim(&*engine, "one", 10).await.is_empty());

    let later = NewJob { policy: Some(quick(2)), ..job("asks for time") };
    let id = submit(&*engine, later).await;
    let work = claim_one(&*engine, "one", LEASE_MS).await;
    let slowly = Failure { retry_after_ms: Some(3_600_000), ..Failure::retryable("tool", "come back later") };
    say(&*engine, &work.lease, AttemptEnd::Failed(slowly)).await.unwrap();
    let seen = engine.get(id).await.unwrap();
    assert!(seen.run_at_ms >= seen.started_ms.unwrap() + 3_600_000);
}

async fn dead_letters_are_looked_at_mended_and_tried_again(engine: Shared) {
    let mut ids = Vec::new();
    for number in 0..5 {
        let new =
            NewJob { policy: Some(quick(1)), ..NewJob::new("breaks", "owner", json(&number.to_string())) };
        ids.push(submit(&*engine, new).await);
        let work = claim_one(&*engine, "one", LEASE_MS).await;
        assert_eq!(say(&*engine, &work.lease, broken()).await.unwrap(), State::Dead);
    }
    let dead = Filter::in_states(&[State::Dead]);
    let page = engine.list(dead.clone(), None, 10).await.unwrap();
    assert_eq!(page.jobs.len(), 5);

    engine.edit(ids[0].clone(), json(r#"{"better":true}"#)).await.unwrap();
    engine.retry(ids[0].clone()).await.unwrap();
    assert!(engine.retry(ids[0].clone()).await.is_err(), "it is queued already");
    assert!(engine.edit(ids[0].clone(), json("1")).await.is_err(), "what waits is not changed");
    let work = claim_one(&*engine, "one", LEASE_MS).await;
    assert_eq!((work.arguments.get(), work.attempt), (r#"{"better":true}"#, 1));
    complete(&*engine, &work.lease, "1").await.unwrap();
    let outcome = engine.outcome(ids[0].clone()).await.unwrap();
    assert!(outcome.result.is_some() && outcome.failure.is_none(), "the old failure is forgotten");

    engine.discard(ids[1].clone()).await.unwrap();
    assert!(matches!(engine.get(ids[1].clone()).await, Err(EngineError::NotFound { .. })));
    assert_eq!(engine.retry_all(dead.clone()).await.unwrap(), 3);
    assert_eq!(claim(&*engine, "one", 10).await.len(), 3);
    assert_eq!(engine.retry_all(dead).await.unwrap(), 0);
    assert!(engine.discard(ids[2].clone()).await.is_err(), "what runs is not discarded");
    assert_eq!(engine.discard_all(Filter::default()).await.unwrap(), 1, "only what has ended");
    assert!(engine.retry_all(Filter::in_states(&[State::Running])).await.is_err());
}

async fn some_errors_are_final(engine: Shared) {
    let id = submit(&*engine, job("picky")).await;
    let work = claim_one(&*engine, "one", LEASE_MS).await;
    let end = AttemptEnd::Failed(Failure::last("invalid", "no such folder"));
    assert_eq!(say(&*engine, &work.lease, end).await.unwrap(), State::Failed);
    assert!(!engine.outcome(id.clone()).await.unwrap().failure.unwrap().retryable);
    engine.retry(id.clone()).await.unwrap();
    assert_eq!(state(&*engine, &id).await, State::Queued, "unless somebody wants it");
}

async fn a_cancelled_job_never_completes(engine: Shared) {
    let waiting = submit(&*engine, job("waits")).await;
    assert_eq!(engine.cancel(waiting.clone()).await.unwrap(), State::Cancelled);
    assert_eq!(engine.cancel(waiting.clone()).await.unwrap(), State::Cancelled, "twice is fine");
    assert!(claim(&*engine, "one", 10).await.is_empty());
    assert!(engine.retry(waiting).await.is_err());

    let mut stops = engine.stops();
    let id = submit(&*engine, job("runs")).await;
    let work = claim_one(&*engine, "one", LEASE_MS).await;
    assert_eq!(beat(&*engine, &work.lease).await, Beat::GoOn);
    assert_eq!(engine.cancel(id.clone()).await.unwrap(), State::Running);
    assert!(engine.get(id.clone()).await.unwrap().stopping);
    assert_eq!(stops.recv().await.unwrap(), work.lease, "told at once");
    assert_eq!(beat(&*engine, &work.lease).await, Beat::Stop, "and with the next sign of life");
    assert_eq!(complete(&*engine, &work.lease, "1").await.unwrap(), State::Cancelled, "too late");
    assert!(engine.outcome(id.clone()).await.unwrap().result.is_none());
    assert!(engine.cancel(id).await.is_ok());

    let id = submit(&*engine, job("listens")).await;
    let work = claim_one(&*engine, "one", LEASE_MS).await;
    assert!(say(&*engine, &work.lease, AttemptEnd::Stopped).await.is_err(), "nobody asked it to stop");
    engine.cancel(id.clone()).await.unwrap();
    assert_eq!(say(&*engine, &work.lease, AttemptEnd::Stopped).await.unwrap(), State::Cancelled);

    let id = submit(&*engine, job("does not listen")).await;
    let work = claim_one(&*engine, "one", 150).await;
    engine.cancel(id.clone()).await.unwrap();
    // Signs of life do not help it.
    while state(&*engine, &id).await != State::Cancelled {
        sleep_ms(20).await;
        beat(&*engine, &work.lease).await;
    }
    let done = submit(&*engine, job("done")).await;
    let work = claim_one(&*engine, "one", LEASE_MS).await;
    complete(&*engine, &work.lease, "1").await.unwrap();
    assert!(engine.cancel(done).await.is_err());
}

async fn beat(engine: &dyn Engine, lease: &Lease) -> Beat {
    let beats = Heartbeat { leases: vec![lease.clone()], lease_ms: 3_000 };
    engine.heartbeat(beats).await.unwrap()[0]
}

/// The job outlasts the lease: with jobs that are quicker, this would pass without a fence.
async fn a_worker_that_lost_its_lease_changes_nothing(engine: Shared) {
    let id = submit(&*engine, NewJob { policy: Some(quick(2)), ..job("slow") }).await;
    let slow = claim_one(&*engine, "slow", 100).await;
    let quick = claim_one(&*engine, "quick", LEASE_MS).await;
    assert_eq!((&quick.lease.id, quick.attempt), (&id, 2), "it was taken away");
    assert!(quick.lease.token > slow.lease.token);
    assert_eq!(engine.get(id.clone()).await.unwrap().stalls, 1);

    assert_eq!(beat(&*engine, &slow.lease).await, Beat::Lost);
    let child = NewJob { parent: Some(id.clone()), ..job("child") };
    let progress = Progress { progress: 1.0, total: None, message: None };
    assert!(is_stale(&engine.progress(slow.lease.clone(), progress).await));
    assert!(is_stale(&engine.checkpoint(slow.lease.clone(), json("1")).await));
    let line = Line { number: 0, at_ms: 0, level: "info".into(), text: "late".into() };
    assert!(is_stale(&engine.log(slow.lease.clone(), vec![line]).await));
    for end in [
        AttemptEnd::Completed(json(r#""wrong""#)),
        broken(),
        AttemptEnd::Released,
        AttemptEnd::AskedInput(json("1")),
        AttemptEnd::AwaitsChildren,
    ] {
        let refused = say(&*engine, &slow.lease, end.clone()).await;
        assert!(is_stale(&refused), "{end:?}: {refused:?}");
    }
    assert_eq!(complete(&*engine, &quick.lease, r#""right""#).await.unwrap(), State::Completed);
    assert!(is_stale(&complete(&*engine, &slow.lease, r#""wrong""#).await));
    assert_eq!(engine.outcome(id.clone()).await.unwrap().result.unwrap().get(), r#""right""#);
    assert!(engine.submit(child).await.is_err(), "a job that has ended gets no children");

    let id = submit(&*engine, NewJob { policy: Some(Policy::ONCE), ..job("only once") }).await;
    let slow = claim_one(&*engine, "slow", 50).await;
    let ended = wait(&*engine, &id, Duration::from_secs(20)).await.unwrap();
    assert_eq!(ended.state, State::Dead);
    assert_eq!(&*engine.outcome(id).await.unwrap().failure.unwrap().code, "stalled");
    assert!(is_stale(&complete(&*engine, &slow.lease, "1").await));
}

async fn signs_of_life_keep_a_job(engine: Shared) {
    submit(&*engine, job("long")).await;
    // Twice as long as the lease, with time to spare on a busy machine.
    let work = claim_one(&*engine, "one", 3_000).await;
    for _ in 0..5 {
        sleep_ms(1_200).await;
        assert_eq!(beat(&*engine, &work.lease).await, Beat::GoOn);
    }
    assert_eq!(complete(&*engine, &work.lease, "1").await.unwrap(), State::Completed);
    let nobody = Lease { id: JobId::new("nonsense"), token: 1 };
    assert_eq!(beat(&*engine, &nobody).await, Beat::Lost);
}

async fn saying_it_again_changes_nothing(engine: Shared) {
    let id = submit(&*engine, job("done")).await;
    let work = claim_one(&*engine, "one", LEASE_MS).await;
    complete(&*engine, &work.lease, r#""first""#).await.unwrap();
    assert_eq!(complete(&*engine, &work.lease, r#""second""#).await.unwrap(), State::Completed);
    assert_eq!(engine.outcome(id.clone()).await.unwrap().result.unwrap().get(), r#""first""#);
    assert!(is_stale(&say(&*engine, &work.lease, broken()).await), "something else is not the same");
    assert_eq!(history(&*engine, &id).await.len(), 3);

    let id = submit(&*engine, NewJob { policy: Some(quick(2)), ..job("fails") }).await;
    let work = claim_one(&*engine, "one", LEASE_MS).await;
    say(&*engine, &work.lease, broken()).await.unwrap();
    say(&*engine, &work.lease, broken()).await.unwrap();
    let again = claim_one(&*engine, "one", LEASE_MS).await;
    assert_eq!((again.lease.id.clone(), again.attempt), (id, 2), "that was one attempt");
    assert!(is_stale(&say(&*engine, &work.lease, broken()).await));

    submit(&*engine, job("given back")).await;
    let work = claim_one(&*engine, "one", LEASE_MS).await;
    assert_eq!(say(&*engine, &work.lease, AttemptEnd::Released).await.unwrap(), State::Queued);
    assert_eq!(claim_one(&*engine, "one", LEASE_MS).await.attempt, 1, "that was none");
}

async fn keys_prevent_doubles(engine: Shared) {
    let keyed = |arguments: &str, caller: &str| NewJob {
        idempotency_key: Some("order-7".into()),
        ..NewJob::new("buy", caller, json(arguments))
    };
    let first = engine.submit(keyed("1", "owner")).await.unwrap();
    let second = engine.submit(keyed("1", "owner")).await.unwrap();
    assert_eq!((first.existed, second.existed, &first.id), (false, true, &second.id));
    let other = engine.submit(keyed("2", "owner")).await;
    assert!(matches!(other, Err(EngineError::KeyReused { .. })), "{other:?}");
    assert!(!engine.submit(keyed("2", "somebody else")).await.unwrap().existed, "keys are each caller's own");
    let work = claim_one(&*engine, "one", LEASE_MS).await;
    complete(&*engine, &work.lease, "1").await.unwrap();
    assert!(engine.submit(keyed("1", "owner")).await.unwrap().existed, "as long as it is remembered");

    let once = || NewJob { deduplication_key: Some("sync".into()), ..job("sync") };
    let first = engine.submit(once()).await.unwrap();
    assert_eq!(engine.submit(once()).await.unwrap().id, first.id);
    engine.cancel(first.id.clone()).await.unwrap();
    let next = engine.submit(once()).await.unwrap();
    assert!(!next.existed && next.id != first.id, "until it has ended");

    let twins = engine.submit_many(vec![keyed("1", "twin"), keyed("1", "twin"), job("other")]).await.unwrap();
    assert_eq!((twins[0].existed, twins[1].existed, &twins[0].id), (false, true, &twins[1].id));
    assert_ne!(twins[2].id, twins[0].id);
    assert!(engine.submit_many(vec![keyed("1", "odd"), keyed("2", "odd")]).await.is_err());
}

async fn limits_hold(engine: Shared) {
    let running = |running_max| Limit { running_max: Some(running_max), rate: None };
    engine.limit(Scope::Tool(Some("heavy".into())), running(1)).await.unwrap();
    engine.limit(Scope::Caller(None), running(2)).await.unwrap();
    engine.limit(Scope::Queue(Some("narrow".into())), running(1)).await.unwrap();
    assert_eq!(engine.limits().await.unwrap().len(), 3);
    for number in 0..4 {
        submit(&*engine, NewJob::new("heavy", "ada", json("0"))).await;
        submit(&*engine, NewJob::new("light", "ada", json("1"))).await;
        submit(&*engine, NewJob::new("light", "bob", json("2"))).await;
        let queue = "narrow".into();
        submit(&*engine, NewJob { queue, ..NewJob::new("light", &format!("c{number}"), json("3")) }).await;
    }
    let work = claim(&*engine, "one", 100).await;
    let of = |arguments| work.iter().filter(|work| work.arguments.get() == arguments).count();
    assert_eq!([of("0"), of("1"), of("2"), of("3")], [1, 1, 2, 1], "ada: one heavy and one light");
    assert!(claim(&*engine, "two", 100).await.is_empty());

    // Each end makes room for one more of the same, in the old order.
    let light = work.iter().find(|work| work.arguments.get() == "1").unwrap();
    complete(&*engine, &light.lease, "1").await.unwrap();
    let next = claim(&*engine, "two", 100).await;
    assert_eq!(next.len(), 1);
    assert_eq!((&*next[0].caller, &*next[0].tool), ("ada", "light"), "heavy has no room");

    engine.limit(Scope::Caller(None), Limit::default()).await.unwrap();
    let freed = claim(&*engine, "two", 100).await;
    assert_eq!(freed.iter().filter(|work| &*work.tool == "light").count(), 4, "two of ada's, two of bob's");
    assert_eq!(freed.len(), 4);
    assert!(engine.limit(Scope::Queue(None), running(0)).await.is_err());
}

async fn a_rate_holds(engine: Shared) {
    let rate = Limit { running_max: None, rate: Some(Rate { starts_max: 3, window_ms: 2_000 }) };
    engine.limit(Scope::Tool(None), rate).await.unwrap();
    let ids = engine.submit_many((0..5).map(|_| job("mail")).collect()).await.unwrap();
    assert_eq!(claim(&*engine, "one", 10).await.len(), 3);
    assert!(claim(&*engine, "one", 10).await.is_empty());
    let wanted = Claim { wait_ms: 10_000, ..Claim::now(10, LEASE_MS) };
    let rest = engine.exchange(Exchange::claim("one", wanted)).await.unwrap().work;
    assert_eq!(rest.len(), 2, "as soon as there is room, and nobody asked again");
    let started = |id: &JobId| {
        let job = engine.get(id.clone());
        async { job.await.unwrap().started_ms.unwrap() }
    };
    assert!(started(&ids[3].id).await - started(&ids[0].id).await >= 1_999);
}

async fn a_paused_queue_starts_nothing(engine: Shared) {
    engine.pause("default".into()).await.unwrap();
    submit(&*engine, job("one")).await;
    submit(&*engine, NewJob { queue: "other".into(), ..job("two") }).await;
    let work = claim(&*engine, "one", 10).await;
    assert_eq!(work.iter().map(|work| &*work.tool).collect::<Vec<_>>(), ["two"]);
    let paused = |queues: Vec<drawbridge_jobs::QueueCounts>| {
        queues.into_iter().filter(|queue| queue.paused).map(|queue| queue.queue).collect::<Vec<_>>()
    };
    assert_eq!(paused(engine.counts().await.unwrap()), [Arc::<str>::from("default")]);
    let waiting = {
        let engine = Arc::clone(&engine);
        tokio::spawn(async move { claim_one(&*engine, "one", LEASE_MS).await })
    };
    sleep_ms(50).await;
    engine.resume("default".into()).await.unwrap();
    assert_eq!(&*waiting.await.unwrap().tool, "one", "whoever waits gets it");
}

async fn what_a_worker_tells_is_seen(engine: Shared) {
    let mut changes = engine.changes();
    let id = submit(&*engine, NewJob { policy: Some(quick(2)), ..job("tells") }).await;
    let work = claim_one(&*engine, "one", LEASE_MS).await;
    let progress = Progress { progress: 40.0, total: Some(100.0), message: Some("files".into()) };
    engine.progress(work.lease.clone(), progress.clone()).await.unwrap();
    assert_eq!(engine.get(id.clone()).await.unwrap().progress.as_ref(), Some(&progress));
    loop {
        if let Change::Progress { job, progress: told } = changes.recv().await.unwrap() {
            assert_eq!((&job, &told), (&id, &progress));
            break;
        }
    }
    let line = |text: &str| Line { number: 0, at_ms: 0, level: "info".into(), text: text.into() };
    engine.log(work.lease.clone(), vec![line("first"), line("second")]).await.unwrap();
    engine.log(work.lease.clone(), vec![line(&"é".repeat(bounds::LINE_BYTES_MAX))]).await.unwrap();
    let lines = engine.lines(id.clone(), 1, 10).await.unwrap();
    assert_eq!((lines[0].number, &*lines[0].text, lines.len()), (2, "second", 2));
    assert_eq!(lines[1].text.len(), bounds::LINE_BYTES_MAX);

    engine.checkpoint(work.lease.clone(), json(r#"{"page":1}"#)).await.unwrap();
    engine.checkpoint(work.lease.clone(), json(r#"{"page":2}"#)).await.unwrap();
    say(&*engine, &work.lease, broken()).await.unwrap();
    assert_eq!(engine.get(id.clone()).await.unwrap().progress, Some(progress), "kept with the end");
    let again = claim_one(&*engine, "two", LEASE_MS).await;
    assert_eq!(again.checkpoint.as_ref().unwrap().get(), r#"{"page":2}"#);
    let many: Vec<Line> = (0..bounds::LINES_MAX).map(|number| line(&number.to_string())).collect();
    engine.log(again.lease.clone(), many).await.unwrap();
    let lines = engine.lines(id.clone(), 0, 2_000).await.unwrap();
    assert_eq!((lines.len() as u64, &*lines[0].text), (bounds::LINES_MAX, "0"), "the newest are kept");
    complete(&*engine, &again.lease, "1").await.unwrap();
}

async fn a_parent_waits_for_its_children(engine: Shared) {
    let children = vec![job("child"), job("child"), job("child")];
    let family = engine.submit_family(job("parent"), children).await.unwrap();
    let parent = family.parent.id;
    let seen = engine.get(parent.clone()).await.unwrap();
    assert_eq!((seen.state, seen.awaits_children, seen.children_open), (State::Scheduled, true, 3));
    let work = claim(&*engine, "one", 10).await;
    assert_eq!(work.len(), 3);
    assert!(work.iter().all(|work| &*work.tool == "child"));
    complete(&*engine, &work[0].lease, "1").await.unwrap();
    say(&*engine, &work[1].lease, AttemptEnd::Failed(Failure::last("tool", "no"))).await.unwrap();
    assert_eq!(state(&*engine, &parent).await, State::Scheduled);
    assert!(engine.retry(parent.clone()).await.is_err(), "it does not wait for a time");
    engine.cancel(work[2].lease.id.clone()).await.unwrap();
    say(&*engine, &work[2].lease, AttemptEnd::Stopped).await.unwrap();
    let work = claim_one(&*engine, "one", LEASE_MS).await;
    assert_eq!((&work.lease.id, work.attempt), (&parent, 1), "however they ended");
    let of_parent = Filter { parent: Some(parent.clone()), ..Filter::default() };
    let children = engine.list(of_parent, None, 10).await.unwrap().jobs;
    let states: Vec<State> = children.iter().rev().map(|child| child.state).collect();
    assert_eq!(states, [State::Completed, State::Failed, State::Cancelled]);
    assert!(children.iter().all(|child| child.parent.as_ref() == Some(&parent)));

    let keyed = NewJob { idempotency_key: Some("family".into()), ..job("parent") };
    let first = engine.submit_family(keyed.clone(), vec![job("child")]).await.unwrap();
    let second = engine.submit_family(keyed, vec![job("child")]).await.unwrap();
    assert!(second.parent.existed && second.children.is_empty() && first.children.len() == 1);
}

async fn children_can_come_later(engine: Shared) {
    let parent = submit(&*engine, NewJob { policy: Some(Policy::ONCE), ..job("parent") }).await;
    let work = claim_one(&*engine, "one", LEASE_MS).await;
    let child = NewJob { parent: Some(parent.clone()), ..job("child") };
    engine.submit_many(vec![child.clone(), child.clone()]).await.unwrap();
    assert_eq!(say(&*engine, &work.lease, AttemptEnd::AwaitsChildren).await.unwrap(), State::Scheduled);
    assert_eq!(engine.get(parent.clone()).await.unwrap().children_open, 2);
    let grandchild = NewJob { parent: Some(child_id(&*engine, &parent).await), ..job("grandchild") };
    let grand = submit(&*engine, grandchild).await;
    for _ in 0..2 {
        let work = claim_one(&*engine, "one", LEASE_MS).await;
        assert_ne!(work.lease.id, parent);
        complete(&*engine, &work.lease, "1").await.unwrap();
    }
    let work = claim_one(&*engine, "one", LEASE_MS).await;
    assert_eq!((&work.lease.id, work.attempt), (&parent, 1), "waiting used no attempt up");
    assert_eq!(say(&*engine, &work.lease, AttemptEnd::AwaitsChildren).await.unwrap(), State::Queued);
    assert_eq!(
        state(&*engine, &grand).await,
        State::Queued,
        "a child that did not wait leaves its own behind"
    );
}

async fn child_id(engine: &dyn Engine, parent: &JobId) -> JobId {
    let filter = Filter { parent: Some(parent.clone()), ..Filter::default() };
    engine.list(filter, None, 1).await.unwrap().jobs.remove(0).id
}

async fn a_child_can_bring_its_parent_down(engine: Shared) {
    let strict = NewJob { fails_with_children: true, ..job("parent") };
    let family = engine.submit_family(strict, vec![job("child"), job("other child")]).await.unwrap();
    let work = claim_one(&*engine, "one", LEASE_MS).await;
    say(&*engine, &work.lease, AttemptEnd::Failed(Failure::last("tool", "no"))).await.unwrap();
    assert_eq!(state(&*engine, &family.parent.id).await, State::Failed);
    let failure = engine.outcome(family.parent.id).await.unwrap().failure.unwrap();
    assert_eq!(&*failure.code, "child");
    assert_eq!(state(&*engine, &family.children[1].id).await, State::Cancelled, "nobody waits for it now");
}

async fn a_cancelled_parent_takes_its_children_along(engine: Shared) {
    let family = engine.submit_family(job("parent"), vec![job("child"), job("child")]).await.unwrap();
    let work = claim_one(&*engine, "one", LEASE_MS).await;
    engine.cancel(family.parent.id.clone()).await.unwrap();
    assert_eq!(state(&*engine, &family.parent.id).await, State::Cancelled);
    assert_eq!(beat(&*engine, &work.lease).await, Beat::Stop);
    assert_eq!(state(&*engine, &family.children[1].id).await, State::Cancelled);
    assert_eq!(say(&*engine, &work.lease, AttemptEnd::Stopped).await.unwrap(), State::Cancelled);
}

async fn a_deadline_holds(engine: Shared) {
    let soon = Policy { deadline_after_ms: Some(2_000), ..quick(3) };
    let waits =
        submit(&*engine, NewJob { start: Start::After(3_600_000), policy: Some(soon), ..job("waits") }).await;
    let runs = submit(&*engine, NewJob { policy: Some(soon), ..job("runs") }).await;
    let work = claim_one(&*engine, "one", LEASE_MS).await;
    assert!(work.deadline_ms.is_some());
    let mut stops = engine.stops();
    for id in [&waits, &runs] {
        assert_eq!(wait(&*engine, id, Duration::from_secs(20)).await.unwrap().state, State::Failed);
        assert_eq!(&*engine.outcome(id.clone()).await.unwrap().failure.unwrap().code, "deadline");
    }
    assert_eq!(stops.recv().await.unwrap(), work.lease);
    assert!(is_stale(&complete(&*engine, &work.lease, "1").await));
    engine.retry(runs.clone()).await.unwrap();
    let again = claim_one(&*engine, "one", LEASE_MS).await;
    assert_eq!((&again.lease.id, again.deadline_ms), (&runs, None), "a retry has all the time");
    assert!(again.lease.token > work.lease.token);
}

async fn a_question_is_answered(engine: Shared) {
    let id = submit(&*engine, NewJob { policy: Some(Policy::ONCE), ..job("asks") }).await;
    assert!(engine.answer(id.clone(), json("1")).await.is_err(), "it asked nothing yet");
    let work = claim_one(&*engine, "one", LEASE_MS).await;
    let question = AttemptEnd::AskedInput(json(r#"{"which":"folder"}"#));
    assert_eq!(say(&*engine, &work.lease, question).await.unwrap(), State::WaitingForInput);
    let seen = wait(&*engine, &id, Duration::from_secs(20)).await.unwrap();
    assert_eq!(seen.state, State::WaitingForInput, "somebody who waits hears of it");
    assert_eq!(engine.outcome(id.clone()).await.unwrap().question.unwrap().get(), r#"{"which":"folder"}"#);
    let rest = r#"{"which":"file"}"#;
    match engine.ask_rest(id.clone(), json(rest)).await {
        Ok(()) => assert_eq!(engine.outcome(id.clone()).await.unwrap().question.unwrap().get(), rest),
        // Not every engine can; none may pretend.
        Err(error) => assert!(matches!(error, EngineError::Invalid { .. }), "{error}"),
    }
    assert_eq!(engine.get(id.clone()).await.unwrap().state, State::WaitingForInput);
    engine.answer(id.clone(), json(r#""notes""#)).await.unwrap();
    assert!(engine.answer(id.clone(), json("2")).await.is_err(), "once");
    assert!(engine.ask_rest(id.clone(), json("1")).await.is_err(), "it asks nothing any more");
    let again = claim_one(&*engine, "two", LEASE_MS).await;
    assert_eq!((again.attempt, again.answer.unwrap().get().to_owned()), (1, r#""notes""#.to_owned()));
    complete(&*engine, &again.lease, "1").await.unwrap();
    assert!(engine.outcome(id).await.unwrap().question.is_none());
}

async fn everything_is_listed_in_pages(engine: Shared) {
    let of =
        |caller: &str, queue: &str| NewJob { queue: queue.into(), ..NewJob::new("t", caller, json("1")) };
    let jobs = (0..25).map(|number| if number % 5 == 0 { of("bob", "b") } else { of("ada", "a") });
    let all = engine.submit_many(jobs.collect()).await.unwrap();
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = engine.list(Filter::default(), after, 7).await.unwrap();
        found.extend(page.jobs.into_iter().map(|job| job.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    found.reverse();
    assert_eq!(found, all.iter().map(|one| one.id.clone()).collect::<Vec<_>>());
    let count = async |filter: Filter| engine.list(filter, None, 100).await.unwrap().jobs.len();
    assert_eq!(count(Filter { caller: Some("bob".into()), ..Filter::default() }).await, 5);
    assert_eq!(count(Filter { queue: Some("a".into()), ..Filter::default() }).await, 20);
    assert_eq!(count(Filter { tool: Some("never seen".into()), ..Filter::default() }).await, 0);
    let work = claim(&*engine, "one", 3).await;
    complete(&*engine, &work[0].lease, "1").await.unwrap();
    assert_eq!(count(Filter::in_states(&[State::Running, State::Completed])).await, 3);
    assert_eq!(count(Filter::in_states(&[State::Queued])).await, 22);
    for nonsense in ["", "1", "zz-0000000000000000", "1-0000000000000000", "'; DROP TABLE job; --"] {
        let got = engine.get(JobId::new(nonsense)).await;
        assert!(matches!(got, Err(EngineError::NotFound { .. })), "{nonsense:?}");
    }
}

async fn a_waiting_worker_is_woken(engine: Shared) {
    let waiting = {
        let engine = Arc::clone(&engine);
        tokio::spawn(async move { claim_one(&*engine, "one", LEASE_MS).await })
    };
    sleep_ms(50).await;
    let id = submit(&*engine, job("wakes")).await;
    assert_eq!(waiting.await.unwrap().lease.id, id);

    let withdrawn = {
        let engine = Arc::clone(&engine);
        let claim = Claim { wait_ms: 60_000, ..Claim::now(1, LEASE_MS) };
        tokio::spawn(async move { engine.exchange(Exchange::claim("gone", claim)).await })
    };
    sleep_ms(50).await;
    engine.withdraw("gone".into()).await.unwrap();
    assert!(withdrawn.await.unwrap().unwrap().work.is_empty());

    let claim = Claim { wait_ms: 100, ..Claim::now(1, LEASE_MS) };
    let empty = engine.exchange(Exchange::claim("patient", claim)).await.unwrap();
    assert!(empty.work.is_empty(), "the wait is over");

    // Whoever goes away while it waits gets nothing, and nothing is lost.
    let claim = Claim { wait_ms: 60_000, ..Claim::now(1, LEASE_MS) };
    let dropped = engine.exchange(Exchange::claim("dropped", claim));
    drop(tokio::time::timeout(Duration::from_millis(50), dropped).await);
    let id = submit(&*engine, job("for another")).await;
    assert_eq!(claim_one(&*engine, "two", LEASE_MS).await.lease.id, id);
}

async fn a_submission_is_whole_or_nothing(engine: Shared) {
    let orphan = NewJob { parent: Some(JobId::new("1-0000000000000000")), ..job("orphan") };
    assert!(engine.submit_many(vec![job("fine"), orphan]).await.is_err());
    assert!(engine.submit_many(vec![job("fine"), NewJob { tool: "".into(), ..job("x") }]).await.is_err());
    assert!(engine.list(Filter::default(), None, 10).await.unwrap().jobs.is_empty());
    assert!(engine.submit_many(Vec::new()).await.unwrap().is_empty());
    let many = engine.submit_many((0..bounds::SUBMIT_MAX).map(|_| job("fine")).collect()).await.unwrap();
    let unique: std::collections::HashSet<_> = many.iter().map(|one| one.id.clone()).collect();
    assert_eq!(unique.len(), bounds::SUBMIT_MAX);
    assert_eq!(claim(&*engine, "one", bounds::CLAIM_MAX + 1).await.len(), bounds::CLAIM_MAX);
}

async fn sizes_are_bounded(engine: Shared) {
    let name = |bytes: usize| "n".repeat(bytes);
    let text = |bytes: usize| json(&format!("\"{}\"", "x".repeat(bytes - 2)));
    let fits = NewJob::new(
        &name(bounds::NAME_BYTES_MAX),
        &name(bounds::KEY_BYTES_MAX),
        text(bounds::ARGUMENTS_BYTES_MAX),
    );
    let fits = NewJob { priority: bounds::PRIORITY_MAX, ..fits };
    submit(&*engine, fits.clone()).await;
    let refused = [
        NewJob { tool: name(bounds::NAME_BYTES_MAX + 1).into(), ..fits.clone() },
        NewJob { queue: name(bounds::NAME_BYTES_MAX + 1).into(), ..fits.clone() },
        NewJob { caller: name(bounds::KEY_BYTES_MAX + 1).into(), ..fits.clone() },
        NewJob { idempotency_key: Some(name(bounds::KEY_BYTES_MAX + 1).into()), ..fits.clone() },
        NewJob { arguments: text(bounds::ARGUMENTS_BYTES_MAX + 1), ..fits.clone() },
        NewJob { attributes: Some(text(bounds::ATTRIBUTES_BYTES_MAX + 1)), ..fits.clone() },
        NewJob { priority: bounds::PRIORITY_MAX + 1, ..fits.clone() },
        NewJob { priority: -bounds::PRIORITY_MAX - 1, ..fits.clone() },
    ];
    for new in refused {
        assert!(engine.submit(new).await.is_err());
    }
    let many = (0..=bounds::SUBMIT_MAX).map(|_| job("x")).collect();
    assert!(engine.submit_many(many).await.is_err());
    let work = claim_one(&*engine, "one", LEASE_MS).await;
    assert!(engine.checkpoint(work.lease.clone(), text(bounds::CHECKPOINT_BYTES_MAX)).await.is_ok());
    assert!(engine.checkpoint(work.lease.clone(), text(bounds::CHECKPOINT_BYTES_MAX + 1)).await.is_err());
    let end = AttemptEnd::Completed(text(bounds::RESULT_BYTES_MAX + 1));
    assert_eq!(say(&*engine, &work.lease, end).await.unwrap(), State::Failed);
    let failure = engine.outcome(work.lease.id).await.unwrap().failure.unwrap();
    assert_eq!((&*failure.code, failure.retryable), ("result_too_large", false));
}

async fn the_history_is_read_on(engine: Shared) {
    let mut changes = engine.changes();
    let many = engine.submit_many((0..10).map(|_| job("x")).collect()).await.unwrap();
    submit(&*engine, job("y")).await;
    let work = claim_one(&*engine, "one", LEASE_MS).await;
    complete(&*engine, &work.lease, "1").await.unwrap();
    let whole = engine.history(0, None, 100).await.unwrap();
    assert_eq!(whole.len(), 13);
    assert!(whole.windows(2).all(|two| two[0].seq < two[1].seq));
    let submitted: Vec<&JobId> = whole.iter().take(10).map(|entry| &entry.job).collect();
    assert_eq!(submitted, many.iter().map(|one| &one.id).collect::<Vec<_>>());
    for entry in &whole {
        assert_eq!(changes.recv().await.unwrap(), Change::Happened(entry.clone()), "told as it is kept");
    }
    // Reading on from any place gives the rest, in pages of any size.
    for start in 0..whole.len() {
        let after = if start == 0 { 0 } else { whole[start - 1].seq };
        let page = engine.history(after, None, 4).await.unwrap();
        assert_eq!(page, whole[start..whole.len().min(start + 4)], "after {after}");
    }
    let of_third = engine.history(0, Some(many[2].id.clone()), 10).await.unwrap();
    assert_eq!(of_third, whole[2..3]);
    assert_eq!(engine.kept_since("webhooks".into()).await.unwrap(), 0);
    engine.keep_since("webhooks".into(), whole[4].seq).await.unwrap();
    assert_eq!(engine.kept_since("webhooks".into()).await.unwrap(), whole[4].seq);
}

async fn waiting_for_the_end(engine: Shared) {
    let id = submit(&*engine, job("slow")).await;
    let waited = wait(&*engine, &id, Duration::from_millis(50)).await.unwrap();
    assert_eq!(waited.state, State::Queued, "as it is when the time is over");
    let waiting = {
        let (engine, id) = (Arc::clone(&engine), id.clone());
        tokio::spawn(async move { wait(&*engine, &id, Duration::from_secs(10)).await })
    };
    let work = claim_one(&*engine, "one", LEASE_MS).await;
    complete(&*engine, &work.lease, "1").await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap().state, State::Completed);
}

async fn jobs_of_some_tools_only(engine: Shared) {
    for tool in ["mail_send", "files_read", "mail_list", "video_encode"] {
        submit(&*engine, NewJob { queue: tool.split('_').next().unwrap().into(), ..job(tool) }).await;
    }
    let claim = Claim { tools: vec!["mail_*".into(), "video_encode".into()], ..Claim::now(10, LEASE_MS) };
    let work = engine.exchange(Exchange::claim("some", claim)).await.unwrap().work;
    let tools: Vec<&str> = work.iter().map(|work| &*work.tool).collect();
    assert_eq!(tools, ["mail_send", "mail_list", "video_encode"]);
    let claim = Claim { queues: vec!["mail".into()], ..Claim::now(10, LEASE_MS) };
    assert!(engine.exchange(Exchange::claim("some", claim)).await.unwrap().work.is_empty());
}

//! Schedules: what is begun, when, and that nothing is begun twice.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use drawbridge_contract::{BoxFuture, CancellationToken};
use drawbridge_jobs::schedule::{
    Firing, Missed, NewSchedule, Plan, ScheduleChange, ScheduleError, Schedules, Trigger, TriggerError, When,
};
use drawbridge_jobs::{Clock, Embedded, Engine, EngineError, Filter, NewJob, Settings};
use tempfile::TempDir;

use crate::support::{SetClock, embedded, json};

const MINUTE: i64 = 60_000;

/// Submits straight to the engine, and can be told what to answer instead.
struct Straight {
    engine: Embedded,
    fails: Mutex<Vec<TriggerError>>,
    /// Submits, and then says that it failed: the answer was lost.
    loses: AtomicU32,
}

impl Straight {
    fn new(engine: &Embedded) -> Self {
        Self { engine: engine.clone(), fails: Mutex::default(), loses: AtomicU32::new(0) }
    }

    fn failing(engine: &Embedded, error: TriggerError) -> Self {
        Self { fails: Mutex::new(vec![error]), ..Self::new(engine) }
    }
}

impl Trigger for Straight {
    fn submit(&self, firing: Firing) -> BoxFuture<'_, Result<String, TriggerError>> {
        Box::pin(async move {
            if let Some(error) = self.fails.lock().unwrap().pop() {
                return Err(error);
            }
            let new = NewJob {
                idempotency_key: Some(firing.key.into()),
                ..NewJob::new(&firing.tool, &firing.caller, firing.arguments)
            };
            let submitted = self.engine.submit(new).await;
            if self.loses.load(Ordering::SeqCst) > 0 {
                self.loses.fetch_sub(1, Ordering::SeqCst);
                return Err(TriggerError::Passing("nobody answered".into()));
            }
            submitted
                .map(|done| done.id.to_string())
                .map_err(|error| TriggerError::Refused(error.to_string()))
        })
    }
}

struct House {
    folder: TempDir,
    clock: Arc<SetClock>,
    engine: Embedded,
    schedules: Arc<Schedules>,
}

fn open(folder: &TempDir, clock: &Arc<SetClock>) -> Embedded {
    let settings = Settings { clock: Arc::clone(clock) as _, ..Settings::default() };
    Embedded::open(folder.path(), settings).unwrap()
}

impl House {
    fn new() -> Self {
        let (folder, clock) = (tempfile::tempdir().unwrap(), SetClock::new());
        let engine = open(&folder, &clock);
        let schedules = Schedules::new(engine.clone());
        Self { folder, clock, engine, schedules }
    }

    async fn restart(self) -> Self {
        let Self { folder, clock, engine, schedules } = self;
        engine.close().await.unwrap();
        drop((engine, schedules));
        let engine = open(&folder, &clock);
        let schedules = Schedules::new(engine.clone());
        Self { folder, clock, engine, schedules }
    }

    async fn add(&self, name: &str, missed: Missed) {
        self.schedules.add(each_minute(name, missed)).await.unwrap();
    }

    async fn turn(&self) {
        self.schedules.turn(&Straight::new(&self.engine)).await;
    }

    async fn jobs(&self) -> usize {
        self.engine.list(Filter::default(), None, 1_000).await.unwrap().jobs.len()
    }
}

/// At every full minute; the test's clock begins at one.
fn each_minute(name: &str, missed: Missed) -> NewSchedule {
    let when = When::Cron { pattern: "* * * * *".into(), zone: "UTC".into() };
    NewSchedule {
        caller: "owner".into(),
        name: name.into(),
        tool: "t".into(),
        arguments: json("{}"),
        options: json("{}"),
        plan: Plan { when, missed, jitter_ms: 0 },
    }
}

#[tokio::test]
async fn each_planned_time_is_begun_once_also_over_restarts_and_set_clocks() {
    let mut house = House::new();
    house.add("m", Missed::Once).await;
    house.turn().await;
    assert_eq!(house.jobs().await, 0, "not before its time");
    for expected in 1..4 {
        house.clock.pass(MINUTE);
        house.turn().await;
        house.turn().await;
        assert_eq!(house.jobs().await, expected);
        house = house.restart().await;
        house.turn().await;
        assert_eq!(house.jobs().await, expected, "a restart begins nothing twice");
    }
    house.clock.jump(-10 * MINUTE);
    house.turn().await;
    house.clock.jump(10 * MINUTE);
    house.turn().await;
    assert_eq!(house.jobs().await, 3, "what was begun stays begun, whatever the clock shows");
    let schedule = house.schedules.get(None, "m").unwrap();
    assert_eq!((schedule.begun, schedule.left_out), (3, 0));
    assert_eq!(schedule.due_ms, schedule.last_due_ms.map(|last| last + MINUTE));
    let next = house.schedules.next(None, "m", 3).unwrap();
    assert_eq!(next, [1, 2, 3].map(|n| schedule.last_due_ms.unwrap() + n * MINUTE));
}

#[tokio::test]
async fn a_lost_answer_makes_no_second_job() {
    let house = House::new();
    house.add("m", Missed::All(10)).await;
    house.clock.pass(3 * MINUTE);
    let trigger = Straight::new(&house.engine);
    trigger.loses.store(2, Ordering::SeqCst);
    for expected in ["nobody answered", "nobody answered", ""] {
        house.schedules.turn(&trigger).await;
        let error = house.schedules.get(None, "m").unwrap().last_error.unwrap_or_default();
        assert_eq!(error, expected);
        house.clock.pass(10_000);
    }
    assert_eq!(house.jobs().await, 3);
    assert_eq!(house.schedules.get(None, "m").unwrap().begun, 3);
}

#[tokio::test]
async fn after_an_absence_each_rule_does_what_it_says() {
    let mut house = House::new();
    for (name, missed) in [("skip", Missed::Skip), ("once", Missed::Once), ("all", Missed::All(4))] {
        house.add(name, missed).await;
    }
    house = house.restart().await;
    house.clock.jump(10 * MINUTE + 61_000); // and one that is only late
    house.turn().await;
    let of = |name: &str| {
        let one = house.schedules.get(None, name).unwrap();
        (one.begun, one.left_out)
    };
    assert_eq!([of("skip"), of("once"), of("all")], [(1, 10), (1, 10), (4, 7)]);
    assert_eq!(house.jobs().await, 6);
}

#[tokio::test]
async fn a_refusal_leaves_a_time_out_and_a_caller_who_is_nobody_pauses() {
    let house = House::new();
    house.add("m", Missed::Once).await;
    house.clock.pass(MINUTE);
    let refused = TriggerError::Refused("not allowed".into());
    house.schedules.turn(&Straight::failing(&house.engine, refused)).await;
    let schedule = house.schedules.get(None, "m").unwrap();
    assert_eq!((schedule.begun, schedule.left_out, schedule.paused), (0, 1, false));
    assert_eq!(schedule.last_error.as_deref(), Some("not allowed"));
    house.clock.pass(MINUTE);
    let nobody = TriggerError::NoCaller("its key was revoked".into());
    house.schedules.turn(&Straight::failing(&house.engine, nobody)).await;
    house.clock.pass(5 * MINUTE);
    house.turn().await;
    assert_eq!(house.jobs().await, 0);
    assert!(house.schedules.get(None, "m").unwrap().paused);
    house.schedules.pause(Some("owner"), "m", false).await.unwrap();
    house.turn().await;
    assert_eq!(house.jobs().await, 0, "times that passed while it was paused are left out");
    house.clock.pass(MINUTE);
    house.turn().await;
    assert_eq!(house.jobs().await, 1);
}

#[tokio::test]
async fn callers_have_their_own_schedules() {
    let house = House::new();
    house.add("m", Missed::Once).await;
    let again = house.schedules.add(each_minute("m", Missed::Once)).await;
    assert!(matches!(again, Err(ScheduleError::Taken { .. })));
    let other = NewSchedule { caller: "key:1".into(), ..each_minute("m", Missed::Once) };
    house.schedules.add(other).await.unwrap();
    let mine = house.schedules.get(Some("owner"), "m").unwrap();
    assert!(house.schedules.get(Some("key:1"), &mine.id).is_err(), "somebody else's is not there");
    assert!(house.schedules.remove(Some("key:1"), &mine.id).await.is_err());
    assert_eq!(house.schedules.list(Some("key:1")).unwrap().len(), 1);
    house.schedules.remove(Some("owner"), "m").await.unwrap();
    assert_eq!(house.schedules.list(None).unwrap().len(), 1);
    for name in ["", "  ", &"x".repeat(129)] {
        let bad = house.schedules.add(each_minute(name, Missed::Once)).await;
        assert!(matches!(
            bad,
            Err(ScheduleError::Engine(EngineError::Invalid { .. } | EngineError::TooLarge { .. }))
        ));
    }
}

/// Every hour, at half past.
fn half_past() -> When {
    When::Cron { pattern: "30 * * * *".into(), zone: "UTC".into() }
}

#[tokio::test]
async fn a_change_keeps_what_it_does_not_name() {
    let mut house = House::new();
    house.add("m", Missed::Once).await;
    house.clock.pass(MINUTE);
    house.turn().await;
    let before = house.schedules.get(None, "m").unwrap();
    let plan = Plan { when: half_past(), ..before.plan.clone() };
    let change =
        ScheduleChange { plan: Some(plan), arguments: Some(json(r#"{"n":1}"#)), ..Default::default() };
    let after = house.schedules.update(Some("owner"), "m", |_| Ok(change)).await.unwrap();
    assert_eq!((&after.id, after.begun, &after.last_job), (&before.id, 1, &before.last_job));
    assert_eq!((&*after.tool, after.arguments.get(), after.options.get()), ("t", r#"{"n":1}"#, "{}"));
    let due_ms = after.due_ms.unwrap();
    assert!(due_ms % (60 * MINUTE) == 30 * MINUTE && due_ms > before.due_ms.unwrap(), "{after:?}");
    house = house.restart().await;
    house.clock.pass(MINUTE);
    house.turn().await;
    assert_eq!(house.jobs().await, 1, "the times before are no more");
    house.clock.pass(due_ms - house.clock.now().wall_ms);
    house.turn().await;
    assert_eq!(house.jobs().await, 2);
    let renamed = ScheduleChange { name: Some("n".into()), tool: Some("u".into()), ..Default::default() };
    house.schedules.pause(None, "m", true).await.unwrap();
    let after = house.schedules.update(None, &before.id, |_| Ok(renamed)).await.unwrap();
    assert_eq!((&*after.name, &*after.tool, after.paused, after.begun), ("n", "u", true, 2));
    assert!(house.schedules.get(None, "m").is_err());
}

#[tokio::test]
async fn a_time_that_is_kept_is_begun_by_what_the_schedule_is_by_then() {
    let house = House::new();
    house.add("m", Missed::Once).await;
    house.clock.pass(MINUTE);
    let due_ms = house.schedules.get(None, "m").unwrap().due_ms;
    let raised = TriggerError::Passing("the bridge is raised".into());
    house.schedules.turn(&Straight::failing(&house.engine, raised)).await;
    let calm = |jitter_ms| {
        let plan = Plan { jitter_ms, ..each_minute("m", Missed::Once).plan };
        ScheduleChange { plan: Some(plan), tool: Some("u".into()), ..ScheduleChange::default() }
    };
    let after = house.schedules.update(None, "m", |_| Ok(calm(1))).await.unwrap();
    assert_eq!(after.due_ms, due_ms, "the times are the same");
    house.clock.pass(10_000);
    house.turn().await;
    let jobs = house.engine.list(Filter::default(), None, 10).await.unwrap().jobs;
    assert_eq!(jobs.iter().map(|job| &*job.tool).collect::<Vec<_>>(), ["u"]);
}

#[tokio::test]
async fn what_was_begun_while_it_was_changed_is_counted_and_the_new_times_stay() {
    struct Meddling(Straight, Arc<Schedules>);
    impl Trigger for Meddling {
        fn submit(&self, firing: Firing) -> BoxFuture<'_, Result<String, TriggerError>> {
            Box::pin(async move {
                let plan = Plan { when: half_past(), ..each_minute("m", Missed::Once).plan };
                let change = ScheduleChange { plan: Some(plan), ..ScheduleChange::default() };
                self.1.update(None, "m", |_| Ok(change)).await.unwrap();
                self.0.submit(firing).await
            })
        }
    }
    let house = House::new();
    house.add("m", Missed::Once).await;
    house.clock.pass(MINUTE);
    let meddling = Meddling(Straight::new(&house.engine), Arc::clone(&house.schedules));
    house.schedules.turn(&meddling).await;
    let after = house.schedules.get(None, "m").unwrap();
    assert_eq!((after.begun, after.plan.when), (1, half_past()));
    assert_eq!(after.due_ms.unwrap() % (60 * MINUTE), 30 * MINUTE);
    assert!(after.last_job.is_some());
}

#[tokio::test]
async fn what_makes_no_schedule_changes_none() {
    let house = House::new();
    house.add("m", Missed::Once).await;
    house.add("other", Missed::Once).await;
    let named = |name: &str| ScheduleChange { name: Some(name.into()), ..ScheduleChange::default() };
    let taken = house.schedules.update(None, "m", |_| Ok(named("other"))).await;
    assert!(matches!(taken, Err(ScheduleError::Taken { name }) if name == "other"));
    house.schedules.update(None, "m", |_| Ok(named("m"))).await.unwrap();
    for name in ["", " ", &"x".repeat(129)] {
        assert!(house.schedules.update(None, "m", |_| Ok(named(name))).await.is_err(), "{name:?}");
    }
    let never = When::Cron { pattern: "0 0 30 2 *".into(), zone: "UTC".into() };
    let never = Plan { when: never, ..each_minute("m", Missed::Once).plan };
    let never = ScheduleChange { plan: Some(never), ..ScheduleChange::default() };
    assert!(matches!(house.schedules.update(None, "m", |_| Ok(never)).await, Err(ScheduleError::Plan(_))));
    let strangers = house.schedules.update(Some("key:1"), "m", |_| Ok(named("mine"))).await;
    assert!(matches!(strangers, Err(ScheduleError::NotFound { .. })));
    assert_eq!(house.schedules.get(None, "m").unwrap().plan, each_minute("m", Missed::Once).plan);
}

#[tokio::test]
async fn chance_delays_within_its_bound_and_now_and_then_runs_at_once() {
    let house = House::new();
    let plan = Plan { jitter_ms: 30_000, ..each_minute("j", Missed::Once).plan };
    for number in 0..20 {
        let new = NewSchedule { plan: plan.clone(), ..each_minute(&format!("j{number}"), Missed::Once) };
        let made = house.schedules.add(new).await.unwrap();
        let late = made.next_ms.unwrap() - made.due_ms.unwrap();
        assert!((0..=30_000).contains(&late), "{late}");
    }
    let trigger = Straight::new(&house.engine);
    let job = house.schedules.run(Some("owner"), "j0", &trigger).await.unwrap();
    assert!(house.engine.get(drawbridge_jobs::JobId::new(&job)).await.is_ok());
    house.clock.pass(MINUTE + 30_000);
    house.turn().await;
    assert_eq!(house.jobs().await, 21);
}

#[tokio::test]
async fn the_task_wakes_by_itself() {
    let (_folder, engine) = embedded();
    let schedules = Schedules::new(engine.clone());
    let stop = CancellationToken::new();
    let task = schedules.start(Arc::new(Straight::new(&engine)), stop.clone());
    let when = When::Cron { pattern: "* * * * * *".into(), zone: "UTC".into() };
    let plan = Plan { when, missed: Missed::Once, jitter_ms: 0 };
    schedules.add(NewSchedule { plan, ..each_minute("s", Missed::Once) }).await.unwrap();
    let begun = || schedules.get(None, "s").unwrap().begun;
    tokio::time::timeout(Duration::from_secs(60), async {
        while begun() < 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
    stop.cancel();
    task.await.unwrap();
}

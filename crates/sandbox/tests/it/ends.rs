//! Every way in which a launch comes to its end, and that it takes everything along.

use std::time::Duration;

use drawbridge_sandbox::{Cause, Exit, Launch, Sandbox, Signal, WaitError};

use crate::subject::WORD;
use crate::tools::{
    FAMILY, GONE_WITHIN, PATIENCE, family, finish, mark, marked, program, run, shell, until, until_up, within,
};

/// A running family.
async fn start(sandbox: &Sandbox, mark: &str) -> drawbridge_sandbox::Child {
    let child = sandbox.launch(shell(&family(mark))).await.unwrap();
    until("the family is there", PATIENCE, || marked(mark).len() == FAMILY).await;
    child
}

#[tokio::test]
async fn killing_ends_everything_and_waiting_says_when() {
    let (sandbox, mark) = (Sandbox::new(), mark());
    let child = start(&sandbox, &mark).await;
    child.kill().unwrap();
    let (_, _, ended) = finish(child).await;
    assert_eq!(marked(&mark), []);
    assert_eq!((ended.exit, ended.cause, ended.left), (Exit::Signal(libc::SIGKILL), Cause::Stopped, 0));
    // At least those in sessions of their own; the program's group goes with it.
    assert!(ended.strays >= 2, "{ended:?}");
}

#[tokio::test]
async fn dropping_ends_everything() {
    let (sandbox, mark) = (Sandbox::new(), mark());
    let child = start(&sandbox, &mark).await;
    let handle = child.handle();
    drop(child);
    until("nothing is left", GONE_WITHIN, || marked(&mark).is_empty()).await;
    assert!(handle.signal(Signal::Terminate).is_err());
}

#[tokio::test]
async fn the_end_of_the_sandbox_alone_ends_nothing_that_is_still_held() {
    let (sandbox, mark) = (Sandbox::new(), mark());
    let child = start(&sandbox, &mark).await;
    drop(sandbox);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(marked(&mark).len(), FAMILY);
    drop(child);
    until("nothing is left", GONE_WITHIN, || marked(&mark).is_empty()).await;
}

#[tokio::test]
async fn a_child_that_is_held_outlives_its_sandbox_for_as_long_as_it_likes() {
    // Longer than guards have when the hub is gone.
    let (output, _, ended) = run(shell("sleep 7; echo still here")).await.unwrap();
    assert_eq!((output.as_str(), ended.success()), ("still here\n", true));
}

#[tokio::test]
async fn the_timeout_ends_everything_even_what_ignores_it() {
    let mark = mark();
    let began = std::time::Instant::now();
    let (_, _, ended) = run(shell(&family(&mark)).limits(within(Duration::from_millis(300)))).await.unwrap();
    assert_eq!((ended.cause, ended.left), (Cause::TimedOut, 0));
    assert!(began.elapsed() >= Duration::from_millis(300));
    assert!(ended.duration < GONE_WITHIN, "{ended:?}");
    assert_eq!(marked(&mark), []);
}

#[tokio::test]
async fn what_a_program_leaves_behind_is_ended_and_counted() {
    let mark = mark();
    let line = format!("setsid sleep {mark} & (setsid sleep {mark} &) ; echo bye");
    let (output, _, ended) = run(shell(&line)).await.unwrap();
    assert_eq!((output.as_str(), ended.success(), ended.strays), ("bye\n", true, 2));
    assert_eq!(marked(&mark), []);
}

#[tokio::test]
async fn a_request_to_end_is_polite_first() {
    let sandbox = Sandbox::new();
    let child =
        sandbox.launch(shell("trap 'echo tidy; exit 3' TERM; echo up; while :; do sleep 0.01; done")).await;
    let mut child = child.unwrap();
    let handle = child.handle();
    until_up(&mut child).await;
    handle.stop(Signal::Terminate, PATIENCE).unwrap();
    let (output, _, ended) = finish(child).await;
    assert_eq!((output.as_str(), ended.exit, ended.cause), ("tidy\n", Exit::Code(3), Cause::Stopped));
}

#[tokio::test]
async fn what_ignores_the_request_ends_after_its_grace() {
    let (sandbox, mark) = (Sandbox::new(), mark());
    let child = start(&sandbox, &mark).await;
    child.stop(Signal::Terminate, Duration::from_millis(50)).unwrap();
    let (_, _, ended) = finish(child).await;
    assert_eq!((ended.exit, marked(&mark)), (Exit::Signal(libc::SIGKILL), vec![]));
}

#[tokio::test]
async fn signals_reach_the_program_and_do_not_end_the_launch() {
    let sandbox = Sandbox::new();
    let mut child =
        sandbox.launch(shell("trap 'echo int' INT; echo up; sleep 2; sleep 0.3; echo end")).await.unwrap();
    until_up(&mut child).await;
    child.signal(Signal::Stop).unwrap();
    child.signal(Signal::Continue).unwrap();
    child.signal(Signal::Interrupt).unwrap();
    let (output, _, ended) = finish(child).await;
    assert!(output.starts_with("int\n") && output.ends_with("end\n"), "{output}");
    assert_eq!(ended.cause, Cause::Itself);
}

#[tokio::test]
async fn waiting_can_be_cancelled_and_repeated() {
    let sandbox = Sandbox::new();
    let mut child = sandbox.launch(shell("sleep 2; exit 5")).await.unwrap();
    for _ in 0..5 {
        assert!(tokio::time::timeout(Duration::from_millis(10), child.wait()).await.is_err());
    }
    let first = child.wait().await.unwrap();
    assert_eq!((first.exit, child.wait().await.unwrap()), (Exit::Code(5), first));
}

#[tokio::test]
async fn a_process_that_hops_from_pid_to_pid_is_caught() {
    let (sandbox, mark) = (Sandbox::new(), mark());
    let launch = Launch::new(program()).args([WORD, "hop", &mark]);
    // The program itself ends at once; what it leaves is a new process every moment.
    let (_, _, ended) = finish(sandbox.launch(launch).await.unwrap()).await;
    assert_eq!((marked(&mark), ended.left), (vec![], 0));
    assert!(ended.strays > 0, "{ended:?}");
}

#[tokio::test]
async fn who_kills_its_guard_ends_with_it_and_the_hub_is_told() {
    let (sandbox, mark) = (Sandbox::new(), mark());
    let line = format!("setsid sleep {mark} & sleep 0.2; kill -9 $PPID; sleep {mark}");
    let mut child = sandbox.launch(shell(&line)).await.unwrap();
    assert!(matches!(child.wait().await, Err(WaitError::GuardLost)));
    until("nothing is left", GONE_WITHIN, || marked(&mark).is_empty()).await;
    assert!(finish(sandbox.launch(Launch::new("true")).await.unwrap()).await.2.success());
}

#[tokio::test]
async fn the_keeper_is_started_again_each_time_that_somebody_killed_it() {
    // A guard whose keeper was killed that very moment has another parent, which is nobody to kill.
    const KEEPER: &str = "keeper=$(cut -d ' ' -f 4 /proc/$PPID/stat); echo $keeper";
    let sandbox = Sandbox::new();
    let mut keepers = std::collections::HashSet::new();
    for _ in 0..50 {
        let line =
            format!("{KEEPER}; grep -q sandbox-keeper /proc/$keeper/comm && kill -9 $keeper; echo alive");
        let (output, _, ended) = finish(sandbox.launch(shell(&line)).await.unwrap()).await;
        assert!(output.ends_with("alive\n") && ended.success(), "{output} {ended:?}");
        assert!(keepers.insert(output), "it was the keeper of before");
    }
}

#[tokio::test]
async fn a_crash_loop_beside_others_does_not_touch_them() {
    let sandbox = Sandbox::new();
    let mark = mark();
    let child = start(&sandbox, &mark).await;
    for _ in 0..200 {
        let ended = sandbox.launch(shell("kill -ABRT $$")).await.unwrap().wait().await.unwrap();
        assert_eq!(ended.exit, Exit::Signal(libc::SIGABRT));
    }
    assert_eq!(marked(&mark).len(), FAMILY);
    drop(child);
    until("nothing is left", GONE_WITHIN, || marked(&mark).is_empty()).await;
}

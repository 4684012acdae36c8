//! The hub is killed with `kill -9`, a thousand times over, and nothing is left.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use drawbridge_sandbox::Sandbox;

use crate::subject::WORD;
use crate::tools::{FAMILY, GONE_WITHIN, PATIENCE, family, mark, marked, program, shell, until};

/// Hubs times children are the thousand.
const HUBS: usize = 50;
const CHILDREN: usize = 20;

/// In a process of its own: starts families and never ends.
pub(crate) fn be_a_hub(children: usize, mark: &str) -> ! {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let sandbox = Sandbox::new();
        let mut alive = Vec::new();
        for _ in 0..children {
            alive.push(sandbox.launch(shell(&family(mark))).await.unwrap());
        }
        println!("ready");
        std::future::pending::<()>().await;
    });
    unreachable!("it waits for ever")
}

/// A hub with its families, all of them running.
async fn hub(children: usize, mark: &str) -> std::process::Child {
    let mut hub = Command::new(program())
        .args([WORD, "hub", &children.to_string(), mark])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(hub.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    // And the hub itself.
    let all = children * FAMILY + 1;
    until("all families are there", PATIENCE, || marked(mark).len() == all).await;
    hub
}

#[tokio::test]
async fn i1_a_thousand_cycles_leave_nothing() {
    let mut longest = std::time::Duration::ZERO;
    for _ in 0..HUBS {
        let mark = mark();
        let mut hub = hub(CHILDREN, &mark).await;
        hub.kill().unwrap();
        hub.wait().unwrap();
        longest = longest.max(until("nothing is left", GONE_WITHIN, || marked(&mark).is_empty()).await);
    }
    println!("{} families, at most {longest:?} until the last process was gone", HUBS * CHILDREN);
}

#[tokio::test]
async fn the_helpers_go_too() {
    let mark = mark();
    let mut hub = hub(2, &mark).await;
    let helpers = descendants(hub.id());
    // The keeper and two guards, the families below.
    assert!(helpers.len() >= 3 + 2 * FAMILY, "{helpers:?}");
    // Ending the hub by its name does not end them.
    let named = |pid: &&u32| is_named(**pid, "drawbridge") || is_named(**pid, "it-");
    assert_eq!(helpers.iter().find(named), None);
    hub.kill().unwrap();
    hub.wait().unwrap();
    until("nothing is left", GONE_WITHIN, || helpers.iter().all(|pid| !is_alive(*pid))).await;
}

#[tokio::test]
async fn killing_the_keeper_as_well_changes_nothing() {
    let mark = mark();
    let mut hub = hub(3, &mark).await;
    let keeper = children_of(hub.id())[0];
    kill(keeper);
    hub.kill().unwrap();
    hub.wait().unwrap();
    until("nothing is left", GONE_WITHIN, || marked(&mark).is_empty()).await;
}

#[tokio::test]
async fn a_guard_that_is_killed_takes_its_family_with_it_and_no_other() {
    let (first, second) = (mark(), mark());
    let (mut one, mut two) = (hub(1, &first).await, hub(1, &second).await);
    let guard = children_of(children_of(one.id())[0])[0];
    kill(guard);
    until("the family is gone, the hub is there", GONE_WITHIN, || marked(&first) == [one.id()]).await;
    assert_eq!(marked(&second).len(), FAMILY + 1);
    for hub in [&mut one, &mut two] {
        hub.kill().unwrap();
        hub.wait().unwrap();
    }
    until("nothing is left", GONE_WITHIN, || marked(&second).is_empty()).await;
}

/// Whether a process goes by a name, as `pkill` and `pkill -f` look for it.
fn is_named(pid: u32, name: &str) -> bool {
    let read = |file| std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    read("comm").contains(name) || read("cmdline").contains(name)
}

fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

fn children_of(pid: u32) -> Vec<u32> {
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|child| stat(*child).is_some_and(|(parent, _)| parent == pid)).collect()
}

fn descendants(pid: u32) -> Vec<u32> {
    let children = children_of(pid);
    children.iter().copied().chain(children.iter().flat_map(|child| descendants(*child))).collect()
}

/// Whether a process is there and has not ended.
fn is_alive(pid: u32) -> bool {
    stat(pid).is_some_and(|(_, state)| state != 'Z')
}

/// The parent and the state.
fn stat(pid: u32) -> Option<(u32, char)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((fields.next()?.parse().ok()?, state))
}

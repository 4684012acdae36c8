//! The whole story of a job: submitted on the command line, the hub killed in the middle, tried again, told to a program
//! elsewhere by a signed request, and asked for by a host. On Redis it is one of two workers that is killed.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::program::{Gate, Home, Hook, Hub, Modern, PATIENCE, Redis, Told, Worker, wait_for};

/// What is tried passes without being asked for, and the hook may be told. `jobs` is more of the configuration.
fn home(hook: &Hook, jobs: &str) -> Home {
    let home = Home::new();
    home.configure(&format!(
        "[[rules]]\ntools = [\"terminal_*\", \"webhooks_*\"]\nthen = \"allow\"\n[terminal]\nconfinement = \"off\"\n\
         [webhooks]\nallow = [\"{}\"]\n{jobs}",
        hook.address
    ));
    home
}

fn json_of(home: &Home, words: &[&str]) -> Value {
    serde_json::from_str(&home.run(&[&["--json"], words].concat()).good()).unwrap()
}

fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// Checks both signatures, as a receiver does that has the secret.
fn check_signatures(told: &Told, secret: &str) {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let stamp = told.header("webhook-timestamp");
    let signed = [format!("{}.{stamp}.", told.header("webhook-id")).as_bytes(), &told.body].concat();
    let good = format!("v1,{}", STANDARD.encode(hmac(&key, &signed)));
    assert!(told.header("webhook-signature").split(' ').any(|one| one == good), "Standard Webhooks");
    let old: String = hmac(secret.as_bytes(), &told.body).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(told.header("X-Webhook-Signature-256"), old, "the old header");
    assert_ne!(hmac(b"another", &signed), hmac(&key, &signed));
}

/// What the owner's callbacks are signed with.
fn secret(home: &Home) -> String {
    json_of(home, &["webhooks", "rotate", "callback"])["secret"].as_str().unwrap().to_owned()
}

fn submit(home: &Home, hook: &Hook, command: &str, options: &[&str]) -> String {
    let (arguments, url) = (json!({ "command": command }).to_string(), hook.url());
    let words = [&["jobs", "submit", "terminal_run", &arguments, "-q", "--callback", &url], options].concat();
    home.run(&words).good().trim().to_owned()
}

fn wait_until_running(home: &Home, gate: &Gate, id: &str) {
    wait_for("the job runs", || {
        (json_of(home, &["jobs", "status", id])["job"]["state"] == "running").then_some(())
    });
    gate.until_begun(1);
}

/// What was told: the event, the attempt, and whether it is final. Without progress, which comes as time allows, and
/// without what came again, because a hub that is killed may not have written that it was taken.
fn words(told: &[Told]) -> Vec<(String, u64, bool)> {
    let mut ids = HashSet::new();
    let of = |one: &Told| {
        let body = one.json();
        (
            body["event"].as_str().unwrap().to_owned(),
            body["attempt"].as_u64().unwrap(),
            body["final"].as_bool().unwrap(),
        )
    };
    let first = told.iter().filter(|one| ids.insert(one.header("webhook-id").to_owned()));
    first.map(of).filter(|(event, ..)| event != "progress").collect()
}

/// A job whose first attempt was lost is told, all of it signed, and a host gets its result. Gives what was told.
fn check_tried_twice(
    home: &Home,
    hook: &Hook,
    hub: &Hub,
    (key, secret): (&str, &str),
    id: &str,
) -> Vec<Told> {
    let told = hook.until("completed");
    let expected = [("processing", 1, false), ("processing", 2, false), ("completed", 2, true)];
    assert_eq!(words(&told), expected.map(|(event, attempt, last)| (event.to_owned(), attempt, last)));
    for one in &told {
        check_signatures(one, secret);
        assert_eq!((one.header("X-Task-ID"), one.json()["taskId"].as_str()), (id, Some(id)));
    }
    let last = told.last().unwrap().json();
    assert!(last["result"].to_string().contains("done"), "{last}");
    let mut host = Modern::new(hub.address(), key);
    assert!(host.text("jobs_result", json!({ "id": id })).contains("done"));
    home.verify();
    told
}

#[test]
fn a_killed_hubs_job_is_tried_again_told_signed_and_asked_for_by_mcp() {
    let hook = Hook::listen();
    let home = home(&hook, "");
    let hub = home.serve();
    let key = hub.key();
    let secret = secret(&home);
    let gate = Gate::new(&home, "mark");
    let id = submit(&home, &hook, &gate.command("echo done"), &["--retry-safe"]);
    wait_until_running(&home, &gate, &id);
    hub.kill();

    let hub = home.serve();
    gate.open();
    check_tried_twice(&home, &hook, &hub, (&key, &secret), &id);
}

#[test]
fn what_must_not_run_twice_is_told_as_an_error_that_says_why() {
    let hook = Hook::listen();
    let home = home(&hook, "");
    let hub = home.serve();
    let gate = Gate::new(&home, "mark");
    let id = submit(&home, &hook, &gate.command("echo done"), &[]);
    wait_until_running(&home, &gate, &id);
    hub.kill();

    let _hub = home.serve();
    let told = hook.until("error");
    let last = told.last().unwrap().json();
    assert_eq!(words(&told), [("processing".to_owned(), 1, false), ("error".to_owned(), 1, true)]);
    assert!(last.to_string().contains("not safe to be run twice"), "{last}");
}

#[test]
fn on_redis_a_killed_workers_job_is_done_by_the_other_told_signed_and_asked_for_by_mcp() {
    let (redis, hook) = (Redis::start(), Hook::listen());
    let jobs = format!("[jobs]\nengine = \"bullmq\"\nredis = \"{}\"\nconcurrency = 0\n", redis.url());
    let home = home(&hook, &jobs);
    let hub = home.serve();
    let (key, secret) = (hub.key(), secret(&home));
    let workers = [Worker::start(&home, &[]), Worker::start(&home, &[])];
    workers.iter().for_each(|worker| worker.becomes("/ready", 200));
    let gate = Gate::new(&home, "mark");
    let command = gate.command(&format!("echo done | tee -a {}", gate.mark()));
    let id = submit(&home, &hook, &command, &["--retry-safe"]);
    wait_until_running(&home, &gate, &id);
    let first = worker_of(&home, &id, &workers);
    workers[first].signal("-KILL");
    gate.until_begun(2);
    gate.open();

    wait_until_completed(&home, &id);
    let told = check_tried_twice(&home, &hook, &hub, (&key, &secret), &id);
    let ids: HashSet<&str> = told.iter().map(|one| one.header("webhook-id")).collect();
    assert_eq!(ids.len(), told.len(), "the hub went on: nothing came twice");
    assert_eq!(gate.marked(), "begun\nbegun\ndone\n", "begun twice, done once");
    std::thread::sleep(Duration::from_secs(1));
    assert!(hook.is_silent(), "nothing more is told after its end");
}

/// Whoever can write to Redis runs what the key may that was listed for them, and nothing as the owner.
#[test]
fn on_redis_a_job_that_another_program_adds_runs_as_the_listed_key_and_never_as_the_owner() {
    let (redis, hook) = (Redis::start(), Hook::listen());
    let jobs = format!(
        "[jobs]\nengine = \"bullmq\"\nredis = \"{}\"\nforeign_callers = [\"key:node\"]\n",
        redis.url()
    );
    let home = home(&hook, &jobs);
    let _hub = home.serve();
    home.add_key("node", &[]);
    let data = |caller: &str, command: &str| {
        json!({ "params": { "command": command }, "auth": { "id": caller } }).to_string()
    };
    let mark = home.in_root("forged");
    redis.add_job("forged", "terminal_run", &data("owner", &format!("touch {}", mark.display())));
    redis.add_job("listed", "terminal_run", &data("key:node", "echo done"));
    wait_until_completed(&home, "listed");
    wait_for("the forged job failed", || {
        (json_of(&home, &["jobs", "status", "forged"])["job"]["state"] == "failed").then_some(())
    });
    let shown = json_of(&home, &["jobs", "status", "forged"]).to_string();
    assert!(shown.contains("foreign_callers"), "it says what to do: {shown}");
    assert!(!mark.exists());
}

/// Which of the workers has the job.
fn worker_of(home: &Home, id: &str, workers: &[Worker]) -> usize {
    let job = json_of(home, &["jobs", "status", id])["job"].take();
    let found = workers.iter().position(|worker| worker.is(&job));
    found.unwrap_or_else(|| panic!("none of the two has it: {job}"))
}

fn wait_until_completed(home: &Home, id: &str) {
    let begun = Instant::now();
    while json_of(home, &["jobs", "status", id])["job"]["state"] != "completed" {
        assert!(begun.elapsed() < PATIENCE, "{}", json_of(home, &["jobs", "status", id]));
        std::thread::sleep(Duration::from_millis(200));
    }
}

//! The whole story of a job: submitted on the command line, the hub killed in the middle, tried again, told to a program
//! elsewhere by a signed request, and asked for by a host.

use std::collections::HashSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::program::{Home, Hook, Modern, Told, wait_for};

/// What is tried passes without being asked for, and `host` may be told.
fn home(hook: &Hook) -> Home {
    let home = Home::new();
    home.configure(&format!(
        "[[rules]]\ntools = [\"terminal_*\", \"webhooks_*\"]\nthen = \"allow\"\n[terminal]\nconfinement = \"off\"\n\
         [webhooks]\nallow = [\"{}\"]\n",
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

fn submit(home: &Home, hook: &Hook, command: &str, options: &[&str]) -> String {
    let (arguments, url) = (json!({ "command": command }).to_string(), hook.url());
    let words = [&["jobs", "submit", "terminal_run", &arguments, "-q", "--callback", &url], options].concat();
    home.run(&words).good().trim().to_owned()
}

fn wait_until_running(home: &Home, id: &str) {
    wait_for("the job runs", || {
        (json_of(home, &["jobs", "status", id])["job"]["state"] == "running").then_some(())
    });
    // The command has begun, too.
    std::thread::sleep(Duration::from_millis(300));
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

#[test]
fn a_killed_hubs_job_is_tried_again_told_signed_and_asked_for_by_mcp() {
    let hook = Hook::listen();
    let home = home(&hook);
    let hub = home.serve();
    let key = hub.key();
    let secret = json_of(&home, &["webhooks", "rotate", "callback"])["secret"].as_str().unwrap().to_owned();
    let id = submit(&home, &hook, "sleep 2; echo done", &["--retry-safe"]);
    wait_until_running(&home, &id);
    hub.kill();

    let hub = home.serve();
    let told = hook.until("completed");
    assert_eq!(
        words(&told),
        [
            ("processing".to_owned(), 1, false),
            ("processing".to_owned(), 2, false),
            ("completed".to_owned(), 2, true)
        ]
    );
    for one in &told {
        check_signatures(one, &secret);
        assert_eq!((one.header("X-Task-ID"), one.json()["taskId"].as_str()), (&*id, Some(&*id)));
    }
    let last = told.last().unwrap().json();
    assert!(last["result"].to_string().contains("done"), "{last}");
    let mut host = Modern::new(hub.address(), &key);
    assert!(host.text("jobs_result", json!({ "id": id })).contains("done"));
    home.verify();
}

#[test]
fn what_must_not_run_twice_is_told_as_an_error_that_says_why() {
    let hook = Hook::listen();
    let home = home(&hook);
    let hub = home.serve();
    let id = submit(&home, &hook, "sleep 2; echo done", &[]);
    wait_until_running(&home, &id);
    hub.kill();

    let _hub = home.serve();
    let told = hook.until("error");
    let last = told.last().unwrap().json();
    assert_eq!(words(&told), [("processing".to_owned(), 1, false), ("error".to_owned(), 1, true)]);
    assert!(last.to_string().contains("not safe to be run twice"), "{last}");
}

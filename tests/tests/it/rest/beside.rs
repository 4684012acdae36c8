//! Schedules and receivers of webhooks by REST: everything that their tools do, each caller its own.

use serde_json::{Value, json};

use crate::program::{Home, Hook, Hub, Request, wait_for};

/// What is tried passes without being asked for, and the receiver may be told.
fn home(hook: &Hook) -> Home {
    let home = Home::new();
    home.configure(&format!(
        "[[rules]]\ntools = [\"schedules_*\", \"webhooks_*\", \"jobs_*\", \"terminal_*\"]\nthen = \"allow\"\n\
         [terminal]\nconfinement = \"off\"\n[webhooks]\nallow = [\"{}\"]\n",
        hook.address
    ));
    home
}

/// Somebody who asks with a key.
struct Asker<'a> {
    hub: &'a Hub,
    key: String,
}

impl Asker<'_> {
    fn send(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let mut request = Request::new(method, path).and("Authorization", format!("Bearer {}", self.key));
        if let Some(body) = body {
            request = request.and("Content-Type", "application/json").body(body.to_string());
        }
        let answer = self.hub.connect().ask(&request);
        (answer.status, serde_json::from_str(&answer.text()).unwrap_or_default())
    }

    fn get(&self, path: &str) -> (u16, Value) {
        self.send("GET", path, None)
    }

    /// What is there.
    fn good(&self, path: &str) -> Value {
        let (status, body) = self.get(path);
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send("POST", path, Some(body))
    }

    fn patch(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send("PATCH", path, Some(body))
    }

    /// Steers something; needs no body.
    fn steer(&self, path: &str) -> (u16, Value) {
        self.send("POST", path, None)
    }
}

#[test]
fn schedules_are_added_looked_at_steered_and_removed() {
    let hook = Hook::listen();
    let home = home(&hook);
    let hub = home.serve();
    let owner = Asker { hub: &hub, key: hub.key() };
    let when = json!({ "cron": "30 3 * * *", "time_zone": "Europe/Berlin" });
    let wanted = json!({ "name": "backup", "tool": "files_list", "arguments": {}, "when": when });
    let (status, added) = owner.post("/api/schedules", &wanted);
    assert_eq!(status, 201, "{added}");
    let id = added["schedule"]["id"].as_str().unwrap();
    assert_eq!(owner.good("/api/schedules")["schedules"][0]["name"], "backup");
    for name in ["backup", id] {
        assert_eq!(owner.good(&format!("/api/schedules/{name}"))["schedule"]["id"], id);
    }
    let next = owner.good("/api/schedules/backup/next?count=3");
    let times = next["times"].as_array().unwrap();
    assert!(times.len() == 3 && times[0].as_str().unwrap().contains("T03:30:00+0"), "{next}");
    assert_eq!(owner.good("/api/schedules/backup/next")["times"].as_array().unwrap().len(), 5);

    assert_eq!(owner.steer("/api/schedules/backup/pause").0, 200);
    assert_eq!(owner.good("/api/schedules/backup")["schedule"]["paused"], true);
    assert_eq!(owner.steer("/api/schedules/backup/resume").0, 200);
    let (status, begun) = owner.steer("/api/schedules/backup/run");
    assert_eq!(status, 200, "{begun}");
    let job = format!("/api/jobs/{}", begun["job"].as_str().unwrap());
    wait_for("its job", || (owner.good(&job)["job"]["state"] == "completed").then_some(()));

    let guest = Asker { hub: &hub, key: home.add_key("guest", &[]) };
    assert_eq!(guest.good("/api/schedules")["schedules"], json!([]));
    assert_eq!(guest.get("/api/schedules/backup").0, 404);
    assert_eq!(guest.steer("/api/schedules/backup/pause").0, 404);
    let narrow = Asker { hub: &hub, key: home.add_key("narrow", &["--scope", "files_*"]) };
    assert_eq!(narrow.get("/api/schedules").0, 404, "a tool outside its scopes does not exist");

    assert_eq!(owner.steer("/api/schedules/backup/remove").0, 200);
    assert_eq!(owner.get("/api/schedules/backup").0, 404);
    assert_eq!(owner.steer("/api/schedules/backup/remove").0, 404);
    home.audited("the call of its tool", |record| record["target"] == "schedules_remove");
}

#[test]
fn a_schedule_is_changed_in_its_place() {
    let hook = Hook::listen();
    let home = home(&hook);
    let hub = home.serve();
    let owner = Asker { hub: &hub, key: hub.key() };
    let when = json!({ "cron": "30 3 * * *", "time_zone": "Europe/Berlin", "jitter_seconds": 9 });
    let options = json!({ "priority": 3, "callback_url": hook.url() });
    let wanted =
        json!({ "name": "backup", "tool": "files_list", "arguments": {}, "options": options, "when": when });
    let (_, added) = owner.post("/api/schedules", &wanted);
    owner.steer("/api/schedules/backup/run");
    let path = format!("/api/schedules/{}", added["schedule"]["id"].as_str().unwrap());
    let different = json!({
        "new_name": "copy", "arguments": { "path": "Drawbridge" }, "options": { "callback_url": null },
        "when": { "cron": "0 5 * * *" },
    });
    let (status, changed) = owner.patch("/api/schedules/backup", &different);
    assert_eq!(status, 200, "{changed}");
    let shown = owner.good(&path)["schedule"].clone();
    assert_eq!(shown, changed["schedule"], "it is written");
    assert_eq!(shown["name"], "copy");
    assert_eq!(shown["arguments"], json!({ "path": "Drawbridge" }));
    assert_eq!((&shown["options"]["priority"], &shown["options"]["callback_url"]), (&json!(3), &Value::Null));
    let expected = json!({
        "cron": "0 5 * * *", "time_zone": "Europe/Berlin", "missed": "once", "jitter_seconds": 9
    });
    assert_eq!(shown["when"], expected);
    assert!(shown["next"].as_str().unwrap().contains("T05:00:00+0"), "{shown}");
    assert_eq!(owner.get("/api/schedules/backup").0, 404);

    for wrong in
        [json!({ "when": { "cron": "0 0 30 2 *" } }), json!({ "options": { "idempotency_key": "x" } })]
    {
        assert_eq!(owner.patch(&path, &wrong).0, 409, "{wrong}");
    }
    for wrong in [json!({ "name": "other" }), json!({ "more": 1 }), json!([])] {
        assert_eq!(owner.patch(&path, &wrong).0, 400, "{wrong}");
    }
    assert_eq!(owner.patch("/api/schedules/none", &json!({})).0, 404);
    let guest = Asker { hub: &hub, key: home.add_key("guest", &[]) };
    assert_eq!(guest.patch(&path, &json!({ "tool": "files_read" })).0, 404);
    assert_eq!(owner.good(&path)["schedule"], shown, "nothing of that was written");

    let said = home
        .run(&["schedule", "update", "copy", "--every", "90m", "--queue", "night", "--one-at-a-time"])
        .good();
    assert!(said.contains("Schedule copy"), "{said}");
    let shown = owner.good(&path)["schedule"].clone();
    assert_eq!(
        (&shown["when"]["every_seconds"], &shown["when"]["cron"], &shown["options"]["deduplication_key"]),
        (&json!(5400), &Value::Null, &json!("schedule:copy"))
    );
    assert_eq!((&shown["options"]["queue"], &shown["options"]["priority"]), (&json!("night"), &json!(3)));
    let said = home.run(&["schedule", "show", "copy"]).good();
    assert!(said.contains("every 5400 s") && said.contains("Drawbridge"), "{said}");
}

#[test]
fn what_makes_no_schedule_is_refused() {
    let hook = Hook::listen();
    let home = home(&hook);
    let hub = home.serve();
    let owner = Asker { hub: &hub, key: hub.key() };
    for wrong in [
        json!({ "name": "x", "tool": "files_list", "when": { "cron": "0 0 30 2 *" } }),
        json!({ "name": "x", "tool": "files_list" }),
        json!({ "name": "x", "tool": "files_list", "when": { "every_seconds": 60 }, "more": 1 }),
        json!([]),
    ] {
        let (status, body) = owner.post("/api/schedules", &wrong);
        assert_eq!(status, 400, "{wrong}: {body}");
    }
    assert_eq!(owner.get("/api/schedules/x/next?count=many").0, 400);
    assert_eq!(owner.get("/api/schedules/x/next").0, 404);
    home.run(&["raise"]).good();
    assert_eq!(owner.get("/api/schedules").0, 423);
    assert_eq!(owner.get("/api/webhooks").0, 423);
}

#[test]
fn receivers_are_added_told_looked_at_rotated_and_removed() {
    let hook = Hook::listen();
    let home = home(&hook);
    let hub = home.serve();
    let owner = Asker { hub: &hub, key: hub.key() };
    let secret = "0123456789abcdef0123456789abcdef";
    let wanted = json!({ "url": hook.url(), "events": ["completed"], "secret": secret });
    let (status, added) = owner.post("/api/webhooks", &wanted);
    assert_eq!((status, &added["secret"]), (201, &json!(secret)), "{added}");
    let receiver = format!("/api/webhooks/{}", added["id"].as_str().unwrap());
    let shown = owner.good("/api/webhooks").to_string() + &owner.good(&receiver).to_string();
    assert!(!shown.contains(secret) && shown.contains(&hook.url()), "{shown}");

    let (_, job) = owner.post("/api/jobs", &json!({ "tool": "files_list" }));
    let told = hook.until("completed");
    let delivery = told.last().unwrap().header("webhook-id").to_owned();
    let sent = || owner.good(&format!("{receiver}/deliveries?job={}", job["job"]["id"].as_str().unwrap()));
    wait_for("its line in the log", || (sent()["deliveries"][0]["state"] == "delivered").then_some(()));
    assert_eq!(owner.good("/api/webhooks/deliveries?limit=1")["deliveries"][0]["id"], delivery.as_str());
    assert_eq!(owner.good("/api/webhooks/deliveries?given_up=true")["deliveries"], json!([]));
    assert_eq!(owner.steer(&format!("/api/webhooks/deliveries/{delivery}/redeliver")).0, 200);
    assert_eq!(hook.next().header("webhook-id"), delivery, "the same, once more");
    assert_eq!(owner.steer("/api/webhooks/deliveries/msg_none/redeliver").0, 404);

    let guest = Asker { hub: &hub, key: home.add_key("guest", &[]) };
    for path in ["", "/deliveries"] {
        assert_eq!(guest.get(&format!("{receiver}{path}")).0, 404);
    }
    assert_eq!(guest.patch(&receiver, &json!({ "url": hook.url() })).0, 404);
    let (status, changed) = owner.patch(&receiver, &json!({ "events": ["error"], "tools": ["mail_*"] }));
    assert_eq!(status, 200, "{changed}");
    assert_eq!(owner.good(&receiver)["webhook"], changed["webhook"]);
    assert_eq!(
        (&changed["webhook"]["events"], &changed["webhook"]["url"]),
        (&json!(["error"]), &json!(hook.url()))
    );
    assert!(!changed.to_string().contains(secret), "{changed}");
    assert_eq!(owner.patch(&receiver, &json!({ "url": "http://10.0.0.1/" })).0, 409);
    assert_eq!(owner.patch(&receiver, &json!({ "secret": secret })).0, 400);
    let id = added["id"].as_str().unwrap();
    home.run(&["webhooks", "update", id, "--all-events", "--all-tools"]).good();
    let shown = owner.good(&receiver)["webhook"].clone();
    assert_eq!((shown["events"].as_array().unwrap().len(), &shown["tools"]), (5, &json!([])));
    assert_eq!(guest.steer(&format!("/api/webhooks/deliveries/{delivery}/redeliver")).0, 404);

    assert_eq!(owner.steer(&format!("{receiver}/pause")).0, 200);
    assert_eq!(owner.good(&receiver)["webhook"]["paused"], true);
    assert_eq!(owner.steer(&format!("{receiver}/resume")).0, 200);
    let (status, rotated) = owner.post(&format!("{receiver}/rotate"), &json!({ "overlap_seconds": 60 }));
    assert!(status == 200 && rotated["secret"].as_str().unwrap().starts_with("whsec_"), "{rotated}");
    assert_eq!(owner.post("/api/webhooks/callback/rotate", &json!({})).0, 200);
    assert_eq!(owner.post(&format!("{receiver}/rotate"), &json!({ "id": "wh_other" })).0, 400);
    assert_eq!(owner.steer(&format!("{receiver}/remove")).0, 200);
    assert_eq!(owner.get(&receiver).0, 404);
    assert!(!home.log().contains(secret), "a secret is in no log");
    let audit: String = home.audit().iter().map(Value::to_string).collect();
    assert!(!audit.contains(secret) && audit.contains("webhooks_add"), "and in no audit");
}

#[test]
fn a_secret_that_could_be_guessed_is_refused_and_not_repeated() {
    let hook = Hook::listen();
    let home = home(&hook);
    let hub = home.serve();
    let owner = Asker { hub: &hub, key: hub.key() };
    for weak in ["short", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "whsec_c2hvcnQ="] {
        let (status, body) = owner.post("/api/webhooks", &json!({ "url": hook.url(), "secret": weak }));
        assert_eq!(status, 400, "{body}");
        assert!(
            body["detail"].as_str().unwrap().contains("guessed") && !body.to_string().contains(weak),
            "{body}"
        );
    }
    assert_eq!(owner.good("/api/webhooks")["webhooks"], json!([]));
}

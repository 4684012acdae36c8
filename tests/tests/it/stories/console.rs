//! The owner at the console, as its pages ask the hub.

use serde_json::{Value, json};

use crate::program::{Bridge, Browser, event, wait_for, went_well};

const ASKS: &str = "# my rules\n[[rules]]\ntools = [\"files_write\"]\nthen = \"ask\" # always\n";

fn arguments(text: &str) -> Value {
    json!({"path": "Drawbridge/approved.txt", "content": text})
}

#[test]
fn the_owner_signs_in_looks_approves_a_call_and_goes() {
    let bridge = Bridge::configured(ASKS);
    let browser = Browser::open(&bridge);
    let session = browser.get("/api/console/session");
    assert_eq!(session["caller"], json!({"id": "owner", "kind": "owner"}));
    let mut host = bridge.guest("laptop", &[]);
    let now = browser.get("/api/console/now");
    assert_eq!((&now["bridge"], &now["health"]), (&json!("lowered"), &json!("ok")), "{now}");

    let mut events = browser.events(now["seq"].as_i64());
    assert!(!went_well(&host.tool("files_write", arguments("milk"))), "it has to wait");
    let asked = event(&mut events, "approval", |data| data["approvals"] != json!([]));
    let asked = &asked["approvals"][0];
    assert_eq!((&asked["caller"], &asked["tool"]), (&json!("key:laptop"), &json!("files_write")));
    assert_eq!(asked["preview"], json!({"kind": "text", "text": "milk"}));
    let path = format!("/api/console/approvals/{}", asked["id"].as_str().unwrap());
    browser.tell("POST", &path, &json!({"decision": "allow_once"}));
    event(&mut events, "approval", |data| data["approvals"] == json!([]));
    assert!(went_well(&host.tool("files_write", arguments("milk"))));
    event(&mut events, "call", |row| row["tool"] == "files_write" && row["outcome"] == "ok");

    let now = browser.get("/api/console/now");
    let host_of = |one: &Value| one["caller"] == "key:laptop" && one["calls"].as_u64() >= Some(2);
    assert!(now["connections"].as_array().unwrap().iter().any(host_of), "{now}");
    let rows = browser.get("/api/console/audit?caller=key:laptop&tool=files_*&outcome=ok");
    let call = rows["rows"][0]["call"].as_str().unwrap();
    let tree = browser.get(&format!("/api/console/audit/calls/{call}"));
    assert_eq!(tree["rows"].as_array().unwrap().len(), 2, "what was to happen, and what did: {tree}");
    assert_eq!(browser.get("/api/console/audit/chain")["state"], "whole");

    let gone = browser.send(&browser.request("DELETE", "/api/console/session"));
    assert_eq!(gone.status, 204);
    assert!(gone.header("set-cookie").unwrap().starts_with("drawbridge_console=; Path=/; Max-Age=0"));
    assert_eq!(browser.send(&browser.request("GET", "/api/console/session")).status, 401);
    bridge.holds();
}

#[test]
fn a_rule_is_shown_before_it_holds_and_keeps_the_owners_comments() {
    let bridge = Bridge::configured(ASKS);
    let (browser, mut host) = (Browser::open(&bridge), bridge.guest("laptop", &[]));
    assert!(!went_well(&host.tool("files_write", arguments("milk"))));
    let asked = browser.get("/api/console/approvals");
    let path = format!("/api/console/approvals/{}", asked["approvals"][0]["id"].as_str().unwrap());
    let rule = browser.tell("POST", &path, &json!({"decision": "allow_always"}))["rule"].clone();
    assert_eq!(rule, json!({"tools": ["files_write"], "callers": ["key:laptop"], "then": "allow"}));
    for text in ["milk", "bread"] {
        assert!(went_well(&host.tool("files_write", arguments(text))), "from now on without asking");
    }
    assert!(
        !went_well(&bridge.guest("other", &[]).tool("files_write", arguments("eggs"))),
        "for this caller"
    );

    let config = browser.get("/api/console/config");
    let text = config["text"].as_str().unwrap();
    assert!(
        text.contains("# my rules") && text.contains("# always") && config["checked"] == json!([]),
        "{text}"
    );
    let denied = json!({"rules": [{"tools": ["files_*"], "callers": ["key:laptop"], "then": "deny"}]});
    let preview = browser.tell("POST", "/api/console/rules/preview", &denied);
    let writes = |change: &Value| change["tool"] == "files_write" && change["caller"] == "key:laptop";
    let change = preview["changes"].as_array().unwrap().iter().find(|change| writes(change)).unwrap();
    assert_eq!((&change["before"], &change["decision"]), (&json!("allow"), &json!("deny")), "{change}");
    assert!(went_well(&host.tool("files_list", json!({"path": "Drawbridge"}))), "it was only shown");
    browser.tell("PUT", "/api/console/rules", &denied);
    assert!(!went_well(&host.tool("files_list", json!({"path": "Drawbridge"}))));

    let stale = json!({"text": "", "was": text});
    let refused = browser.send(&browser.request("PUT", "/api/console/config").body(stale.to_string()));
    assert_eq!(refused.status, 409, "{}", refused.text());
    let was = browser.get("/api/console/config")["text"].clone();
    let wrong = json!({"text": "listen = 5\n", "was": was});
    let refused = browser.send(&browser.request("PUT", "/api/console/config").body(wrong.to_string()));
    assert_eq!((refused.status, &refused.json()["errors"][0]["field"]), (400, &json!("listen")));
    assert_eq!(browser.get("/api/console/config")["text"], was, "nothing was written");
    bridge.holds();
}

#[test]
fn tiers_are_changed_with_their_comments_kept_and_what_would_change_is_shown_first() {
    let bridge = Bridge::start();
    let browser = Browser::open(&bridge);
    let file = bridge.home.state().join("tiers.toml");
    std::fs::write(&file, "# mine\n[LOOK]\nallowed_capabilities = [\"files_list\"] # no more\n").unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let listed = browser.get("/api/console/tiers");
    assert_eq!(listed["tiers"]["LOOK"]["allowed_capabilities"], json!(["files_list"]), "{listed}");

    let made = browser.tell("POST", "/api/console/keys", &json!({"name": "tablet", "tier": "LOOK"}));
    let mut host = crate::program::Modern::new(bridge.hub.address(), made["secret"].as_str().unwrap());
    wait_for("the tier", || went_well(&host.tool("files_list", json!({"path": "Drawbridge"}))).then_some(()));
    assert!(!went_well(&host.tool("files_roots", json!({}))));

    let mut tiers = listed["tiers"].clone();
    tiers["LOOK"]["allowed_capabilities"] = json!(["files_roots"]);
    let preview = browser.tell("POST", "/api/console/tiers/preview", &json!({"tiers": tiers}));
    let told = |tool: &str| {
        let fits = |change: &&Value| change["caller"] == "key:tablet" && change["tool"] == tool;
        let change = preview["changes"].as_array().unwrap().iter().find(fits).unwrap();
        (change["before"].clone(), change["decision"].clone())
    };
    assert_eq!(told("files_list"), (json!("allow"), Value::Null), "{preview}");
    assert_eq!(told("files_roots"), (Value::Null, json!("allow")));
    assert_eq!(preview["locked_out"], json!([]));
    let nobody = browser.tell("POST", "/api/console/tiers/preview", &json!({"tiers": {}}));
    assert_eq!(nobody["locked_out"], json!(["key:tablet"]));
    assert!(!went_well(&host.tool("files_roots", json!({}))), "it was only shown");

    browser.tell("PUT", "/api/console/tiers", &json!({"tiers": tiers, "was": listed["text"]}));
    wait_for("the change", || went_well(&host.tool("files_roots", json!({}))).then_some(()));
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("# mine\n[LOOK]") && text.contains("# no more"), "{text}");
    let stale = json!({"tiers": tiers, "was": listed["text"]});
    let refused = browser.send(&browser.request("PUT", "/api/console/tiers").body(stale.to_string()));
    assert_eq!(refused.status, 409, "{}", refused.text());

    std::fs::remove_file(&file).unwrap();
    std::fs::write(bridge.home.state().join("licence_tiers.yaml"), "PRO:\n  llm_access: true\n").unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(
        bridge.home.state().join("licence_tiers.yaml"),
        std::os::unix::fs::PermissionsExt::from_mode(0o600),
    )
    .unwrap();
    let old = browser.get("/api/console/tiers");
    assert!(
        old["locked"].as_str().unwrap().contains("llmbasedos") && old["tiers"]["PRO"]["llm_access"] == true
    );
    let body = json!({"tiers": {}, "was": old["text"]}).to_string();
    let refused = browser.send(&browser.request("PUT", "/api/console/tiers").body(body));
    assert_eq!(refused.status, 409, "{}", refused.text());
    bridge.holds();
}

#[test]
fn keys_secrets_and_the_lever_are_the_same_as_at_the_command_line() {
    let bridge = Bridge::start();
    let browser = Browser::open(&bridge);
    let made =
        browser.tell("POST", "/api/console/keys", &json!({"name": "laptop", "scopes": ["files_list"]}));
    let mut host = crate::program::Modern::new(bridge.hub.address(), made["secret"].as_str().unwrap());
    assert!(went_well(&host.tool("files_list", json!({"path": "Drawbridge"}))));
    assert!(!went_well(&host.tool("files_write", arguments("x"))));
    assert!(!browser.get("/api/console/keys").to_string().contains(made["secret"].as_str().unwrap()));

    browser.tell("PUT", "/api/console/secrets/openai", &json!({"value": "sk-very-secret"}));
    assert_eq!(browser.get("/api/console/secrets"), json!({"secrets": ["openai"]}));
    assert_eq!(bridge.home.run(&["secrets", "list"]).good(), "openai\n");
    assert!(!bridge.home.log().contains("sk-very-secret"));

    let mut events = browser.events(None);
    browser.tell("POST", "/api/console/bridge", &json!({"state": "raised"}));
    event(&mut events, "bridge", |data| data["state"] == "raised");
    assert!(!went_well(&host.tool("files_list", json!({"path": "Drawbridge"}))));
    bridge.home.run(&["lower"]).good();
    event(&mut events, "bridge", |data| data["state"] == "lowered");
    assert!(went_well(&host.tool("files_list", json!({"path": "Drawbridge"}))));
    browser.tell("DELETE", "/api/console/keys/laptop", &json!({}));
    event(&mut events, "keys", |_| true);
    let refused = bridge.hub.connect().ask(&host.request("tools/list", json!({})));
    assert_eq!(refused.status, 401);
    bridge.holds();
}

#[test]
fn an_approval_stands_in_its_chain_and_health_is_told_without_asking_anybody() {
    let bridge = Bridge::configured(&format!(
        "{ASKS}[llm.provider.gone]\nkind = 'llama-cpp'\naddress = 'http://127.0.0.1:9'\n"
    ));
    let browser = Browser::open(&bridge);
    let mut host = bridge.guest("laptop", &[]);
    assert!(went_well(
        &host.tool("jobs_submit", json!({"tool": "files_write", "arguments": arguments("milk")}))
    ));
    let chain = wait_for("the job to ask", || {
        let asked = browser.get("/api/console/approvals");
        asked["approvals"].as_array()?.first().map(|one| one["chain"].clone())
    });
    let [outermost, made_the_job] = &chain.as_array().unwrap()[..] else { panic!("{chain}") };
    for (link, tool) in [(outermost, "jobs_submit"), (made_the_job, "files_write")] {
        assert_eq!((&link["tool"], &link["caller"]), (&json!(tool), &json!("key:laptop")), "{chain}");
    }
    let tree = browser.get(&format!("/api/console/audit/calls/{}", outermost["call"].as_str().unwrap()));
    assert!(tree["rows"].to_string().contains("files_write"), "{tree}");

    let now = browser.get("/api/console/now");
    assert_eq!(now["engine"], json!({"name": "embedded", "health": "ok", "detail": null}), "{now}");
    let files = now["servers"].as_array().unwrap().iter().find(|one| one["name"] == "files").unwrap();
    assert_eq!((&files["health"], &files["broken"]), (&json!("ok"), &Value::Null));
    let of_gone = |list: &Value| {
        list.as_array().unwrap().iter().find(|one| one["name"] == "gone").unwrap()["health"].clone()
    };
    assert_eq!(of_gone(&now["providers"]), "unknown");
    assert!(!went_well(&host.tool("llm_chat", json!({"model": "gone/any", "prompt": "Hi"}))));
    assert_eq!(of_gone(&browser.get("/api/console/now")["providers"]), "failing");
    assert_eq!(of_gone(&browser.get("/api/status")["providers"]), "failing");
    bridge.holds();
}

#[test]
fn a_place_may_be_named_after_a_file() {
    let bridge = Bridge::start();
    let get = |path: &str| bridge.hub.connect().ask(&crate::program::Request::new("GET", path));
    // Without the console in the program, every place says so alike.
    let index = get("/console/");
    for path in ["/console/files/notes.v2.md", "/console/tools/files.read"] {
        let answer = get(path);
        assert_eq!((answer.status, answer.text()), (index.status, index.text()), "{path}");
    }
    assert!(matches!(get("/console/assets/gone.js").status, 404 | 503));
    bridge.holds();
}

#[test]
fn the_console_needs_a_hub_that_runs() {
    let home = crate::program::Home::new();
    let ran = home.run(&["console", "--no-open"]);
    assert!(ran.code() != 0 && ran.err().contains("drawbridge serve"), "{}", ran.err());
}

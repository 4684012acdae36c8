//! Keys, scopes, rules and the bridge.

use std::sync::Arc;
use std::time::Duration;

use drawbridge_contract::{Authenticator as _, Caller, Handler as _, Live, Refusal, Target, Unauthenticated};
use drawbridge_gateway::{BRIDGE, BrowserSessions, Decision, GatewaySettings, LOWERED, RAISED, RuleSettings};
use drawbridge_store::{AuditOutcome, By, KeyKind, NewKey, Store};
use sha2::{Digest as _, Sha256};

use crate::house::Hub;

/// How long a test waits for what comes within a quarter of a second.
const PATIENCE: Duration = Duration::from_secs(20);

fn names(hub: &Hub, caller: &drawbridge_contract::Caller) -> Vec<String> {
    hub.gateway.view(caller).tools.iter().map(|tool| tool.spec().name.to_string()).collect()
}

#[tokio::test]
async fn a_caller_sees_and_calls_what_its_scopes_name_and_nothing_else_exists() {
    let hub = Hub::open();
    let secret = hub.add_key("laptop", &["t_e*", "t_change"], None).await;
    let caller = hub.gateway.authenticate(&secret).unwrap();
    assert_eq!(names(&hub, &caller), ["t_change", "t_echo"]);
    assert_eq!(hub.says(hub.call(&caller, "t_echo", "hi")).await, "hi");
    assert_eq!(
        hub.says(hub.call(&caller, "t_fail", "")).await,
        hub.says(hub.call(&caller, "t_none", "")).await.replace("none", "fail")
    );
    assert_eq!(hub.gateway.authenticate("secret of nobody"), Err(Unauthenticated::Unknown));
    assert_eq!(hub.gateway.authenticate(""), Err(Unauthenticated::Unknown));
}

/// As a key it would open everything that its owner may do, from any program that saw the cookie, for as long as the
/// session may last at the most.
#[tokio::test]
async fn a7_a_browsers_session_is_no_key_and_a_key_is_no_session() {
    let hub = Hub::open();
    let key = hub.add_key("laptop", &["*"], None).await;
    let session = NewKey {
        id: None,
        name: "console-1".to_owned(),
        hash: Sha256::digest("a session").into(),
        kind: KeyKind::Console,
        scopes: vec!["*".to_owned()],
        tier: None,
        expires_us: None,
        calls_per_minute: None,
    };
    hub.elsewhere().keys().add(session, By::now("owner", "test")).await.unwrap();
    let browsers = BrowserSessions(hub.gateway.clone());
    assert!(browsers.authenticate("a session").unwrap().is_owner());
    assert_eq!(hub.gateway.authenticate("a session"), Err(Unauthenticated::Unknown));
    assert!(hub.gateway.authenticate(&key).is_ok());
    assert_eq!(browsers.authenticate(&key), Err(Unauthenticated::Unknown));
}

#[tokio::test]
async fn a_revoked_key_is_refused_at_once_even_by_another_process() {
    let hub = Hub::open();
    let secret = hub.add_key("laptop", &["*"], None).await;
    let caller = hub.gateway.authenticate(&secret).unwrap();
    hub.elsewhere().keys().revoke("laptop", By::now("owner", "test")).await.unwrap();
    assert_eq!(hub.gateway.authenticate(&secret), Err(Unauthenticated::Unknown));
    let said = hub.says(hub.call(&caller, "t_change", "")).await;
    assert!(said.contains("revoked") && hub.ran() == 0, "{said}");
    assert!(names(&hub, &caller).is_empty());
}

#[tokio::test]
async fn a_raised_bridge_lets_nobody_pass_until_it_is_lowered() {
    let hub = Hub::open();
    let lever = hub.elsewhere();
    lever.settings().set(BRIDGE, RAISED, "bridge.raise", By::now("owner", "test")).await.unwrap();
    assert!(hub.owner_says("t_change", "").await.contains("raised"));
    assert_eq!(hub.ran(), 0);
    assert!(Hub::is_raised_after_restart(&hub));
    lever.settings().set(BRIDGE, LOWERED, "bridge.lower", By::now("owner", "test")).await.unwrap();
    assert_eq!(hub.owner_says("t_change", "").await, "changed");
}

#[tokio::test]
async fn what_stays_open_ends_with_the_key_the_bridge_and_the_scope() {
    let hub = Hub::open();
    let secret = hub.add_key("laptop", &["t_echo"], None).await;
    let caller = hub.gateway.authenticate(&secret).unwrap();
    let allows = |tool: &str| hub.gateway.still_allows(&caller, &Target::Tool(tool.into()));
    assert!(allows("t_echo").is_ok());
    assert!(matches!(allows("t_change"), Err(Refusal::NotFound { .. })));
    let lever = hub.elsewhere();
    lever.settings().set(BRIDGE, RAISED, "bridge.raise", By::now("owner", "test")).await.unwrap();
    assert!(matches!(allows("t_echo"), Err(Refusal::Raised)));
    lever.settings().set(BRIDGE, LOWERED, "bridge.lower", By::now("owner", "test")).await.unwrap();
    assert!(allows("t_echo").is_ok());
    assert!(hub.gateway.still_knows(&caller));
    lever.keys().revoke("laptop", By::now("owner", "test")).await.unwrap();
    assert!(!hub.gateway.still_knows(&caller), "although nobody called since");
    assert!(matches!(allows("t_echo"), Err(Refusal::Denied(_))));
}

/// Calls `t_linger`, does `change` in another process while it runs, and gives what became of the call.
async fn lingered(hub: &Hub, caller: Arc<Caller>, change: impl AsyncFnOnce(Store)) -> String {
    let call = hub.gateway.clone().call(hub.call(&caller, "t_linger", ""), Live::default());
    let ((), ended) = tokio::join!(change(hub.elsewhere()), tokio::time::timeout(PATIENCE, call));
    ended.unwrap().unwrap_err().to_string()
}

#[tokio::test]
async fn a_call_that_takes_its_time_is_known_by_its_id_until_it_ends() {
    let hub = Hub::open();
    let call = hub.call(&hub.gateway.owner(), "t_linger", "");
    let id = call.id;
    let running = tokio::spawn(hub.gateway.clone().call(call, Live::default()));
    let known = async {
        loop {
            if let Some(ongoing) = hub.gateway.ongoing(id) {
                return ongoing;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let ongoing = tokio::time::timeout(PATIENCE, known).await.unwrap();
    assert_eq!((&*ongoing.tool, &*ongoing.caller, ongoing.parent), ("t_linger", "owner", None));
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    assert_eq!(hub.gateway.ongoing(id), None);
}

#[tokio::test]
async fn a_call_that_runs_ends_when_the_bridge_is_raised() {
    let hub = Hub::open();
    let ended = lingered(&hub, hub.gateway.owner(), async |lever| {
        tokio::time::sleep(Duration::from_millis(50)).await;
        lever.settings().set(BRIDGE, RAISED, "bridge.raise", By::now("owner", "test")).await.unwrap();
    });
    let said = ended.await;
    assert!(said.contains("stopped while it ran") && said.contains("raised"), "{said}");
    assert_eq!(hub.ran_soon().await, 1, "what it left behind was told to stop");
    let ends = hub.audit().await.into_iter().rev().find(|entry| &*entry.record.target == "t_linger").unwrap();
    assert_eq!(ends.record.outcome, Some(AuditOutcome::Cancelled));
}

#[tokio::test]
async fn a_call_that_runs_ends_with_its_key_and_the_owners_goes_on() {
    let hub = Hub::open();
    let secret = hub.add_key("laptop", &["*"], None).await;
    let caller = hub.gateway.authenticate(&secret).unwrap();
    let owners = hub.gateway.clone().call(hub.call(&hub.gateway.owner(), "t_linger", ""), Live::default());
    let owners = tokio::spawn(owners);
    let ended = lingered(&hub, caller, async |lever| {
        tokio::time::sleep(Duration::from_millis(50)).await;
        lever.keys().revoke("laptop", By::now("owner", "test")).await.unwrap();
    });
    let said = ended.await;
    assert!(said.contains("stopped while it ran") && said.contains("revoked"), "{said}");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!owners.is_finished());
    owners.abort();
}

impl Hub {
    fn is_raised_after_restart(&self) -> bool {
        let gateway =
            drawbridge_gateway::Gateway::open(self.elsewhere(), &GatewaySettings::default(), vec![]).unwrap();
        gateway.is_raised().unwrap()
    }
}

#[tokio::test]
async fn a_denied_tool_does_not_exist_for_that_caller() {
    let rule = RuleSettings {
        tools: vec!["t_*".to_owned()],
        when: Some(drawbridge_gateway::When::Changes),
        callers: Some(vec!["key:guest".to_owned()]),
        then: Decision::Deny,
    };
    let hub = Hub::with(&GatewaySettings { rules: vec![rule], ..GatewaySettings::default() });
    let guest = hub.gateway.authenticate(&hub.add_key("guest", &["*"], None).await).unwrap();
    assert!(!names(&hub, &guest).contains(&"t_change".to_owned()));
    assert_eq!(hub.says(hub.call(&guest, "t_change", "")).await, "refused: unknown tool: t_change");
    assert_eq!(hub.owner_says("t_change", "").await, "changed");
}

#[tokio::test]
async fn the_view_is_computed_once_and_again_when_the_key_changes() {
    let hub = Hub::open();
    let caller = hub.gateway.authenticate(&hub.add_key("laptop", &["*"], None).await).unwrap();
    let first = hub.gateway.view(&caller).revision;
    hub.add_key("another", &["*"], None).await;
    assert_eq!(hub.gateway.view(&caller).revision, first);
}

#[tokio::test]
async fn arguments_that_do_not_fit_are_named_and_run_nothing() {
    let hub = Hub::open();
    let mut call = hub.call(&hub.gateway.owner(), "t_change", "");
    call.arguments =
        drawbridge_contract::Arguments::from_map(serde_json::from_str(r#"{"text": 5, "x": 1}"#).unwrap());
    let said = hub.says(call).await;
    assert!(said.contains("at /text") && said.contains("'x'"), "{said}");
    assert_eq!(hub.ran(), 0);
}

fn rule(tool: &str, callers: &[&str], then: Decision) -> RuleSettings {
    let callers = Some(callers.iter().map(|caller| (*caller).to_owned()).collect());
    RuleSettings { tools: vec![tool.to_owned()], when: None, callers, then }
}

#[tokio::test]
async fn rules_are_shown_before_they_hold_and_hold_at_once() {
    let hub = Hub::open();
    let secret = hub.add_key("laptop", &["t_e*", "t_change"], None).await;
    let caller = hub.gateway.authenticate(&secret).unwrap();
    let wanted = [rule("t_echo", &["key:laptop"], Decision::Deny)];
    let decided = |rules: Option<&[RuleSettings]>| {
        let effects = hub.gateway.effects(rules).unwrap();
        let of_key = |caller: &str| effects.iter().filter(|effect| &*effect.caller == caller).count();
        assert_eq!(of_key("key:laptop"), 2, "what its scopes leave out is not there");
        assert!(of_key("owner") > 2);
        let found =
            effects.iter().find(|effect| &*effect.caller == "key:laptop" && &*effect.tool == "t_echo");
        found.unwrap().decision
    };
    assert_eq!((decided(None), decided(Some(&wanted))), (Decision::Allow, Decision::Deny));
    assert_eq!(names(&hub, &caller), ["t_change", "t_echo"], "nothing has changed yet");

    let mut changes = hub.gateway.changes();
    hub.gateway.rerule(&wanted).unwrap();
    assert_eq!((decided(None), names(&hub, &caller)), (Decision::Deny, vec!["t_change".to_owned()]));
    assert!(changes.try_recv().is_ok(), "who listens lists again");
    assert_eq!(hub.owner_says("t_echo", "hi").await, "hi", "the owner is another caller");

    assert!(hub.gateway.rerule(&[rule("t_[", &["*"], Decision::Deny)]).is_err());
    assert_eq!(decided(None), Decision::Deny, "a bad rule changes nothing");
    hub.gateway.rerule(&[]).unwrap();
    assert_eq!(names(&hub, &caller), ["t_change", "t_echo"]);
}

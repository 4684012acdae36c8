//! What the audit says of calls.

use drawbridge_contract::{Handler as _, Live};
use drawbridge_store::{AuditEntry, AuditOutcome, AuditPhase};

use crate::house::Hub;

fn line(entry: &AuditEntry) -> String {
    let record = &entry.record;
    let decision = record.decision.map_or("-", drawbridge_store::AuditDecision::as_str);
    let outcome = record.outcome.map_or("-", AuditOutcome::as_str);
    format!(
        "{} {} {decision} {outcome} {}",
        record.target,
        record.phase,
        record.arguments.as_deref().unwrap_or("-")
    )
}

async fn lines(hub: &Hub) -> Vec<String> {
    hub.audit().await.iter().map(line).collect()
}

#[tokio::test]
async fn every_call_decision_and_refusal_is_there() {
    let hub = Hub::open();
    hub.owner_says("t_echo", "hi").await;
    hub.owner_says("t_change", "now").await;
    hub.owner_says("t_fail", "").await;
    hub.owner_says("t_nothing", "").await;
    hub.owner_says("t_destroy", "").await;
    hub.owner_says("t_hang", "").await;
    let expected = [
        r#"t_echo done allow ok {"text":"hi"}"#,
        r#"t_change intent allow - {"text":"now"}"#,
        r#"t_change done allow ok -"#,
        r#"t_fail done allow error {"text":""}"#,
        r#"t_nothing refused deny - {"text":""}"#,
        r#"approval.request act - - -"#,
        r#"t_destroy refused ask - {"text":""}"#,
        r#"t_hang done allow timeout {"text":""}"#,
    ];
    assert_eq!(lines(&hub).await, expected);
    assert!(hub.store.audit_verify(None).unwrap().is_whole());
}

#[tokio::test]
async fn what_is_typed_is_there_to_the_last_key() {
    let hub = Hub::open();
    let keys = "k".repeat(5_000);
    hub.owner_says("t_change", &keys).await;
    hub.owner_says("t_type", &keys).await;
    let lines = lines(&hub).await;
    assert!(lines[0].starts_with("t_change intent") && lines[0].contains("… (5000 bytes)"), "{}", lines[0]);
    assert_eq!(lines[2], format!(r#"t_type intent allow - {{"text":"{keys}"}}"#));
}

#[tokio::test]
async fn secrets_are_not_in_the_audit() {
    let hub = Hub::open();
    hub.owner_says("t_echo", "Bearer abc").await;
    assert_eq!(lines(&hub).await, [r#"t_echo done allow ok {"text":"***"}"#]);
}

#[tokio::test]
async fn a_call_whose_caller_went_away_has_an_end_too() {
    let hub = Hub::open();
    let call = hub.call(&hub.gateway.owner(), "t_linger", "");
    let future = hub.gateway.clone().call(call, Live::default());
    let waited = tokio::time::timeout(std::time::Duration::from_millis(10), future).await;
    assert!(waited.is_err());
    let audit = hub.audit().await;
    assert_eq!(audit.len(), 1);
    assert_eq!(
        (audit[0].record.phase, audit[0].record.outcome),
        (AuditPhase::Done, Some(AuditOutcome::Cancelled))
    );
}

#[tokio::test]
async fn a_call_within_a_call_names_its_parent() {
    let hub = Hub::open();
    hub.owner_says("t_nest", "t_echo").await;
    let audit = hub.audit().await;
    assert_eq!(audit[0].record.parent.as_ref(), Some(&audit[1].record.call));
}

#[tokio::test]
async fn newlines_and_control_sequences_stay_inside_their_json() {
    let hub = Hub::open();
    hub.owner_says("t_echo", "a\n\u{1b}[31mfake record").await;
    let audit = hub.audit().await;
    assert!(!audit[0].record.arguments.as_deref().unwrap().contains(['\n', '\u{1b}']));
}

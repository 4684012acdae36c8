//! A call that the owner must approve, from hosts that can ask and from hosts that cannot.

use serde_json::{Value, json};

use crate::program::{Bridge, Modern, went_well};

const ASKS: &str = "[[rules]]\ntools = [\"files_write\"]\nthen = \"ask\"\n";

fn arguments(text: &str) -> Value {
    json!({"path": "Drawbridge/approved.txt", "content": text})
}

fn written(bridge: &Bridge) -> Option<String> {
    std::fs::read_to_string(bridge.home.in_root("approved.txt")).ok()
}

/// Asks, and gives the state for the answer.
fn asked(host: &mut Modern, arguments: &Value) -> String {
    let asked = host.tool("files_write", arguments.clone());
    assert_eq!(asked["result"]["resultType"], "input_required", "{asked}");
    let question = &asked["result"]["inputRequests"]["drawbridge_approval"];
    assert_eq!(question["method"], "elicitation/create", "{asked}");
    assert!(question["params"]["message"].as_str().unwrap().contains("approved.txt"), "{asked}");
    asked["result"]["requestState"].as_str().unwrap().to_owned()
}

#[test]
fn a_host_with_forms_asks_the_owner_itself() {
    let bridge = Bridge::configured(ASKS);
    let mut host = Modern::new(bridge.hub.address(), &bridge.key).with_elicitation();

    let no = asked(&mut host, &arguments("no"));
    let refused = host.answer("files_write", arguments("no"), &no, "deny");
    assert!(!went_well(&refused) && written(&bridge).is_none(), "{refused}");

    let once = asked(&mut host, &arguments("once"));
    assert!(went_well(&host.answer("files_write", arguments("once"), &once, "allow_once")));
    assert_eq!(written(&bridge).as_deref(), Some("once"));
    asked(&mut host, &arguments("once"));

    let hour = asked(&mut host, &arguments("hour"));
    assert!(went_well(&host.answer("files_write", arguments("hour"), &hour, "allow_for_an_hour")));
    assert!(went_well(&host.tool("files_write", arguments("hour"))), "for an hour it is not asked again");
    asked(&mut host, &arguments("something else"));

    for act in ["approval.request", "approval.approve", "approval.deny", "approval.take"] {
        bridge.home.audited(act, |record| record["target"] == act);
    }
    bridge.holds();
}

#[test]
fn a_host_without_forms_is_told_what_to_run() {
    let bridge = Bridge::configured(ASKS);
    let mut host = bridge.guest("laptop", &[]);
    let refused = host.tool("files_write", arguments("by hand"));
    let said = refused["result"]["content"][0]["text"].as_str().unwrap();
    assert!(refused["result"]["isError"] == true && written(&bridge).is_none(), "{refused}");
    let id = said.split("approve ").filter_map(|rest| rest.split('`').next()).last().unwrap().to_owned();

    let listed = bridge.home.run(&["approvals", "list"]).good();
    assert!(
        listed.contains(&id) && listed.contains("key:laptop") && listed.contains("approved.txt"),
        "{listed}"
    );
    bridge.home.run(&["approvals", "approve", &id]).good();
    assert!(
        !went_well(&host.tool("files_write", arguments("another text"))),
        "only for exactly these arguments"
    );
    assert!(
        !went_well(&bridge.guest("other", &[]).tool("files_write", arguments("by hand"))),
        "only for this caller"
    );
    assert!(went_well(&host.tool("files_write", arguments("by hand"))));
    assert_eq!(written(&bridge).as_deref(), Some("by hand"));
    assert!(!went_well(&host.tool("files_write", arguments("by hand"))), "once is once");
    bridge.holds();
}

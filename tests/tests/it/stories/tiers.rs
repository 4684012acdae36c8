//! Tiers and licences, as an owner sets them and as a caller feels them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::program::{Bridge, Home, Modern, wait_for, went_well};

const TIERS: &str = r#"
[GUEST]
allowed_capabilities = ["files_list", "mcp.fs.read"]
rate_limit_requests = 5

[PRO]
allowed_capabilities = ["*"]
llm_access = true
"#;

/// Writes a file of the state folder, as its owner would.
fn write(home: &Home, name: &str, text: &str) {
    let path = home.state().join(name);
    fs::create_dir_all(home.state()).unwrap();
    fs::set_permissions(home.state(), PermissionsExt::from_mode(0o700)).unwrap();
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
}

/// What an answer says, good or bad.
fn said(answer: &Value) -> String {
    answer["result"]["content"][0]["text"].as_str().unwrap_or_default().to_owned()
}

fn names(host: &mut Modern) -> Vec<String> {
    let listed = host.ask("tools/list", json!({}));
    let tools = listed["result"]["tools"].as_array().unwrap().iter();
    tools.map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_guest_gets_what_its_tier_gives_and_a_restart_gives_no_more() {
    let home = Home::new();
    write(&home, "tiers.toml", TIERS);
    let bridge = Bridge::start_in(home);
    let key = bridge.home.add_key("tablet", &["--tier", "GUEST"]);
    let address = bridge.hub.address();
    assert_eq!(names(&mut Modern::new(address, &key)), ["files_list", "files_read"]);
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let key = key.clone();
            std::thread::spawn(move || {
                let mut host = Modern::new(address, &key);
                (0..5).filter(|_| went_well(&host.tool("files_list", json!({})))).count()
            })
        })
        .collect();
    let passed: usize = callers.into_iter().map(|caller| caller.join().unwrap()).sum();
    assert_eq!(passed, 5, "of 20 calls at once");
    // Like the audit's records of reads, the counts are written within a tenth of a second.
    wait_for("the counts", || {
        let shown = bridge.home.run(&["--json", "keys", "show", "tablet"]).good();
        let shown: Value = serde_json::from_str(&shown).unwrap();
        (shown["standing"]["calls_left"] == 0).then_some(())
    });

    let home = bridge.home;
    bridge.hub.kill();
    let hub = home.serve();
    let refused = said(&Modern::new(hub.address(), &key).tool("files_list", json!({})));
    assert!(refused.contains("the calls of tier GUEST are used up"), "{refused}");
}

#[test]
fn a_licence_holds_within_seconds_and_one_that_expired_gives_nothing() {
    let bridge = Bridge::start();
    let key = bridge.home.add_key("laptop", &[]);
    let mut host = Modern::new(bridge.hub.address(), &key);
    let all = names(&mut host).len();
    write(&bridge.home, "tiers.toml", TIERS);
    write(&bridge.home, "lic.key", "GUEST:me:2199-12-31\n");
    let begun = Instant::now();
    wait_for("the licence", || (names(&mut host).len() == 2).then_some(()));
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());

    write(&bridge.home, "lic.key", "PRO:me:2020-01-31\n");
    wait_for("its end", || names(&mut host).is_empty().then_some(()));
    let refused = said(&host.tool("files_list", json!({})));
    assert!(refused.contains("expired on 2020-01-31"), "{refused}");
    let checked = bridge.home.run(&["licence", "check"]);
    assert!(checked.code() == 1 && checked.out().contains("expired on 2020-01-31"), "{}", checked.out());
    assert!(bridge.home.log().contains("expired on 2020-01-31"));
    assert!(bridge.home.run(&["doctor"]).out().contains("expired on 2020-01-31"));

    write(&bridge.home, "lic.key", "PRO:me:2199-12-31\n");
    wait_for("the new one", || (names(&mut host).len() == all).then_some(()));
    bridge.holds();
}

#[test]
fn only_what_its_vendor_signed_counts_where_a_signer_is_named() {
    let home = Home::new();
    let vendor = home.path("vendor.key");
    let vendor = vendor.to_str().unwrap();
    let public = home.run(&["licence", "new-key", vendor]).good();
    assert_eq!(fs::metadata(vendor).unwrap().permissions().mode() & 0o777, 0o600);
    let licence = home.run(&["licence", "sign", "--key", vendor, "PRO:me:2199-12-31"]).good();
    home.configure(&format!("[licence]\nsigner = \"{}\"\n", public.trim()));
    write(&home, "lic.key", &licence);
    let good = home.run(&["licence", "check"]).good();
    assert!(good.contains("PRO for me") && good.contains("signed"), "{good}");
    for (forged, why) in [
        (licence.replace("PRO", "ELITE"), "its signature does not fit"),
        ("PRO:me:2199-12-31".to_owned(), "it is not signed"),
        ("what is this".to_owned(), "it is neither"),
    ] {
        write(&home, "lic.key", &forged);
        let checked = home.run(&["licence", "check"]);
        assert!(checked.code() == 1 && checked.out().contains(why), "{forged}: {}", checked.out());
    }
    assert_eq!(home.run(&["licence", "new-key", vendor]).code(), 1, "a key is never overwritten");
}

//! Several programs on one state at once.

use std::fs;

use serde_json::json;

use crate::program::{Home, Modern, StdioHost, went_well};

const CALLS: usize = 150;

#[test]
fn two_stdio_hosts_and_a_hub_share_a_state() {
    let home = Home::new();
    // The first is there before the hub and serves its host itself; the second hands its host on to the hub.
    let one = StdioHost::start(home.command(&["stdio"]));
    let hub = home.serve();
    let two = StdioHost::start(home.command(&["stdio"]));
    let (address, key) = (hub.address(), hub.key());
    std::thread::scope(|scope| {
        for (host, mut stdio) in [("one", one), ("two", two)] {
            scope.spawn(move || {
                for call in 0..CALLS {
                    let path = format!("Drawbridge/{host}-{call}.txt");
                    stdio.text("files_write", json!({"path": path, "content": host}));
                    assert!(stdio.text("files_read", json!({"path": path})).contains(host));
                }
                stdio.hang_up();
            });
        }
        scope.spawn(|| {
            let mut http = Modern::new(address, &key);
            for call in 0..CALLS {
                let path = format!("Drawbridge/hub-{call}.txt");
                assert!(went_well(&http.tool("files_write", json!({"path": path, "content": "hub"}))));
            }
        });
        scope.spawn(|| {
            for name in 0..10 {
                home.add_key(&format!("key-{name}"), &[]);
                home.verify();
            }
        });
    });
    let files = fs::read_dir(home.in_root("")).unwrap().count();
    assert!(files >= 3 * CALLS, "{files} files");
    drop(hub);
    home.verify();
    let whole = home.run(&["--json", "audit", "verify"]).good();
    let whole: serde_json::Value = serde_json::from_str(&whole).unwrap();
    // A write has two records, a read one.
    assert!(whole["records"].as_u64().unwrap() >= (3 * 2 + 2) * CALLS as u64, "{whole}");
}

#[test]
fn what_one_process_decides_all_of_them_feel() {
    let home = Home::new();
    let hub = home.serve();
    let mut http = Modern::new(hub.address(), &hub.key());
    let mut stdio = StdioHost::start(home.command(&["stdio"]));
    stdio.text("files_list", json!({}));
    home.run(&["raise"]).good();
    assert_eq!(stdio.tool("files_list", json!({}))["result"]["isError"], true);
    assert!(!went_well(&http.tool("files_list", json!({}))));
    home.run(&["lower"]).good();
    stdio.text("files_list", json!({}));
    assert!(went_well(&http.tool("files_list", json!({}))));
    stdio.hang_up();
    home.verify();
}

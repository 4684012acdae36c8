//! A hub in a home, its owner's host, and what must hold after an attack.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::modern::went_well;
use super::{Home, Hub, Modern, canaries};

pub(crate) struct Bridge {
    pub(crate) home: Home,
    pub(crate) hub: Hub,
    /// The owner's key.
    pub(crate) key: String,
    /// The owner's host.
    pub(crate) owner: Modern,
    /// What lies outside of root and state, as it was before the attack.
    outside: BTreeMap<PathBuf, Vec<u8>>,
    /// Tools and arguments that were refused, for the audit to tell of.
    refused: Vec<(String, Value)>,
}

impl Bridge {
    pub(crate) fn start() -> Self {
        Self::start_in(Home::new())
    }

    pub(crate) fn configured(text: &str) -> Self {
        let home = Home::new();
        home.configure(text);
        Self::start_in(home)
    }

    pub(crate) fn start_in(home: Home) -> Self {
        let hub = home.serve();
        Self::around(home, hub)
    }

    /// Around a hub that was started for the first time in this home.
    pub(crate) fn around(home: Home, hub: Hub) -> Self {
        let (key, address) = (hub.key(), hub.address());
        let owner = Modern::new(address, &key);
        let outside = home.outside();
        Self { home, hub, key, owner, outside, refused: Vec::new() }
    }

    /// Another host, with a key of its own.
    pub(crate) fn guest(&self, name: &str, options: &[&str]) -> Modern {
        Modern::new(self.hub.address(), &self.home.add_key(name, options))
    }

    /// Calls a tool as the owner, and checks that it is refused. Gives what is said.
    pub(crate) fn refuses(&mut self, tool: &str, arguments: Value) -> String {
        let answer = self.owner.tool(tool, arguments.clone());
        let said = answer.to_string();
        assert!(!went_well(&answer), "{tool} {arguments} was not refused: {said}");
        assert_ne!(answer["result"]["resultType"], "input_required", "{said}");
        canaries(&said);
        self.refused.push((tool.to_owned(), arguments));
        said
    }

    /// What must hold after every attack: everything refused is in the audit, nothing outside changed, the same
    /// process still serves, and the audit is whole.
    pub(crate) fn holds(mut self) {
        assert!(self.hub.lives(), "the hub ended");
        let listed = self.owner.text("files_list", json!({"path": "Drawbridge"}));
        canaries(&listed);
        self.home.audited("the good call afterwards", |record| {
            record["target"] == "files_list" && record["outcome"] == "ok"
        });
        let records = self.home.audit();
        for (tool, arguments) in &self.refused {
            let told = records
                .iter()
                .any(|record| tells_of(record, tool, arguments) && ends_badly(&records, &record["call"]));
            assert!(told, "the audit does not tell that {tool} {arguments} was refused");
        }
        assert_eq!(self.home.outside(), self.outside, "something outside changed");
        self.home.verify();
    }
}

/// How long arguments may be for the audit to hold them whole, in bytes.
const WHOLE_BYTES_MAX: usize = 500;

fn tells_of(record: &Value, tool: &str, arguments: &Value) -> bool {
    let Some(recorded) = record["arguments"].as_str() else { return false };
    let is_cut = arguments.to_string().len() > WHOLE_BYTES_MAX;
    record["target"] == tool && (is_cut || serde_json::from_str::<Value>(recorded).unwrap() == *arguments)
}

/// Whether this call was refused, or ended with an error.
fn ends_badly(records: &[Value], call: &Value) -> bool {
    let is_bad = |record: &&Value| record["phase"] == "refused" || record["outcome"] == "error";
    records.iter().filter(is_bad).any(|record| record["call"] == *call)
}

//! Which room knows what: some of other people's crates belong to one of ours alone.

use super::{Crate, Finding, House};

/// A crate of other people's, the folders of ours that may use it, and why.
const ROOMS: &[(&str, &[&str], &str)] = &[
    (
        "rusqlite",
        &["crates/store", "crates/jobs", "servers/kv"],
        "SQL is known to the store, to the engines of jobs, and to keys and values",
    ),
    (
        "axum",
        &["crates/web", "crates/mcp", "crates/console", "crates/drawbridge"],
        "HTTP is known to the entrances",
    ),
    ("clap", &["crates/drawbridge"], "the binary reads arguments"),
    ("reqwest", &["crates/outbound"], "what leaves this machine goes by the rules of outbound"),
    ("rmcp", &[], "the wire is ours: the SDK is an oracle in tests and a peer in benchmarks"),
    ("redis", &["crates/jobs-bullmq"], "Redis is known to the engine of jobs that is on it"),
    ("bullmq-official", &["crates/jobs-bullmq"], "Redis is known to the engine of jobs that is on it"),
    ("ratatui", &["crates/manage"], "the full-screen menu alone draws"),
    ("reedline", &["crates/shell"], "lines are typed into the shell"),
    ("landlock", &["crates/sandbox"], "confinement is known to the sandbox"),
    ("seccompiler", &["crates/sandbox"], "confinement is known to the sandbox"),
];

/// Every product crate that uses what belongs to another room. Tests and benchmarks go everywhere.
pub(super) fn inspect(house: &House) -> Vec<Finding> {
    house.crates.iter().filter(|one| is_product(&one.folder)).flat_map(trespasses).collect()
}

fn is_product(folder: &str) -> bool {
    folder.starts_with("crates/") || folder.starts_with("servers/")
}

fn trespasses(one: &Crate) -> impl Iterator<Item = Finding> {
    let trespassed = |(name, rooms, _): &&(&str, &[&str], &str)| {
        one.others.iter().any(|other| other == name) && !rooms.contains(&one.folder.as_str())
    };
    ROOMS.iter().filter(trespassed).map(|(name, _, why)| {
        Finding::new(
            &one.folder,
            format!("it depends on {name}, but {why} (xtask/src/house/dependencies.rs)"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(folder: &str, others: &[&str]) -> usize {
        inspect(&House::of_crate(folder, &[], others)).len()
    }

    #[test]
    fn each_room_keeps_to_what_it_knows() {
        assert_eq!(found("crates/store", &["rusqlite", "serde"]), 0);
        assert_eq!(found("crates/gateway", &["rusqlite"]), 1);
        assert_eq!(found("servers/files", &["axum", "clap"]), 2);
        assert_eq!(found("crates/mcp", &["rmcp"]), 1);
    }

    #[test]
    fn tests_and_benchmarks_go_everywhere() {
        assert_eq!(found("tests", &["rusqlite", "rmcp"]), 0);
        assert_eq!(found("bench/peers", &["rmcp", "axum"]), 0);
    }
}

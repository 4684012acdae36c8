//! Which crate may depend on which: the arrows of ARCHITECTURE.md only run one way.

use super::{Finding, House};

/// A crate's folder, and the folders of those of ours that it may depend on, in tests too. `*` stands for one name.
const ARROWS: &[(&str, &[&str])] = &[
    ("crates/contract", &[]),
    ("crates/store", &["crates/contract"]),
    ("crates/sandbox", &["crates/contract"]),
    ("crates/outbound", &[]),
    ("crates/gateway", &["crates/contract", "crates/store"]),
    ("crates/jobs", &["crates/contract", "crates/store", "crates/gateway", "crates/outbound"]),
    // Engines of jobs that bring much along are rooms of their own.
    ("crates/jobs-bullmq", &["crates/contract", "crates/jobs", "crates/outbound"]),
    ("crates/background", &["crates/contract", "crates/store", "crates/gateway", "crates/jobs"]),
    // The entrances get the door as an `Arc<dyn Handler>`, and never learn its name.
    ("crates/mcp", &["crates/contract"]),
    // Another dialect on the same channels.
    ("crates/dialect", &["crates/contract", "crates/mcp"]),
    ("crates/web", &["crates/contract"]),
    ("crates/shell", &["crates/contract"]),
    // It is the owner's: what it shows and changes is in the store, in other programs' settings, and in the tiers.
    (
        "crates/console",
        &["crates/contract", "crates/store", "crates/gateway", "crates/connect", "crates/licence"],
    ),
    // What it shows and has done is behind a seam of its own.
    ("crates/manage", &["crates/contract"]),
    ("crates/connect", &[]),
    ("crates/licence", &["crates/contract"]),
    // For other people's daemons: it brings nothing of ours along.
    ("crates/daemon", &[]),
    // Servers never name each other, nor an entrance.
    ("servers/*", &["crates/contract", "crates/sandbox", "crates/store", "crates/outbound"]),
    // The binary wires everything, and so do the tests and benchmarks that stand in its place.
    ("crates/drawbridge", &["crates/*", "servers/*"]),
    ("tests", &["crates/*", "servers/*"]),
    ("bench", &["crates/*", "servers/*"]),
    ("bench/peers", &[]),
    ("xtask", &[]),
];

/// Every arrow that is not in the table, and every crate without a row.
pub(super) fn inspect(house: &House) -> Vec<Finding> {
    house.crates.iter().flat_map(|one| wrong_arrows(&one.folder, &one.ours)).collect()
}

fn wrong_arrows(folder: &str, ours: &[String]) -> Vec<Finding> {
    let Some((_, allowed)) = ARROWS.iter().find(|(from, _)| fits(from, folder)) else {
        return vec![Finding::new(
            folder,
            "this crate has no arrows yet: give it a row in xtask/src/house/arrows.rs",
        )];
    };
    let wrong = ours.iter().filter(|to| !allowed.iter().any(|pattern| fits(pattern, to)));
    wrong.map(|to| Finding::new(folder, refusal(to, allowed))).collect()
}

fn refusal(to: &str, allowed: &[&str]) -> String {
    let may = if allowed.is_empty() { "none of our crates".into() } else { allowed.join(", ") };
    format!(
        "it depends on {to}, against the arrows; it may depend on {may}. What both need belongs in crates/contract"
    )
}

/// Whether a folder is the one of the pattern, whose last part may be `*`.
fn fits(pattern: &str, folder: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => folder.strip_prefix(start).is_some_and(|name| !name.is_empty() && !name.contains('/')),
        None => pattern == folder,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(folder: &str, ours: &[&str]) -> usize {
        inspect(&House::of_crate(folder, ours, &[])).len()
    }

    #[test]
    fn arrows_of_the_design_are_allowed() {
        assert_eq!(found("crates/gateway", &["crates/contract", "crates/store"]), 0);
        assert_eq!(found("servers/files", &["crates/contract", "crates/sandbox", "crates/store"]), 0);
        assert_eq!(found("crates/drawbridge", &["crates/web", "servers/files", "crates/connect"]), 0);
    }

    #[test]
    fn arrows_that_run_back_are_found() {
        assert_eq!(found("crates/contract", &["crates/store"]), 1);
        assert_eq!(found("crates/store", &["crates/gateway"]), 1);
        assert_eq!(found("crates/gateway", &["crates/mcp", "servers/files"]), 2);
    }

    #[test]
    fn entrances_do_not_know_the_gateway_nor_each_other() {
        for entrance in ["crates/mcp", "crates/web", "crates/shell"] {
            assert_eq!(found(entrance, &["crates/gateway"]), 1, "{entrance}");
            assert_eq!(found(entrance, &["servers/files"]), 1, "{entrance}");
        }
        assert_eq!(found("crates/web", &["crates/mcp"]), 1);
    }

    #[test]
    fn servers_name_neither_each_other_nor_an_entrance() {
        assert_eq!(found("servers/files", &["servers/mail"]), 1);
        assert_eq!(found("servers/files", &["crates/web", "crates/gateway"]), 2);
    }

    #[test]
    fn connect_depends_on_none_of_ours() {
        assert_eq!(found("crates/connect", &["crates/contract"]), 1);
    }

    #[test]
    fn a_new_crate_needs_a_row() {
        assert_eq!(found("crates/brand-new", &[]), 1);
        assert_eq!(found("servers/deep/down", &[]), 1);
        assert_eq!(found("servers/", &[]), 1);
    }
}

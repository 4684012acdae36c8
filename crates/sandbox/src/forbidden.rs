//! Why an ordinary user gets no user namespaces on this machine, where the kernel says so.

use std::path::Path;

/// Settings of the kernel that forbid user namespaces: where they are, the value that forbids, and what to do.
const SETTINGS: [(&str, &str, &str); 3] = [
    (
        "kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "AppArmor keeps user namespaces from ordinary programs, as Ubuntu does since 24.04: give drawbridge a profile \
         with `userns,` (docs/sandbox.md has one), or set kernel.apparmor_restrict_unprivileged_userns to 0, for all programs",
    ),
    (
        "kernel/unprivileged_userns_clone",
        "0",
        "user namespaces are switched off for ordinary users: set kernel.unprivileged_userns_clone to 1",
    ),
    (
        "user/max_user_namespaces",
        "0",
        "user namespaces are switched off: set user.max_user_namespaces to more than 0",
    ),
];

/// Why there are no user namespaces, with what to do; `None` where no setting of the kernel forbids them (a container may
/// do so all the same). For people, when [`Gap::Metadata`](crate::Gap::Metadata) is among the gaps.
pub fn namespaces_forbidden() -> Option<&'static str> {
    forbidden_below(Path::new("/proc/sys"))
}

fn forbidden_below(settings: &Path) -> Option<&'static str> {
    let forbids = |name: &str, value: &str| {
        std::fs::read_to_string(settings.join(name)).is_ok_and(|text| text.trim() == value)
    };
    SETTINGS.into_iter().find(|(name, value, _)| forbids(name, value)).map(|(_, _, why)| why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setting_that_forbids_is_named_with_what_to_do() {
        for (name, forbids, allows, word) in [
            ("kernel/apparmor_restrict_unprivileged_userns", "1\n", "0\n", "AppArmor"),
            ("kernel/unprivileged_userns_clone", "0\n", "1\n", "unprivileged_userns_clone"),
            ("user/max_user_namespaces", "0\n", "95000\n", "max_user_namespaces"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            assert_eq!(forbidden_below(folder.path()), None, "nothing is there");
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, allows).unwrap();
            assert_eq!(forbidden_below(folder.path()), None, "{name}");
            std::fs::write(&path, forbids).unwrap();
            assert!(forbidden_below(folder.path()).unwrap().contains(word), "{name}");
        }
    }
}

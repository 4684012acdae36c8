//! Lock files name packages and their hashes, never a host: everyone installs from the registry they trust.

use super::{Finding, House};

/// The key under which npm writes where it got a package. Put together here, so that this file is not found itself.
const RESOLVED: &str = concat!("\"resol", "ved\": \"http");

/// Every npm lock file with a host, and every npm folder whose settings would bring one back.
pub(super) fn inspect(house: &House) -> Vec<Finding> {
    let lines = house.lines(is_lock).filter(|(_, line)| line.contains(RESOLVED));
    let hosts = lines
        .map(|(place, _)| Finding::new(place, "it names a host: make the lock file again with our .npmrc"));
    let locks = house.texts().map(|(path, _)| path).filter(|path| is_lock(path));
    let careless = locks.map(settings_of).filter(|settings| !keeps_hosts_out(house, settings));
    hosts.chain(careless.map(|path| Finding::new(path, "add omit-lockfile-registry-resolved=true"))).collect()
}

fn is_lock(path: &str) -> bool {
    path == "package-lock.json" || path.ends_with("/package-lock.json")
}

/// The `.npmrc` beside a lock file.
fn settings_of(lock: &str) -> String {
    lock.replace("package-lock.json", ".npmrc")
}

fn keeps_hosts_out(house: &House, settings: &str) -> bool {
    house
        .text_of(settings)
        .is_some_and(|text| text.lines().any(|line| line == "omit-lockfile-registry-resolved=true"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::places_found;
    use super::*;

    const GOOD: (&str, &str) = ("kit/.npmrc", "omit-lockfile-registry-resolved=true\n");

    #[test]
    fn a_host_in_a_lock_file_is_found() {
        let lock = format!("{{\n  {RESOLVED}s://registry.example/a.tgz\"\n}}\n");
        let house = House::of_files(&[GOOD, ("kit/package-lock.json", &lock), ("notes.md", &lock)]);
        assert_eq!(places_found(inspect, &house), ["kit/package-lock.json:2"]);
    }

    #[test]
    fn a_lock_file_without_the_setting_is_found() {
        assert_eq!(
            places_found(inspect, &House::of_files(&[("kit/package-lock.json", "{}")])),
            ["kit/.npmrc"]
        );
        assert!(places_found(inspect, &House::of_files(&[GOOD, ("kit/package-lock.json", "{}")])).is_empty());
    }
}

//! How the program is linked.

use std::env;
use std::process::Command;

/// The first glibc that reads packed relocations.
const PACKED_SINCE: (u32, u32) = (2, 36);

/// Relocations that only add where the program was loaded take 24 bytes each, and all of them are read at the start: 2 MB
/// that stay in memory. Packed, they take a hundredth. An older C library would not start such a program, so it is asked
/// for where the program is built for the machine that builds it and no other.
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |name, wanted: &str| env::var(name).is_ok_and(|value| value == wanted);
    let is_here = env::var("HOST").is_ok_and(|host| is("TARGET", &host));
    if is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") && is_here && reads_packed() {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// Whether this machine's C library reads packed relocations: `getconf` says `glibc 2.36`.
fn reads_packed() -> bool {
    let Ok(said) = Command::new("getconf").arg("GNU_LIBC_VERSION").output() else { return false };
    let said = String::from_utf8_lossy(&said.stdout);
    let version = said.trim().strip_prefix("glibc ").and_then(|version| version.split_once('.'));
    version.and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?))) >= Some(PACKED_SINCE)
}

//! Says whether the code for Linux is used, or the portable one.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(fast)");
    let target = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if target == "linux" && std::env::var_os("CARGO_FEATURE_PORTABLE").is_none() {
        println!("cargo::rustc-cfg=fast");
    }
}

//! For tests: every test binary that has this feature on is its own helper, without a line in it.
//!
//! Test binaries have a `main` of the test harness, which cannot begin with [`helper_main`](crate::helper_main). This does
//! the same before that `main`. Name the crate in the test (`use drawbridge_sandbox as _;`), so that it is linked.
#![expect(unsafe_code, reason = "running before main takes a place in the table of such functions")]

/// Runs before `main`, in the only thread there is.
// SAFETY: the linker's table holds functions of this signature; this one returns, or ends the process.
#[unsafe(link_section = ".init_array")]
#[used]
static BEFORE_MAIN: extern "C" fn() = before_main;

extern "C" fn before_main() {
    crate::helper_main();
}

//! MCP's tasks, in both eras, against the fixture and the product's own engine of jobs.

mod legacy;
mod modern;
mod program;
mod sdk;

use serde_json::Value;

/// How long a task may take to get where a test wants it.
const LOOKS_MAX: usize = 200;
const LOOK_EVERY: std::time::Duration = std::time::Duration::from_millis(50);

/// Looks until what is seen has this status.
fn until(status: &str, mut look: impl FnMut() -> Value) -> Value {
    let mut seen = Value::Null;
    for _ in 0..LOOKS_MAX {
        seen = look();
        if seen["result"]["status"] == status {
            return seen["result"].take();
        }
        std::thread::sleep(LOOK_EVERY);
    }
    panic!("it did not become {status}: {seen}");
}

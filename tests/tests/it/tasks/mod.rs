//! MCP's tasks, in both eras, against the fixture and the product's own engine of jobs.

mod legacy;
mod modern;
mod program;
mod sdk;

use serde_json::Value;

use crate::program::wait_for;

/// Looks until what is seen has this status.
fn until(status: &str, mut look: impl FnMut() -> Value) -> Value {
    wait_for(&format!("a task that is {status}"), || {
        let mut seen = look();
        (seen["result"]["status"] == status).then(|| seen["result"].take())
    })
}

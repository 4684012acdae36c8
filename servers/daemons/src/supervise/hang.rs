//! Whether a daemon that the hub runs still answers.
//!
//! Many daemons serve one connection after the other. So one is asked only while no call of it is under way: then
//! whoever does not answer hangs, and does not just work. A call that hangs ends by its own timeout.

use std::time::Duration;

use super::process::Process;
use crate::folder::{Folder, Refused};
use crate::registry::socket_name;
use crate::wire::{CallError, is_answering};

/// How often in a row it has to be silent.
const SILENT_MAX: u32 = 2;
/// How long until it is asked again that was silent.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// How long an answer may be, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Ends when it hangs, and says how.
pub(super) async fn hangs(process: &Process) -> String {
    let bounds = &process.bounds;
    let mut silent = 0;
    while silent < SILENT_MAX {
        tokio::select! {
            () = tokio::time::sleep(if silent == 0 { bounds.probe_every } else { AGAIN_AFTER }) => {}
            () = process.doubted.notified(), if silent == 0 => {}
        }
        process.is_idle().await;
        silent = if is_silent(process).await { silent + 1 } else { 0 };
    }
    format!(
        "it hung: it ran, but {SILENT_MAX} times it did not answer within {} s",
        bounds.probe_time_max.as_secs_f32().ceil()
    )
}

/// One that answers nonsense or hangs up does not hang, and where we lack a file handle, that is no fault of its.
async fn is_silent(process: &Process) -> bool {
    match tokio::time::timeout(process.bounds.probe_time_max, ask(process)).await {
        Err(_) | Ok(Err(CallError::Unreachable(Refused::NobodyListens))) => true,
        Ok(_) => false,
    }
}

/// Asks it whether it is there. Any answer will do.
pub(super) async fn ask(process: &Process) -> Result<(), CallError> {
    is_answering(&Folder::open(&process.folder)?, &socket_name(process.name()), ANSWER_BYTES_MAX).await
}

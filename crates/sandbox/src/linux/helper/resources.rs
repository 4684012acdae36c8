//! How much the child may use: the kernel's resource limits.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::ProcessLimits;

/// Sets the limits of this process and what it starts.
pub(super) fn limit(limits: &ProcessLimits) -> io::Result<()> {
    set(Resource::Core, Some(0), 0)?;
    // A second between the signal that can be caught and the one that cannot.
    set(Resource::Cpu, limits.cpu_seconds, 1)?;
    set(Resource::As, limits.memory_bytes, 0)?;
    set(Resource::Nofile, limits.open_files, 0)?;
    set(Resource::Nproc, limits.processes, 0)?;
    set(Resource::Fsize, limits.file_bytes, 0)
}

/// Sets one limit, never above what holds already.
fn set(resource: Resource, value: Option<u64>, more_for_hard: u64) -> io::Result<()> {
    let Some(value) = value else { return Ok(()) };
    let ours = getrlimit(resource).maximum.unwrap_or(u64::MAX);
    let hard = value.saturating_add(more_for_hard).min(ours);
    Ok(setrlimit(resource, Rlimit { current: Some(value.min(hard)), maximum: Some(hard) })?)
}

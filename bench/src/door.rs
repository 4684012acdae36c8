//! What `bench-door` tells the section that starts it.

use serde::{Deserialize, Serialize};

/// Figures of the door without any wire.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct DoorFigures {
    /// Answered calls per second.
    pub calls_per_second: f64,
    /// The median of a call, in microseconds.
    pub p50_us: f64,
    /// What 99 of 100 calls stay below, in microseconds.
    pub p99_us: f64,
    /// Processor time of all threads, in microseconds.
    pub cpu_us_per_call: f64,
}

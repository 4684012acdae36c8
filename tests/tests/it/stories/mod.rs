//! Drawbridge as people use it, from the first start to the last look into the audit.

mod approval;
mod bridge;
mod console;
mod daemons;
mod jobs;
mod jobs_asked;
mod jobs_page;
mod jobs_told;
mod keys;
mod llm;
mod several;
mod start;
mod tiers;
mod workers;

//! The tools, one file each. Adding one is a file and a line in [`all`].

mod cancel;
mod dead_letters;
mod discard;
mod edit;
mod list;
mod log;
mod pause;
mod queues;
mod replay;
mod result;
mod retry;
mod status;
mod submit;
mod wait;

use std::sync::Arc;

use drawbridge_contract::{Annotations, Example, Tool, bind};
use schemars::JsonSchema;
use serde::Deserialize;

/// All tools, in the order in which they are listed.
pub(crate) fn all() -> Vec<Arc<dyn Tool>> {
    let nothing = &Arc::new(());
    vec![
        bind::<_, submit::Submit>(nothing),
        bind::<_, wait::Wait>(nothing),
        bind::<_, status::Status>(nothing),
        bind::<_, result::Result>(nothing),
        bind::<_, log::Log>(nothing),
        bind::<_, list::List>(nothing),
        bind::<_, cancel::Cancel>(nothing),
        bind::<_, retry::Retry>(nothing),
        bind::<_, dead_letters::DeadLetters>(nothing),
        bind::<_, replay::Replay>(nothing),
        bind::<_, edit::Edit>(nothing),
        bind::<_, discard::Discard>(nothing),
        bind::<_, queues::Queues>(nothing),
        bind::<_, pause::Pause>(nothing),
    ]
}

/// Changes how a job goes on; saying it twice changes nothing more.
pub(crate) const STEERS: Annotations = Annotations { idempotent: true, ..Annotations::CHANGES };

/// How many jobs a page holds, unless the caller says otherwise.
const PAGE_DEFAULT: usize = 50;

fn page_default() -> usize {
    PAGE_DEFAULT
}

/// The job that a tool is about.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    /// The job, as jobs_submit named it.
    id: Box<str>,
}

/// An id that nobody has: what every tool says that is asked for such a one.
const NO_SUCH_JOB: &[Example] = &[Example {
    says: "Asks for a job that is not there any more.",
    args: r#"{"id": "1-0123456789abcdef"}"#,
    gives: "there is no job",
}];

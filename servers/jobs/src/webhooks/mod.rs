//! Who is told what becomes of jobs: the server `webhooks`.

mod add;
mod list;
mod log;
mod pause;
mod redeliver;
mod remove;
mod resume;
mod rotate;
mod update;

use std::sync::Arc;

use drawbridge_contract::{Annotations, Context, Example, Server, ToolError, Webhooks as Kept, bind};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::ToolsAlone;
use crate::error::jobs_of;

/// The server `webhooks`.
pub fn webhooks() -> impl Server {
    let nothing = &Arc::new(());
    let tools = vec![
        bind::<_, add::Add>(nothing),
        bind::<_, list::List>(nothing),
        bind::<_, log::Log>(nothing),
        bind::<_, redeliver::Redeliver>(nothing),
        bind::<_, update::Update>(nothing),
        bind::<_, pause::Pause>(nothing),
        bind::<_, resume::Resume>(nothing),
        bind::<_, rotate::Rotate>(nothing),
        bind::<_, remove::Remove>(nothing),
    ];
    let instructions =
        "The webhooks_ tools tell a program elsewhere what becomes of jobs, by signed requests.";
    ToolsAlone { name: "webhooks", instructions, tools }
}

/// The webhooks of this hub.
fn webhooks_of(context: &Context) -> Result<Arc<dyn Kept>, ToolError> {
    jobs_of(context)?.webhooks().ok_or_else(|| {
        ToolError::Failed("this hub sends no webhooks; `drawbridge serve` runs one that does".to_owned())
    })
}

/// What jobs are made of goes to somebody else.
const OUTWARD: Annotations = Annotations { open_world: true, ..Annotations::CHANGES };

/// The receiver that a tool is about.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    /// Its id, as webhooks_add named it.
    id: Box<str>,
}

/// An id that nobody has.
const NO_SUCH_WEBHOOK: &[Example] = &[Example {
    says: "Asks for a receiver that is not there.",
    args: r#"{"id": "wh_00000000000000000000000000000000"}"#,
    gives: "there is no receiver",
}];

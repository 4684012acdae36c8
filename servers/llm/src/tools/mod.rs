//! The tools, one file each. Adding one is a file and a line in [`all`].

mod agent;
mod chat;
mod embed;
mod memory;
mod models;
mod question;
mod tell;
mod usage;

use std::sync::Arc;

use drawbridge_contract::{Annotations, Tool, ToolError, bind};

use crate::models::{Models, Unanswered};

/// The names of tools that requests of other protocols count as.
pub(crate) const CHAT: &str = "llm_chat";
/// As above.
pub(crate) const EMBED: &str = "llm_embed";
/// As above.
pub(crate) const MODELS: &str = "llm_models";

/// All tools, in the order in which they are listed.
pub(crate) fn all(models: &Arc<Models>) -> Vec<Arc<dyn Tool>> {
    vec![
        bind::<_, chat::Chat>(models),
        bind::<_, models::List>(models),
        bind::<_, embed::Embed>(models),
        bind::<_, memory::Load>(models),
        bind::<_, memory::Unload>(models),
        bind::<_, usage::Usage>(models),
        bind::<_, agent::Agent>(models),
    ]
}

/// Asking changes nothing here, and reaches only the providers that the owner wrote down: that is a closed world, and his
/// permission. The same question may be answered otherwise, so it is not idempotent.
const ASKS: Annotations = Annotations { idempotent: false, ..Annotations::READS };

/// Why there is no answer, for the model or person who asked.
fn unanswered(why: Unanswered) -> ToolError {
    match why.status {
        400 => ToolError::Invalid(why.failure.message),
        403 => ToolError::Refused(why.failure.message),
        404 => ToolError::NotFound(why.failure.message),
        _ => match why.failure.retry_after {
            Some(wait) => {
                ToolError::Failed(format!("{} (in {} s)", why.failure.message, wait.as_secs().max(1)))
            }
            None => ToolError::Failed(why.failure.message),
        },
    }
}

/// Millionths of money as money; nothing where nothing was paid.
#[expect(clippy::cast_precision_loss, reason = "nobody spends 2^52 millionths")]
fn cost(micros: u64) -> Option<f64> {
    (micros > 0).then(|| micros as f64 / 1e6)
}

//! What callers ask about daemons. Adding a tool is a file and a line in [`all`].

mod list;
mod logs;
mod restart;

use std::sync::Arc;

use drawbridge_contract::{Context, Tool, ToolError, bind};

pub(crate) use list::overview;

use crate::registry::Registry;
use crate::supervise::Process;

/// All tools, in the order in which they are listed.
pub(crate) fn all(registry: &Arc<Registry>) -> Vec<Arc<dyn Tool>> {
    vec![
        bind::<_, list::List>(registry),
        bind::<_, logs::Logs>(registry),
        bind::<_, restart::Restart>(registry),
    ]
}

/// A daemon that the hub runs, for the owner, whose it is.
fn own_process<'a>(
    registry: &'a Registry,
    name: &str,
    context: &Context,
) -> Result<&'a Arc<Process>, ToolError> {
    if !context.caller.is_owner() {
        return Err(ToolError::Refused("only the owner can do that".to_owned()));
    }
    registry.process(name).ok_or_else(|| {
        ToolError::NotFound(format!(
            "the hub runs no daemon {name:?}; daemons_list shows which there are, and `[daemon.NAME]` in config.toml has it run one"
        ))
    })
}

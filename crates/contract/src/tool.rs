//! A tool: a spec and the code that runs it.

use crate::{Arguments, BoxFuture, Context, OldMethod, Outcome, ToolError, ToolSpec};

/// A spec and the code that runs it. Built-in tools implement [`crate::TypedTool`] instead, which is less to write.
pub trait Tool: Send + Sync + 'static {
    /// How it describes itself; the same for as long as the catalog holds it.
    fn spec(&self) -> &ToolSpec;

    /// Whether the audit has its arguments whole where it would cut those of others: because they are what happens, such
    /// as keys that are typed. What does not fit into one record is cut as others are; a tool for which that must not
    /// happen keeps its arguments short. Secrets are masked all the same.
    fn is_audited_whole(&self) -> bool {
        false
    }

    /// How clients of the older dialect call it, if they can by a name of its own. Methods that are Drawbridge's own stand
    /// in a table of that dialect instead.
    fn old_method(&self) -> Option<&OldMethod> {
        None
    }

    /// Runs it. The arguments fit the input schema. The future is dropped at the deadline and on cancellation;
    /// blocking work that it started must watch [`Context::cancellation`].
    fn invoke<'a>(
        &'a self,
        arguments: &'a Arguments,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Outcome, ToolError>>;
}

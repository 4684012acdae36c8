//! Tools with typed arguments: what servers of ours are made of.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::{Arguments, BoxFuture, Context, Outcome, Tool, ToolError, ToolSpec};

/// A tool over a server's state `S` whose arguments are a Rust type: one file each.
pub trait TypedTool<S>: Send + Sync + 'static {
    /// The arguments; the input schema comes from this type.
    type Input: DeserializeOwned + JsonSchema + Send + 'static;

    /// As [`Tool::is_audited_whole`].
    const AUDITED_WHOLE: bool = false;

    /// How it describes itself.
    fn spec() -> ToolSpec;

    /// Runs it.
    fn run(
        state: &Arc<S>,
        input: Self::Input,
        context: &Context,
    ) -> impl Future<Output = Result<Outcome, ToolError>> + Send;
}

/// Binds a typed tool to its server's state: the entry in a server's list of tools.
pub fn bind<S: Send + Sync + 'static, T: TypedTool<S>>(state: &Arc<S>) -> Arc<dyn Tool> {
    Arc::new(Bound::<S, T> { spec: T::spec(), state: state.clone(), tool: std::marker::PhantomData })
}

struct Bound<S, T> {
    spec: ToolSpec,
    state: Arc<S>,
    tool: std::marker::PhantomData<fn() -> T>,
}

impl<S: Send + Sync + 'static, T: TypedTool<S>> Tool for Bound<S, T> {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn is_audited_whole(&self) -> bool {
        T::AUDITED_WHOLE
    }

    fn invoke<'a>(
        &'a self,
        arguments: &'a Arguments,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Outcome, ToolError>> {
        Box::pin(async move {
            let input = arguments.read().map_err(|error| ToolError::Invalid(error.to_string()))?;
            T::run(&self.state, input, context).await
        })
    }
}

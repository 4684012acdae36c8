//! A method of a daemon, as a tool.

use std::sync::Arc;
use std::time::Duration;

use drawbridge_contract::{
    Arguments, BoxFuture, Context, Limits, OldMethod, Outcome, RawValue, Tool, ToolError, ToolResult,
    ToolSpec, raw,
};
use serde_json::{Value, json};

use crate::caps::{Method, Parameters};
use crate::settings::Bounds;
use crate::supervise::Process;
use crate::wire::{Answer, Link, RpcError};

/// So much before its deadline at the door a call ends here, so that what we say of it is more than that it took long.
const MARGIN: Duration = Duration::from_secs(1);

/// One method of one daemon.
pub(crate) struct MethodTool {
    spec: ToolSpec,
    /// As the daemon has it.
    method: Box<str>,
    old: OldMethod,
    parameters: Parameters,
    daemon: String,
    link: Arc<Link>,
    /// Where the hub runs the daemon itself.
    process: Option<Arc<Process>>,
}

impl MethodTool {
    pub(crate) fn new(
        name: String,
        daemon: &str,
        method: Method,
        link: &Arc<Link>,
        process: Option<Arc<Process>>,
        bounds: &Bounds,
    ) -> Self {
        let asked = method.timeout_seconds.map(Duration::from_secs);
        let timeout =
            asked.unwrap_or(bounds.call_timeout).clamp(Duration::from_secs(1), bounds.call_timeout_max);
        let spec = ToolSpec {
            name: name.into(),
            title: method.title.into(),
            description: method.description.into(),
            input_schema: raw(&method.parameters.schema),
            output_schema: None,
            annotations: method.annotations,
            meta: Some(raw(&json!({"drawbridge/daemon": daemon, "drawbridge/method": &*method.name}))),
            examples: &[],
            limits: Limits { timeout: timeout + MARGIN, ..Limits::default() },
            background: drawbridge_contract::Background::Optional,
        };
        let old = OldMethod {
            name: old_name(daemon, &method.name),
            params: method.parameters.old(),
            wrapped: !method.gives_object,
        };
        let (method, parameters, daemon) = (method.name, method.parameters, daemon.to_owned());
        Self { spec, method, old, parameters, daemon, link: link.clone(), process }
    }

    /// Its name in the older dialect, and its tool's.
    pub(crate) fn names(&self) -> (&str, &str) {
        (&self.old.name, &self.spec.name)
    }

    async fn call(&self, arguments: &Arguments, context: &Context) -> Result<Outcome, ToolError> {
        if let Some(why) = self.process.as_ref().and_then(|process| process.why_not_ready()) {
            return Err(self.failed(&why));
        }
        let params = self.parameters.encode(arguments.value());
        let time = context.time_left().saturating_sub(MARGIN);
        let may_repeat = self.spec.annotations.read_only || self.spec.annotations.idempotent;
        match self.link.call(&self.method, &params, time, may_repeat).await {
            Ok(Answer::Result(result)) => self.result(&result).map(Outcome::from),
            Ok(Answer::Error(error)) => Ok(failure(&error).into()),
            Err(error) => Err(self.failed(&error.to_string())),
        }
    }

    fn result(&self, result: &RawValue) -> Result<ToolResult, ToolError> {
        let text =
            || serde_json::from_str::<String>(result.get()).unwrap_or_else(|_| result.get().to_owned());
        let is_object = result.get().starts_with('{');
        match (self.old.wrapped, is_object) {
            (false, true) => Ok(ToolResult::text_and(result.get(), &result)),
            (true, _) => Ok(ToolResult::text_and(&text(), &json!({"result": value(result)}))),
            (false, false) => Err(self.failed("its answer is no object, against its own result_schema")),
        }
    }

    fn failed(&self, why: &str) -> ToolError {
        let daemon = &self.daemon;
        ToolError::Failed(format!(
            "the daemon {daemon} could not be asked: {why}. `drawbridge daemon list` says how it is"
        ))
    }
}

impl Tool for MethodTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn old_method(&self) -> Option<&OldMethod> {
        Some(&self.old)
    }

    fn invoke<'a>(
        &'a self,
        arguments: &'a Arguments,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Outcome, ToolError>> {
        Box::pin(self.call(arguments, context))
    }
}

/// What clients of the older dialect call a method: all of its methods begin so.
pub(crate) fn old_name(daemon: &str, method: &str) -> Box<str> {
    if method.starts_with("mcp.") { method.into() } else { format!("mcp.{daemon}.{method}").into() }
}

fn value(result: &RawValue) -> Value {
    serde_json::from_str(result.get()).unwrap_or_default()
}

/// What the daemon says went wrong, for models and, with its code, for programs.
fn failure(error: &RpcError) -> ToolResult {
    let RpcError { code, message, .. } = error;
    let text = format!("{message} (error {code} of the daemon)");
    ToolResult { is_error: true, ..ToolResult::text_and(&text, &json!({ "error": error })) }
}

//! A method of a daemon, as a tool.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use drawbridge_contract::{
    Arguments, BoxFuture, Context, Limits, OldMethod, Outcome, RawValue, Tool, ToolError, ToolResult,
    ToolSpec, raw,
};
use serde::Serialize;
use serde_json::json;

use crate::caps::{Method, Parameters, Results};
use crate::settings::Bounds;
use crate::supervise::Process;
use crate::wire::{Answer, CallError, Link, RpcError};

/// So much before its deadline at the door a call ends here, so that what we say of it is more than that it took long.
const MARGIN: Duration = Duration::from_secs(1);

/// One method of one daemon.
pub(crate) struct MethodTool {
    spec: ToolSpec,
    /// As the daemon has it.
    method: Box<str>,
    old: OldMethod,
    parameters: Parameters,
    results: Results,
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
            output_schema: method.results.schema().map(raw),
            annotations: method.annotations,
            meta: Some(raw(&json!({"drawbridge/daemon": daemon, "drawbridge/method": &*method.name}))),
            examples: &[],
            limits: Limits { timeout: timeout + MARGIN, ..Limits::default() },
            background: drawbridge_contract::Background::Optional,
        };
        let old = OldMethod {
            name: old_name(daemon, &method.name),
            params: method.parameters.old(),
            wrapped: method.results.wrapped,
        };
        let Method { name: method, parameters, results, .. } = method;
        Self {
            spec,
            method,
            old,
            parameters,
            results,
            daemon: daemon.to_owned(),
            link: link.clone(),
            process,
        }
    }

    /// Its name in the older dialect, and its tool's.
    pub(crate) fn names(&self) -> (&str, &str) {
        (&self.old.name, &self.spec.name)
    }

    async fn call(&self, arguments: &Arguments, context: &Context) -> Result<Outcome, ToolError> {
        if let Some(why) = self.process.as_ref().and_then(|process| process.why_not_ready()) {
            return Err(self.failed(&why));
        }
        let _under_way = self.process.as_ref().map(|process| process.begin_call());
        let params = self.parameters.encode(arguments.value());
        let time = context.time_left().saturating_sub(MARGIN);
        let may_repeat = self.spec.annotations.read_only || self.spec.annotations.idempotent;
        match self.link.call(&self.method, &params, time, may_repeat).await {
            Ok(Answer::Result(result)) => Ok(self.result(&result).into()),
            Ok(Answer::Error(error)) => Ok(self.failure(&error).into()),
            Err(error) => {
                if let (CallError::TimedOut(_), Some(process)) = (&error, &self.process) {
                    process.doubt();
                }
                Err(self.failed(&error.to_string()))
            }
        }
    }

    fn result(&self, result: &RawValue) -> ToolResult {
        let text = serde_json::from_str::<String>(result.get()).unwrap_or_else(|_| result.get().to_owned());
        match self.results.structured(result) {
            Ok(structured) => ToolResult { structured: Some(structured), ..ToolResult::text(&text) },
            Err(why) => self.misfit(&text, result, &why),
        }
    }

    /// What was answered against the daemon's own word. Hosts throw away what does not fit, so it is an error; what was
    /// asked is done all the same, and the answer may be of use.
    fn misfit(&self, text: &str, result: &RawValue, why: &str) -> ToolResult {
        let (daemon, method) = (&self.daemon, &self.method);
        let said = format!(
            "the daemon {daemon} did what was asked, but its answer does not fit its own result_schema for {method} ({why}). \
             It answered: {text}"
        );
        self.with_reason(&said, &json!({ "result": result }))
    }

    /// What the daemon says went wrong, for models and, with its code, for programs.
    fn failure(&self, error: &RpcError) -> ToolResult {
        let RpcError { code, message, .. } = error;
        self.with_reason(&format!("{message} (error {code} of the daemon)"), &json!({ "error": error }))
    }

    /// An error with more for programs; not where it would have to fit the output schema.
    fn with_reason(&self, said: &str, reason: &impl Serialize) -> ToolResult {
        let error = ToolResult::error(said);
        if self.spec.output_schema.is_none() {
            return ToolResult { structured: Some(raw(reason)), ..error };
        }
        ToolResult { meta: Some(raw(&BTreeMap::from([(OldMethod::FAILED, reason)]))), ..error }
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

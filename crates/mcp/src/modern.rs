//! The modern era (2026-07-28): every request stands alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use drawbridge_contract::{Background, Completion, CompletionOf, Outcome, Sink, Target};
use serde::Deserialize;

use crate::convert::{self, Purpose};
use crate::core::{Asking, Core, Exchange, Outlet, Work, run};
use crate::encode::{Object, Reply, write_value};
use crate::envelope::{Request, string};
use crate::error::WireError;
use crate::events::{EventSink, Threshold};
use crate::limits::LIST_TTL_MS;
use crate::listen::{Filter, Listening};
use crate::lists::Kind;
use crate::meta::{Meta, TASKS};
use crate::params::{Params, object, text};
use crate::tasks::{self, Tasks};
use crate::version::Version;

const VERSION: Version = Version::V2026_07_28;

/// Serves one request whose metadata was checked.
pub(crate) fn serve(
    core: &Arc<Core>,
    exchange: Exchange,
    request: &Request<'_>,
    params: &Params<'_>,
    meta: &Meta<'_>,
) -> Work {
    let id = exchange.id.clone();
    match dispatch(core, exchange, &request.method, params, meta) {
        Ok(work) => work,
        Err(error) => Work::Ready(Reply::error(Some(&id), &error)),
    }
}

fn dispatch(
    core: &Arc<Core>,
    exchange: Exchange,
    method: &str,
    params: &Params<'_>,
    meta: &Meta<'_>,
) -> Result<Work, WireError> {
    match method {
        "tools/call" => call_tool(core, exchange, params, meta),
        "tools/list" => list(core, &exchange, VERSION, Kind::Tools, params),
        "resources/list" => list(core, &exchange, VERSION, Kind::Resources, params),
        "resources/templates/list" => list(core, &exchange, VERSION, Kind::Templates, params),
        "prompts/list" => list(core, &exchange, VERSION, Kind::Prompts, params),
        "resources/read" => read_resource(core, exchange, params, meta),
        "prompts/get" => get_prompt(core, exchange, params, meta),
        "completion/complete" => complete(core, exchange, VERSION, params),
        "server/discover" => Ok(discover(core, &exchange)),
        "subscriptions/listen" => listen(core, exchange, params, meta),
        "tasks/get" => tasks::get(core, exchange, params, meta),
        "tasks/update" => tasks::update(core, exchange, params, meta),
        "tasks/cancel" => tasks::cancel(core, exchange, params, meta),
        other => Err(WireError::unknown_method(other, VERSION)),
    }
}

fn call_tool(
    core: &Core,
    exchange: Exchange,
    params: &Params<'_>,
    meta: &Meta<'_>,
) -> Result<Work, WireError> {
    let tool = text(params.name, "name")?;
    let target = Target::Tool((*tool).into());
    match task(core, &exchange, &tool, meta)? {
        None => call(core, exchange, Purpose::Tool, target, params, meta),
        Some((tasks, background)) => {
            let asking = Asking::read(target, params, meta.host()?, meta)?;
            Ok(tasks::submit(core, exchange, tasks, background, asking, params.answers()?))
        }
    }
}

/// Whether a call may become a task: its host and its tool have to say so, both.
fn task(
    core: &Core,
    exchange: &Exchange,
    tool: &str,
    meta: &Meta<'_>,
) -> Result<Option<(Tasks, Background)>, WireError> {
    let background = tasks::background_of(core, &exchange.caller, tool);
    let may_be = match background {
        Background::Forbidden => false,
        Background::Optional => meta.declares_tasks() && core.handler.jobs().is_some(),
        Background::Required => core.handler.jobs().is_some(),
    };
    if !may_be {
        return Ok(None);
    }
    Ok(Some((Tasks::of(core, &exchange.caller, "tools/call", meta)?, background)))
}

fn read_resource(
    core: &Core,
    exchange: Exchange,
    params: &Params<'_>,
    meta: &Meta<'_>,
) -> Result<Work, WireError> {
    let uri: Box<str> = (*text(params.uri, "uri")?).into();
    call(core, exchange, Purpose::Resource(uri.clone()), Target::Resource(uri), params, meta)
}

fn get_prompt(
    core: &Core,
    exchange: Exchange,
    params: &Params<'_>,
    meta: &Meta<'_>,
) -> Result<Work, WireError> {
    let target = Target::Prompt((*text(params.name, "name")?).into());
    call(core, exchange, Purpose::Prompt, target, params, meta)
}

fn call(
    core: &Core,
    exchange: Exchange,
    purpose: Purpose,
    target: Target,
    params: &Params<'_>,
    meta: &Meta<'_>,
) -> Result<Work, WireError> {
    let asking = Asking::read(target, params, meta.host()?, meta)?;
    let able = asking.host.abilities;
    let mut call = asking.into_call(&exchange.caller, exchange.entrance);
    call.answers = params.answers()?;
    let (sink, outbox) = sink(&exchange.outlet, meta)?;
    let done = core.handler.clone().call(call, exchange.live(sink));
    let id = exchange.id;
    let tasks = if meta.declares_tasks() { Tasks::of(core, &exchange.caller, "", meta).ok() } else { None };
    let answer = async move {
        match (done.await, tasks) {
            // Its tool itself put it into the background.
            (Ok(Outcome::Accepted(job)), Some(tasks)) => tasks.created(&id, &job).await,
            (outcome, _) => convert::outcome(VERSION, &id, &purpose, able, outcome),
        }
    };
    Ok(Work::Running(run(exchange.entered, outbox, answer)))
}

type SinkAndOutbox = (Option<Arc<dyn Sink>>, Option<Arc<crate::outbox::Outbox>>);

/// A sink, if the request wants to hear anything.
fn sink(outlet: &Outlet, meta: &Meta<'_>) -> Result<SinkAndOutbox, WireError> {
    let (progress_token, level) = (meta.progress_token()?, meta.log_level()?);
    if progress_token.is_none() && level.is_none() {
        return Ok((None, None));
    }
    let (events, own) = outlet.open();
    let log = level.map_or(Threshold::Off, Threshold::From);
    let sink = events
        .map(|outbox| Arc::new(EventSink { outbox, progress_token, log, version: VERSION }) as Arc<dyn Sink>);
    Ok((sink, own))
}

/// One page of a list, in any revision.
pub(crate) fn list(
    core: &Core,
    exchange: &Exchange,
    version: Version,
    kind: Kind,
    params: &Params<'_>,
) -> Result<Work, WireError> {
    let view = core.handler.view(&exchange.caller);
    let page = core.lists.page(&view, version, kind, params.cursor)?;
    Ok(Work::Ready(Reply::spliced(&exchange.id, &page)))
}

#[derive(Deserialize)]
struct Reference<'a> {
    #[serde(borrow)]
    r#type: &'a drawbridge_contract::RawValue,
    #[serde(borrow)]
    name: Option<&'a drawbridge_contract::RawValue>,
    #[serde(borrow)]
    uri: Option<&'a drawbridge_contract::RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Known {
    arguments: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Argument {
    name: String,
    value: String,
}

/// `completion/complete`, in any revision.
pub(crate) fn complete(
    core: &Core,
    exchange: Exchange,
    version: Version,
    params: &Params<'_>,
) -> Result<Work, WireError> {
    let request = completion(params)?;
    let (handler, caller, id) = (core.handler.clone(), exchange.caller.clone(), exchange.id.clone());
    let answer = async move {
        match handler.complete(&caller, request).await {
            Ok(suggestions) => convert::completion(version, &id, &suggestions),
            Err(refusal) => convert::refusal(version, &id, &Purpose::Prompt, &refusal),
        }
    };
    Ok(Work::Running(run(exchange.entered, None, answer)))
}

fn completion(params: &Params<'_>) -> Result<Completion, WireError> {
    let missing = |name: &str| WireError::invalid_params(format!("`{name}` is missing"));
    let reference: Reference<'_> = object(params.reference.ok_or_else(|| missing("ref"))?, "ref")?;
    let argument: Argument = object(params.argument.ok_or_else(|| missing("argument"))?, "argument")?;
    let of = match string(reference.r#type).as_deref() {
        Some("ref/prompt") => CompletionOf::Prompt(text(reference.name, "ref.name")?.into_owned()),
        Some("ref/resource") => CompletionOf::Template(text(reference.uri, "ref.uri")?.into_owned()),
        _ => return Err(WireError::invalid_params("`ref.type` must be ref/prompt or ref/resource")),
    };
    let known = params.context.map(|raw| object::<Known>(raw, "context")).transpose()?.unwrap_or_default();
    Ok(Completion { of, argument: argument.name, prefix: argument.value, known: known.arguments })
}

fn discover(core: &Core, exchange: &Exchange) -> Work {
    let view = core.handler.view(&exchange.caller);
    Work::Ready(Reply::object(&exchange.id, 1024 + view.instructions.len(), |object| {
        convert::begin(VERSION, object);
        object.list("supportedVersions", &Version::ALL, |out, version| write_value(out, version.as_str()));
        object.object("capabilities", |object| write_capabilities(core, VERSION, object));
        if !view.instructions.is_empty() {
            object.value("instructions", &view.instructions);
        }
        object.value("ttlMs", &LIST_TTL_MS);
        object.raw("cacheScope", r#""private""#);
        convert::end(VERSION, object, None);
    }))
}

/// What we can do, in any revision. It does not depend on what is served now: that may change while hosts listen.
pub(crate) fn write_capabilities(core: &Core, version: Version, object: &mut Object<'_>) {
    object.raw("tools", r#"{"listChanged":true}"#);
    object.raw("resources", r#"{"subscribe":true,"listChanged":true}"#);
    object.raw("prompts", r#"{"listChanged":true}"#);
    object.raw("logging", "{}");
    if version.has_annotations() {
        object.raw("completions", "{}");
    }
    if core.handler.jobs().is_none() {
        return;
    }
    if version.is_modern() {
        object.object("extensions", |extensions| extensions.raw(TASKS, "{}"));
    }
    if version.has_core_tasks() {
        object.raw("tasks", r#"{"list":{},"cancel":{},"requests":{"tools":{"call":{}}}}"#);
    }
}

fn listen(core: &Core, exchange: Exchange, params: &Params<'_>, meta: &Meta<'_>) -> Result<Work, WireError> {
    let filter = Filter::read(params.notifications)?;
    let wants = filter.wants_tasks();
    let tasks = wants.then(|| Tasks::of(core, &exchange.caller, "subscriptions/listen", meta)).transpose()?;
    Ok(Work::Listening(Box::pin(Listening::open(core.handler.clone(), exchange, filter, tasks))))
}

//! The methods of a session.

use std::sync::Arc;

use drawbridge_contract::{Refusal, Target};

use super::converse;
use super::peer::Peer;
use super::tasks;
use crate::convert::{self, Purpose};
use crate::core::{Asking, Core, Exchange, Work, run};
use crate::encode::{Reply, SERVER_INFO, SERVER_INFO_UNTITLED};
use crate::envelope::{Id, Notification, Request};
use crate::error::WireError;
use crate::in_flight::InFlight;
use crate::lists::Kind;
use crate::meta::{Meta, host, read_level};
use crate::modern::{complete, list, write_capabilities};
use crate::params::{Params, text};
use crate::version::Version;

/// Answers `initialize`: the host as it will be served, and the reply.
pub(crate) fn initialize(
    core: &Core,
    caller: &drawbridge_contract::Caller,
    id: &Id,
    params: &Params<'_>,
) -> Result<(Peer, Reply), WireError> {
    let version = Version::negotiate(&text(params.protocol_version, "protocolVersion")?);
    let host = host(params.client_info, params.capabilities, version)?;
    let view = core.handler.view(caller);
    let reply = Reply::object(id, 512 + view.instructions.len(), |object| {
        object.value("protocolVersion", version.as_str());
        object.object("capabilities", |object| write_capabilities(core, version, object));
        object.raw("serverInfo", if version.has_structure() { SERVER_INFO } else { SERVER_INFO_UNTITLED });
        if !view.instructions.is_empty() {
            object.value("instructions", &view.instructions);
        }
    });
    Ok((Peer::new(version, host), reply))
}

/// Serves one request of a session.
pub(crate) fn serve(
    core: &Arc<Core>,
    peer: &Arc<Peer>,
    exchange: Exchange,
    request: &Request<'_>,
    params: &Params<'_>,
    meta: &Meta<'_>,
) -> Work {
    let id = exchange.id.clone();
    match dispatch(core, peer, exchange, &request.method, params, meta) {
        Ok(work) => work,
        Err(error) => Work::Ready(Reply::error(Some(&id), &error)),
    }
}

fn dispatch(
    core: &Arc<Core>,
    peer: &Arc<Peer>,
    exchange: Exchange,
    method: &str,
    params: &Params<'_>,
    meta: &Meta<'_>,
) -> Result<Work, WireError> {
    let version = peer.version;
    match method {
        "tools/call" => {
            let tool = text(params.name, "name")?;
            let target = Target::Tool((*tool).into());
            if let Some(tasks) = tasks::wanted(core, peer, &exchange, &tool, params)? {
                let asking = Asking::read(target, params, peer.host.clone(), meta)?;
                return Ok(tasks::submit(core, peer, exchange, tasks, asking, meta.progress_token()?));
            }
            call(core, peer, exchange, Purpose::Tool, target, params, meta)
        }
        "tools/list" => list(core, &exchange, version, Kind::Tools, params),
        "resources/list" => list(core, &exchange, version, Kind::Resources, params),
        "resources/templates/list" => list(core, &exchange, version, Kind::Templates, params),
        "prompts/list" => list(core, &exchange, version, Kind::Prompts, params),
        "resources/read" => {
            let uri: Box<str> = (*text(params.uri, "uri")?).into();
            call(core, peer, exchange, Purpose::Resource(uri.clone()), Target::Resource(uri), params, meta)
        }
        "prompts/get" => {
            let target = Target::Prompt((*text(params.name, "name")?).into());
            call(core, peer, exchange, Purpose::Prompt, target, params, meta)
        }
        "completion/complete" => complete(core, exchange, version, params),
        "resources/subscribe" => subscribe(core, peer, exchange, params),
        "resources/unsubscribe" => {
            peer.end_watch(&text(params.uri, "uri")?);
            Ok(empty(&exchange.id))
        }
        "logging/setLevel" => {
            let missing = || WireError::invalid_params("`level` is missing");
            peer.level.set(read_level(params.level.ok_or_else(missing)?)?);
            Ok(empty(&exchange.id))
        }
        "tasks/get" => tasks::get(core, peer, exchange, params),
        "tasks/result" => tasks::result(core, peer, exchange, params),
        "tasks/list" => tasks::list(core, peer, exchange, params),
        "tasks/cancel" => tasks::cancel(core, peer, exchange, params),
        "ping" => Ok(empty(&exchange.id)),
        "initialize" => Err(WireError::invalid_request("this session is initialized already; open another")),
        other => Err(WireError::unknown_method(other, version)),
    }
}

fn call(
    core: &Arc<Core>,
    peer: &Arc<Peer>,
    exchange: Exchange,
    purpose: Purpose,
    target: Target,
    params: &Params<'_>,
    meta: &Meta<'_>,
) -> Result<Work, WireError> {
    let asking = Asking::read(target, params, peer.host.clone(), meta)?;
    converse::call(core, peer, exchange, purpose, asking, meta)
}

fn empty(id: &Id) -> Work {
    Work::Ready(Reply::spliced(id, b"{}"))
}

fn subscribe(
    core: &Core,
    peer: &Arc<Peer>,
    exchange: Exchange,
    params: &Params<'_>,
) -> Result<Work, WireError> {
    let uri: Box<str> = (*text(params.uri, "uri")?).into();
    let (handler, caller, peer) = (core.handler.clone(), exchange.caller.clone(), peer.clone());
    let id = exchange.id.clone();
    let answer = async move {
        let kept = match handler.watch(&caller, &uri).await {
            Ok(watch) => peer.keep_watch(&uri, watch),
            Err(refusal) => return refused(&peer, &id, uri, &refusal),
        };
        match kept {
            Ok(()) => Reply::spliced(&id, b"{}"),
            Err(error) => Reply::error(Some(&id), &error),
        }
    };
    Ok(Work::Running(run(exchange.entered, None, answer)))
}

fn refused(peer: &Peer, id: &Id, uri: Box<str>, refusal: &Refusal) -> Reply {
    convert::refusal(peer.version, id, &Purpose::Resource(uri), refusal)
}

/// Takes a notification of the host, in any era. Those that we do not know, and those that make no sense, are ignored,
/// as JSON-RPC wants it.
pub(crate) fn notice(notification: &Notification<'_>, in_flight: &InFlight) {
    if notification.method != "notifications/cancelled" {
        return;
    }
    let params = Params::read(notification.params).unwrap_or_default();
    if let Some(Ok(id)) = params.request_id.map(Id::read) {
        in_flight.cancel(&id);
    }
}

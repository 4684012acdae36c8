//! Requests of other protocols: what holds for the tool that a route names holds for them.

use std::sync::Arc;

use bytes::Bytes;
use drawbridge_contract::{
    Answer, Arguments, Authenticator as _, BoxFuture, Call, Caller, Context, ExchangeBody, ExchangeMethod,
    ExchangeReply, ExchangeRequest, ExchangeRoute, Exchanges, Handler as _, Live, Origin, Outcome, Refusal,
    Target, ToolError,
};
use drawbridge_gateway::{BRIDGE, Decision, GatewaySettings, RAISED, RuleSettings};
use drawbridge_store::{AuditOutcome, By};

use crate::house::Hub;

/// Gives back what it is sent.
pub(crate) struct Echoes;

const fn route(path: &'static str, tool: &'static str) -> ExchangeRoute {
    ExchangeRoute { path, method: ExchangeMethod::Post, tool, body_bytes_max: 1024, headers: &[], title: "" }
}

const TABLE: &[ExchangeRoute] = &[route("/echo", "t_echo"), route("/destroy", "t_destroy")];

impl Exchanges for Echoes {
    fn table(&self) -> &'static [ExchangeRoute] {
        TABLE
    }

    fn exchange<'a>(
        &'a self,
        request: &'a ExchangeRequest,
        _: &'a Context,
    ) -> BoxFuture<'a, Result<ExchangeReply, ToolError>> {
        Box::pin(async { Ok(ExchangeReply::json(200, request.body.clone())) })
    }
}

fn request(path: &str) -> Target {
    let (server, path, body) = ("t".into(), path.into(), Bytes::from_static(b"{}"));
    Target::Exchange(Box::new(ExchangeRequest { server, path, body, ..ExchangeRequest::default() }))
}

async fn send(hub: &Hub, caller: &Arc<Caller>, path: &str) -> Result<Outcome<Answer>, Refusal> {
    let origin = Origin { entrance: "test", ..Origin::default() };
    let call = Call::new(caller.clone(), request(path), Arguments::none(), origin);
    hub.gateway.clone().call(call, Live::default()).await
}

#[tokio::test]
async fn a_request_is_answered_and_is_in_the_audit() {
    let hub = Hub::open();
    let Ok(Outcome::Complete(Answer::Exchange(handle))) = send(&hub, &hub.gateway.owner(), "/echo").await
    else {
        panic!("no answer")
    };
    let reply = handle.take().unwrap();
    assert!(matches!(reply.body, ExchangeBody::Whole(body) if &*body == b"{}"));
    let audit = hub.audit().await;
    let last = audit.last().unwrap();
    assert_eq!((&*last.record.target, last.record.outcome), ("exchange:t/echo", Some(AuditOutcome::Ok)));
}

#[tokio::test]
async fn a_route_is_there_only_for_those_who_may_use_its_tool() {
    let hub = Hub::open();
    let caller = |secret: String| hub.gateway.authenticate(&secret).unwrap();
    let may = caller(hub.add_key("may", &["t_echo"], None).await);
    let may_not = caller(hub.add_key("may-not", &["t_change"], None).await);
    assert!(send(&hub, &may, "/echo").await.is_ok());
    for (caller, path) in [(&may_not, "/echo"), (&may, "/destroy"), (&may, "/nothing")] {
        assert!(matches!(send(&hub, caller, path).await, Err(Refusal::NotFound { .. })), "{path}");
        assert!(hub.gateway.still_allows(caller, &request(path)).is_err());
    }
    assert!(hub.gateway.still_allows(&may, &request("/echo")).is_ok());
}

#[tokio::test]
async fn rules_limits_and_the_bridge_hold_for_them() {
    let deny =
        RuleSettings { tools: vec!["t_echo".to_owned()], when: None, callers: None, then: Decision::Deny };
    let denied = Hub::with(&GatewaySettings { rules: vec![deny], ..GatewaySettings::default() });
    let owner = denied.gateway.owner();
    assert!(matches!(send(&denied, &owner, "/echo").await, Err(Refusal::NotFound { .. })));
    // What asks for the tool asks for the route: this host shows no forms.
    assert!(matches!(send(&denied, &owner, "/destroy").await, Err(Refusal::NeedsApproval(_))));
    let hub = Hub::open();
    let secret = hub.add_key("slow", &["*"], Some(1)).await;
    let slow = hub.gateway.authenticate(&secret).unwrap();
    assert!(send(&hub, &slow, "/echo").await.is_ok());
    assert!(matches!(send(&hub, &slow, "/echo").await, Err(Refusal::RateLimited { .. })));
    hub.elsewhere().settings().set(BRIDGE, RAISED, "bridge.raise", By::now("owner", "test")).await.unwrap();
    assert!(matches!(send(&hub, &hub.gateway.owner(), "/echo").await, Err(Refusal::Raised)));
    assert!(hub.gateway.still_allows(&hub.gateway.owner(), &request("/echo")).is_err());
}

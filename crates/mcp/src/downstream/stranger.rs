//! One that has sent no key yet: its first message brings one, `mcp.auth` with `{"key": "…"}` or `["…"]`, or it leaves.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use drawbridge_contract::{Authenticator, Caller, RawValue};
use serde::Deserialize;
use tokio::time::timeout;

use super::channel::{End, Incoming, Reader};
use crate::encode::Reply;
use crate::envelope::{self, Frame, Id, Message};
use crate::error::WireError;
use crate::limits::{AUTH_BYTES_MAX, AUTH_TIMEOUT};

/// The method that brings a key.
pub(crate) const AUTH: &str = "mcp.auth";

/// What comes of a first message.
pub(crate) struct Admitted {
    /// Who it is and the key that says so, or why nobody.
    pub(crate) caller: Result<(Arc<Caller>, String), String>,
    /// What it is told.
    pub(crate) reply: Bytes,
}

/// Waits for the first message, so long and no longer.
pub(crate) async fn first_message<R: Reader>(reader: &mut R) -> Result<Bytes, End> {
    let unheard = |why: &str| Err(End::NotAuthenticated(why.to_owned()));
    match timeout(AUTH_TIMEOUT, reader.next()).await {
        Err(_) => unheard("no key came in time"),
        Ok(Incoming::Message(message)) if message.len() <= AUTH_BYTES_MAX => Ok(message),
        Ok(Incoming::Message(_) | Incoming::TooLong { .. }) => {
            unheard("the first message is too long for a key")
        }
        Ok(Incoming::Stalled) => Err(End::Stalled),
        Ok(Incoming::End) => Err(End::Left),
    }
}

/// Looks for a key in a first message.
pub(crate) fn admit(first: &[u8], authenticator: &dyn Authenticator) -> Admitted {
    let (id, key) = read(first);
    let known = |key: String| match authenticator.authenticate(&key) {
        Ok(caller) => Ok((caller, key)),
        Err(why) => Err(why.to_string()),
    };
    let caller = key.and_then(known);
    let reply = match &caller {
        Ok((caller, _)) => welcome(id.as_ref(), caller),
        Err(why) => Reply::error(id.as_ref(), &WireError::not_authenticated(why.clone())).message,
    };
    Admitted { caller, reply }
}

/// The answer to a good key: who it belongs to.
pub(crate) fn welcome(id: Option<&Id>, caller: &Caller) -> Bytes {
    // A notification gets no answer, also this one.
    let Some(id) = id else { return Bytes::new() };
    Reply::object(id, 64, |object| object.value("caller", &*caller.id)).message
}

fn read(first: &[u8]) -> (Option<Id>, Result<String, String>) {
    let no_key = || {
        Err(format!(
            "send a key first: {{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"{AUTH}\",\"params\":{{\"key\":\"…\"}}}}, or open this with `Authorization: Bearer …`"
        ))
    };
    match envelope::parse_open(first) {
        Ok(Frame::One(Message::Request(request))) if request.method == AUTH => {
            (Some(request.id.clone()), key_of(request.params).ok_or_else(missing))
        }
        Ok(Frame::One(Message::Notification(notification))) if notification.method == AUTH => {
            (None, key_of(notification.params).ok_or_else(missing))
        }
        Ok(Frame::One(Message::Request(request))) => (Some(request.id.clone()), no_key()),
        Ok(_) => (None, no_key()),
        Err(malformed) => (malformed.id, Err(malformed.error.message.into_owned())),
    }
}

fn missing() -> String {
    format!("{AUTH} takes {{\"key\": \"…\"}} or [\"…\"], and nothing else")
}

/// The key in the parameters of [`AUTH`].
pub(crate) fn key_of(params: Option<&RawValue>) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Named<'a> {
        #[serde(borrow)]
        key: Cow<'a, str>,
    }
    let text = params?.get();
    match text.starts_with('{') {
        true => serde_json::from_str::<Named<'_>>(text).ok().map(|named| named.key.into_owned()),
        false => serde_json::from_str::<[String; 1]>(text).ok().map(|[key]| key),
    }
}

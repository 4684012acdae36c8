//! The key that a request brings: in `Authorization`, and for streams also among the protocols it offers, because
//! browsers let no page set a header there. Never in the URL, which ends up in logs and histories.

use std::fmt;
use std::sync::Arc;

use drawbridge_contract::{Caller, Session};
use http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::guard::{Guard, only};
use crate::problem::{Kind, Problem};

/// How the entry of `Sec-WebSocket-Protocol` begins that carries a key; the secret follows.
pub(crate) const KEY_PROTOCOL: &str = "drawbridge.key.";

/// A key's secret, for as long as something that it opened is open. Nothing prints it.
#[derive(Clone)]
pub(crate) struct Secret(Arc<str>);

impl Secret {
    pub(crate) fn new(secret: &str) -> Self {
        Self(secret.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}

/// What a request was let in by.
#[derive(Clone)]
pub(crate) enum Proof {
    Key(Secret),
    /// A browser's, at the console.
    Session(Session),
}

impl Proof {
    fn whose(&self, guard: &Guard) -> Result<Arc<Caller>, Problem> {
        match self {
            Self::Key(secret) => guard.recognise(&secret.0),
            Self::Session(session) => guard.recognise_session(session),
        }
    }
}

/// Who was let in, and by what: so that it can be asked again whether that still holds.
#[derive(Clone)]
pub(crate) struct Credential {
    pub(crate) caller: Arc<Caller>,
    proof: Proof,
    guard: Guard,
}

impl Credential {
    pub(crate) fn check(guard: Guard, proof: Proof) -> Result<Self, Problem> {
        let caller = proof.whose(&guard)?;
        Ok(Self { caller, proof, guard })
    }

    /// Whether what let it in is still that caller's.
    pub(crate) fn still_holds(&self) -> Result<(), Problem> {
        let caller = self.proof.whose(&self.guard)?;
        if caller.id == self.caller.id {
            Ok(())
        } else {
            Err(drawbridge_contract::Unauthenticated::Unknown.into())
        }
    }
}

/// Whether a request wants to become a WebSocket (RFC 6455, section 4.2.1).
pub(crate) fn is_websocket(headers: &HeaderMap) -> bool {
    headers.get(UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// The secret of an `Authorization: Bearer` header.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let value = only(headers, &AUTHORIZATION).ok().flatten().ok_or_else(no_key)?;
    let (scheme, secret) = value.split_once(' ').ok_or_else(no_key)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(secret.trim()) } else { Err(no_key()) }
}

/// Whether a request brings a key, good or bad, in any of the places where one may stand.
pub(crate) fn brings_key(headers: &HeaderMap) -> bool {
    let offers = |value: &HeaderValue| value.to_str().is_ok_and(|text| text.contains(KEY_PROTOCOL));
    headers.contains_key(AUTHORIZATION)
        || headers.contains_key(X_API_KEY)
        || headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().any(offers)
}

/// How the older of these programs send a key.
pub(crate) const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// The secret of a request: in `Authorization`, or where that is usual in `x-api-key`. Two that differ are none.
pub(crate) fn key_of(headers: &HeaderMap, takes_api_key: bool) -> Result<&str, Problem> {
    if !takes_api_key || !headers.contains_key(X_API_KEY) {
        return bearer(headers);
    }
    let key = only(headers, &X_API_KEY).ok().flatten().ok_or_else(no_key)?.trim();
    match headers.contains_key(AUTHORIZATION) {
        true if bearer(headers)? != key => Err(no_key()),
        _ => Ok(key),
    }
}

/// The secret of a request for a stream. An entry that carries it is taken out, so that nobody after us sees it.
pub(crate) fn secret_of(headers: &mut HeaderMap) -> Result<Secret, Problem> {
    let offered = take_offered(headers)?;
    if headers.contains_key(AUTHORIZATION) {
        return bearer(headers).map(|secret| Secret(secret.into()));
    }
    offered.ok_or_else(no_key)
}

fn take_offered(headers: &mut HeaderMap) -> Result<Option<Secret>, Problem> {
    let (mut keys, mut kept) = (Vec::new(), Vec::new());
    for value in headers.get_all(SEC_WEBSOCKET_PROTOCOL) {
        for entry in value.to_str().map_err(|_| no_key())?.split(',').map(str::trim) {
            match entry.strip_prefix(KEY_PROTOCOL) {
                Some(secret) => keys.push(Secret(secret.into())),
                None => kept.push(entry),
            }
        }
    }
    // Two keys are no key: nobody can say which of them is meant.
    if keys.len() > 1 {
        return Err(no_key());
    }
    if !keys.is_empty() {
        let kept = kept.join(", ");
        replace_offered(&kept, headers);
    }
    Ok(keys.pop())
}

fn replace_offered(kept: &str, headers: &mut HeaderMap) {
    headers.remove(SEC_WEBSOCKET_PROTOCOL);
    if let (false, Ok(kept)) = (kept.is_empty(), HeaderValue::from_str(kept)) {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, kept);
    }
}

fn no_key() -> Problem {
    let why = "send a key: `Authorization: Bearer KEY`; `drawbridge keys add NAME` makes one";
    Problem::new(Kind::NoKey, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (SEC_WEBSOCKET_PROTOCOL, value.parse().unwrap())).collect()
    }

    #[test]
    fn a_key_among_the_protocols_is_taken_and_not_left_behind() {
        let mut headers = offered(&["drawbridge.terminal.v1, drawbridge.key.abc-_1"]);
        assert_eq!(&*secret_of(&mut headers).unwrap().0, "abc-_1");
        assert_eq!(headers[SEC_WEBSOCKET_PROTOCOL], "drawbridge.terminal.v1");
        let mut headers = offered(&["drawbridge.key.abc", "a", "b"]);
        assert_eq!(&*secret_of(&mut headers).unwrap().0, "abc");
        assert_eq!(headers[SEC_WEBSOCKET_PROTOCOL], "a, b");
    }

    #[test]
    fn two_keys_and_no_key_are_refused() {
        for bad in [&["drawbridge.key.a, drawbridge.key.a"][..], &["drawbridge.terminal.v1"], &[]] {
            assert_eq!(secret_of(&mut offered(bad)).unwrap_err().kind, Kind::NoKey, "{bad:?}");
        }
    }

    #[test]
    fn a_bad_header_is_not_made_good_by_a_protocol() {
        let mut headers = offered(&["drawbridge.key.good"]);
        headers.insert(AUTHORIZATION, "Basic bad".parse().unwrap());
        assert_eq!(secret_of(&mut headers).unwrap_err().kind, Kind::NoKey);
    }

    #[test]
    fn a_key_comes_as_api_key_only_where_that_is_usual() {
        let headers = |pairs: &[(&str, &str)]| -> HeaderMap {
            let pair =
                |(name, value): &(&str, &str)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
            pairs.iter().map(pair).collect()
        };
        let both = headers(&[("x-api-key", "a"), ("authorization", "Bearer a")]);
        let differ = headers(&[("x-api-key", "a"), ("authorization", "Bearer b")]);
        assert_eq!(key_of(&headers(&[("x-api-key", "a")]), true).unwrap(), "a");
        assert_eq!(key_of(&headers(&[("authorization", "Bearer b")]), true).unwrap(), "b");
        assert_eq!(key_of(&both, true).unwrap(), "a");
        assert_eq!(key_of(&differ, false).unwrap(), "b");
        for (bad, takes) in [(&differ, true), (&headers(&[("x-api-key", "a")]), false), (&headers(&[]), true)]
        {
            assert_eq!(key_of(bad, takes).unwrap_err().kind, Kind::NoKey);
        }
    }

    #[test]
    fn nothing_prints_a_secret() {
        assert_eq!(format!("{:?}", Secret("abc".into())), "Secret");
    }
}

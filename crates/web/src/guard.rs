//! The guard in front of every route: Host, Origin, then the key. In this order, so that a page in a browser that
//! was led here by a rebound name learns nothing, not even that a key is needed.

use std::collections::HashSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use drawbridge_contract::Authenticator;
use http::header::{AUTHORIZATION, HOST, ORIGIN, WWW_AUTHENTICATE};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, StatusCode, Uri};
use serde_json::json;

/// The one path that answers without a key.
pub(crate) const HEALTH: &str = "/health";

/// What the guard needs to decide.
#[derive(Clone)]
pub struct Guard(Arc<Inner>);

struct Inner {
    authenticator: Arc<dyn Authenticator>,
    names: HostNames,
}

impl Guard {
    /// A guard that lets in those whom `authenticator` knows, asking for one of `names`.
    pub fn new(authenticator: Arc<dyn Authenticator>, names: HostNames) -> Self {
        Self(Arc::new(Inner { authenticator, names }))
    }

    /// The layer: refuses, or puts the `Arc<Caller>` into the request's extensions and goes on.
    pub(crate) async fn check(State(guard): State<Self>, mut request: Request, next: Next) -> Response {
        match guard.admit(&mut request) {
            Ok(()) => next.run(request).await,
            Err(refusal) => refusal.into_response(),
        }
    }

    fn admit(&self, request: &mut Request) -> Result<(), Refused> {
        self.0.names.check(request.uri(), request.headers())?;
        if request.uri().path() == HEALTH {
            return Ok(());
        }
        let secret = bearer(request.headers())?;
        let caller =
            self.0.authenticator.authenticate(secret).map_err(|error| Refused::Unknown(error.to_string()))?;
        request.extensions_mut().insert(caller);
        Ok(())
    }
}

fn bearer(headers: &HeaderMap) -> Result<&str, Refused> {
    let value = only(headers, &AUTHORIZATION).map_err(|()| Refused::NoKey)?.ok_or(Refused::NoKey)?;
    let (scheme, secret) = value.split_once(' ').ok_or(Refused::NoKey)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(secret.trim()) } else { Err(Refused::NoKey) }
}

/// The value of a header that may stand there once at most.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| ()),
        _ => Err(()),
    }
}

/// The names under which this machine may be addressed; everything else is a rebound name or a foreign page.
#[derive(Debug, Clone)]
pub struct HostNames {
    hosts: HashSet<Box<str>>,
    /// Ports on which pages of our own origin live.
    ports: HashSet<u16>,
}

/// A name that cannot be a host name.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a host name (such as `box.lan` or `192.168.1.5`), without scheme or port")]
pub struct HostNamesError(String);

impl HostNames {
    /// The names of the loopback address, which are always there.
    const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

    /// Loopback, and what the owner added. `ports` are those we listen on.
    ///
    /// # Errors
    /// [`HostNamesError`] for a name with a scheme, a port or a path.
    pub fn new(added: &[String], ports: impl IntoIterator<Item = u16>) -> Result<Self, HostNamesError> {
        let mut hosts: HashSet<Box<str>> = Self::LOOPBACK.map(Into::into).into();
        for name in added {
            let authority: Authority = name.parse().map_err(|_| HostNamesError(name.clone()))?;
            if authority.as_str() != authority.host() {
                return Err(HostNamesError(name.clone()));
            }
            hosts.insert(name.to_ascii_lowercase().into());
        }
        Ok(Self { hosts, ports: ports.into_iter().collect() })
    }

    fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Refused> {
        let host = only(headers, &HOST).map_err(|()| Refused::Host)?.ok_or(Refused::Host)?;
        let authority: Authority = host.parse().map_err(|_| Refused::Host)?;
        let named = uri.host().is_none_or(|name| self.is_ours(name));
        if !named || !self.is_ours(authority.host()) || host.contains('@') {
            return Err(Refused::Host);
        }
        match only(headers, &ORIGIN) {
            Ok(None) => Ok(()),
            Ok(Some(origin)) if self.is_own_origin(origin) => Ok(()),
            _ => Err(Refused::Origin),
        }
    }

    fn is_ours(&self, host: &str) -> bool {
        self.hosts.contains(host) || self.hosts.contains(&*host.to_ascii_lowercase())
    }

    /// Whether a page with this origin is one of ours: our name, our port, and nothing else in it.
    fn is_own_origin(&self, origin: &str) -> bool {
        let Some((scheme, rest)) = origin.split_once("://") else { return false };
        let Ok(authority) = rest.parse::<Authority>() else { return false };
        let default_port = match scheme {
            "http" => 80,
            "https" => 443,
            _ => return false,
        };
        let port = authority.port_u16().unwrap_or(default_port);
        !rest.contains('@') && self.is_ours(authority.host()) && self.ports.contains(&port)
    }
}

/// Why the guard refused.
#[derive(Debug)]
enum Refused {
    Host,
    Origin,
    NoKey,
    Unknown(String),
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, why) = match self {
            Self::Host => (
                StatusCode::FORBIDDEN,
                "the Host header names another machine; add the name to `allowed_hosts` if it is this one"
                    .to_owned(),
            ),
            Self::Origin => (StatusCode::FORBIDDEN, "the Origin header names a foreign page".to_owned()),
            Self::NoKey => (
                StatusCode::UNAUTHORIZED,
                "send a key: `Authorization: Bearer KEY`; `drawbridge keys add NAME` makes one".to_owned(),
            ),
            Self::Unknown(why) => (StatusCode::UNAUTHORIZED, why),
        };
        tracing::info!(%status, why, "refused at the entrance");
        let mut response = (status, Json(json!({ "error": why }))).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(WWW_AUTHENTICATE, http::HeaderValue::from_static("Bearer realm=\"drawbridge\""));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(host: &[&str], origin: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in host {
            headers.append(HOST, value.parse().unwrap());
        }
        for value in origin {
            headers.append(ORIGIN, value.parse().unwrap());
        }
        let names = HostNames::new(&["Box.lan".to_owned()], [4747]).unwrap();
        names.check(&Uri::from_static("/mcp"), &headers).is_ok()
    }

    #[test]
    fn a1_only_our_own_names_are_served() {
        for good in ["localhost", "localhost:4747", "127.0.0.1:1", "[::1]:4747", "LOCALHOST", "box.LAN:4747"]
        {
            assert!(check(&[good], &[]), "{good}");
        }
        for bad in [
            "evil.test",
            "127.0.0.1.evil",
            "localhost.evil:4747",
            "localhost@evil",
            "evil@localhost",
            "",
            "127.0.0.1 ",
            "[::2]",
        ] {
            assert!(!check(&[bad], &[]), "{bad}");
        }
        assert!(!check(&[], &[]));
        assert!(!check(&["localhost", "localhost"], &[]));
    }

    #[test]
    fn a2_an_origin_must_be_ours_and_alone() {
        assert!(check(&["localhost:4747"], &["http://localhost:4747"]));
        assert!(check(&["localhost:4747"], &["http://127.0.0.1:4747"]));
        for bad in [
            "null",
            "http://evil.test",
            "http://localhost",
            "http://localhost:3000",
            "http://127.0.0.1.evil:4747",
            "file://",
            "http://a@localhost:4747",
            "http://localhost:4747/",
            "ftp://localhost:4747",
            "localhost:4747",
        ] {
            assert!(!check(&["localhost:4747"], &[bad]), "{bad}");
        }
        assert!(
            !check(&["evil.test"], &["http://evil.test"]),
            "an evil host that agrees with an evil origin"
        );
        assert!(!check(&["localhost:4747"], &["http://localhost:4747", "http://localhost:4747"]));
    }

    #[test]
    fn a_name_with_more_than_a_name_in_it_is_refused() {
        for bad in ["http://box", "box:80", "box/x", "", "a b"] {
            assert!(HostNames::new(&[bad.to_owned()], []).is_err(), "{bad:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_beyond_our_names_passes(host in "[a-z0-9.:@\\[\\]-]{0,24}") {
            let name = host.rsplit_once(':').map_or(host.as_str(), |(name, port)| if port.parse::<u16>().is_ok() { name } else { host.as_str() });
            let ours = ["localhost", "127.0.0.1", "[::1]", "box.lan"].contains(&name);
            if check(&[&host], &[]) {
                proptest::prop_assert!(ours || host.trim_end_matches(':') == name.trim_end_matches(':') && ["localhost", "127.0.0.1", "[::1]", "box.lan"].contains(&host.trim_end_matches(':')));
            }
        }
    }
}

//! The guard in front of every route: Host, Origin, then the key. In this order, so that a page in a browser that
//! was led here by a rebound name learns nothing, not even that a key is needed.

use std::collections::HashSet;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use drawbridge_contract::{Authenticator, Caller, Session};
use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, Uri};

use crate::browser::{check_page, is_open, session_of};
use crate::credential::{Credential, Proof, Secret, X_API_KEY, brings_key, is_websocket, secret_of};
use crate::exchange::Paths;
use crate::pipe::is_pipe;
use crate::problem::{Kind, Problem};
use crate::ws::WS_PATH;

/// The one path that answers without a key.
pub(crate) const HEALTH: &str = "/health";

/// What the guard needs to decide.
#[derive(Clone)]
pub struct Guard {
    inner: Arc<Inner>,
    /// Where a key may also come as `x-api-key`.
    api_key_paths: Arc<Paths>,
    /// Knows the sessions of browsers; without it there is no console.
    sessions: Option<Arc<dyn Authenticator>>,
}

struct Inner {
    authenticator: Arc<dyn Authenticator>,
    names: HostNames,
}

impl Guard {
    /// A guard that lets in those whom `authenticator` knows, asking for one of `names`.
    pub fn new(authenticator: Arc<dyn Authenticator>, names: HostNames) -> Self {
        Self {
            inner: Arc::new(Inner { authenticator, names }),
            api_key_paths: Arc::default(),
            sessions: None,
        }
    }

    /// The same, and the console is served: its files and its sign-in to everybody who asks by one of our names, and
    /// everything else also to browsers whose session `sessions` knows.
    pub fn with_sessions(self, sessions: Arc<dyn Authenticator>) -> Self {
        Self { sessions: Some(sessions), ..self }
    }

    /// The same, and at these paths a key may also come as `x-api-key`: for programs that send it nowhere else.
    pub(crate) fn taking_api_keys_at(self, paths: Paths) -> Self {
        Self { api_key_paths: Arc::new(paths), ..self }
    }

    /// The layer: refuses, or puts the `Arc<Caller>` into the request's extensions and goes on.
    pub(crate) async fn check(State(guard): State<Self>, mut request: Request, next: Next) -> Response {
        match guard.admit(&mut request) {
            Ok(()) => next.run(request).await,
            Err(refusal) => refuse(refusal),
        }
    }

    /// Who holds this secret, as of now.
    pub(crate) fn recognise(&self, secret: &str) -> Result<Arc<Caller>, Problem> {
        Ok(self.inner.authenticator.authenticate(secret)?)
    }

    /// Whose session this is, as of now.
    pub(crate) fn recognise_session(&self, session: &Session) -> Result<Arc<Caller>, Problem> {
        let sessions = self.sessions.as_ref().ok_or(drawbridge_contract::Unauthenticated::Unknown)?;
        Ok(sessions.authenticate(session.secret())?)
    }

    fn admit(&self, request: &mut Request) -> Result<(), Problem> {
        self.inner.names.check(request.uri(), request.headers())?;
        let path = request.uri().path();
        if path == HEALTH || self.sessions.is_some() && is_open(request.method(), path) {
            return Ok(());
        }
        if let Some(session) = self.session_of(request) {
            return self.admit_browser(request, session);
        }
        if path == WS_PATH && is_websocket(request.headers()) {
            return self.admit_to_channel(request);
        }
        if is_websocket(request.headers()) || is_pipe(request.headers()) {
            return self.admit_stream(request);
        }
        let takes_api_key = self.api_key_paths.contain(request.uri().path());
        let caller = self.recognise(crate::credential::key_of(request.headers(), takes_api_key)?)?;
        request.extensions_mut().insert(caller);
        Ok(())
    }

    /// Whose request this is, to a path that always needs a key.
    pub(crate) fn caller_of(&self, uri: &Uri, headers: &HeaderMap) -> Result<Arc<Caller>, Problem> {
        self.inner.names.check(uri, headers)?;
        let takes_api_key = self.api_key_paths.contain(uri.path());
        self.recognise(crate::credential::key_of(headers, takes_api_key)?)
    }

    /// The session of a browser; none where the request brings a key as well, which then is what counts.
    fn session_of(&self, request: &Request) -> Option<Session> {
        self.sessions.as_ref()?;
        session_of(request.headers()).filter(|_| !brings_key(request.headers()))
    }

    /// Lets in what a page of the console asks. The session goes along, for what only a person may do.
    fn admit_browser(&self, request: &mut Request, session: Session) -> Result<(), Problem> {
        check_page(request.method(), request.headers())?;
        let credential = Credential::check(self.clone(), Proof::Session(session.clone()))?;
        request.extensions_mut().insert(session);
        request.extensions_mut().insert(credential.caller.clone());
        request.extensions_mut().insert(credential);
        Ok(())
    }

    /// A WebSocket that carries messages: one that brings no key may send it as its first message. One that brings a bad
    /// key is turned away.
    fn admit_to_channel(&self, request: &mut Request) -> Result<(), Problem> {
        let headers = request.headers();
        match headers.contains_key(X_API_KEY) {
            true => {
                let secret = Secret::new(crate::credential::key_of(headers, true)?);
                self.keep(request, secret)
            }
            false if brings_key(headers) => self.admit_stream(request),
            false => Ok(()),
        }
    }

    /// A stream outlives its request, so what let it in is kept, to be checked again.
    fn admit_stream(&self, request: &mut Request) -> Result<(), Problem> {
        let secret = secret_of(request.headers_mut())?;
        self.keep(request, secret)
    }

    fn keep(&self, request: &mut Request, secret: Secret) -> Result<(), Problem> {
        let credential = Credential::check(self.clone(), Proof::Key(secret))?;
        request.extensions_mut().insert(credential.caller.clone());
        request.extensions_mut().insert(credential);
        Ok(())
    }
}

/// The answer to a request that is not let in.
pub(crate) fn refuse(problem: Problem) -> Response {
    tracing::info!(status = %problem.status(), why = problem.detail, "refused at the entrance");
    problem.into_response()
}

/// The value of a header that may stand there once at most.
pub(crate) fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ()> {
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

    fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
        let host = only(headers, &HOST).ok().flatten().ok_or_else(foreign_host)?;
        let authority: Authority = host.parse().map_err(|_| foreign_host())?;
        let named = uri.host().is_none_or(|name| self.is_ours(name));
        if !named || !self.is_ours(authority.host()) || host.contains('@') {
            return Err(foreign_host());
        }
        match only(headers, &ORIGIN) {
            Ok(None) => Ok(()),
            Ok(Some(origin)) if self.is_own_origin(origin) => Ok(()),
            _ => Err(foreign_origin()),
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

fn foreign_host() -> Problem {
    let why = "the Host header names another machine; add the name to `allowed_hosts` if it is this one";
    Problem::new(Kind::ForeignHost, why)
}

fn foreign_origin() -> Problem {
    Problem::new(Kind::ForeignOrigin, "the Origin header names a foreign page")
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

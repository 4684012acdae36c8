//! The requests.

use std::net::IpAddr;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Method, RequestBuilder, Response, Url};

use crate::resolve::PublicOnly;
use crate::{AllowedHosts, OutboundError, is_public};

/// The longest URL that is asked, in bytes.
const URL_BYTES_MAX: usize = 8 << 10;

/// How requests are made.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Hosts that may be reached although their addresses are private.
    pub allowed: AllowedHosts,
    /// Who asks, as servers see it.
    pub user_agent: String,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long nothing may come while an answer is awaited or read.
    pub read_timeout: Duration,
    /// How long everything together may take; `None` for streams that may go on.
    pub timeout: Option<Duration>,
}

impl Default for Settings {
    /// No host is allowed; ten seconds to connect, thirty of silence, a minute for everything.
    fn default() -> Self {
        Self {
            allowed: AllowedHosts::default(),
            user_agent: concat!("drawbridge/", env!("CARGO_PKG_VERSION")).into(),
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            timeout: Some(Duration::from_secs(60)),
        }
    }
}

/// Makes requests to where the rules let them go. Keep one: it holds open connections, and reads the certificates of the
/// authorities with its first request.
pub struct Outbound {
    settings: Settings,
    /// Dials public addresses only.
    public: OnceLock<Client>,
    /// Dials whatever a name leads to. For allowed hosts only.
    trusted: OnceLock<Client>,
}

impl Outbound {
    /// Prepares, and does nothing yet.
    pub fn new(settings: Settings) -> Self {
        Self { settings, public: OnceLock::new(), trusted: OnceLock::new() }
    }

    /// How requests are made.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A request, to be filled and handed to [`Self::send`].
    ///
    /// # Errors
    /// [`OutboundError::BadUrl`], and [`OutboundError::Refused`] when the URL itself names a private address.
    pub fn request(&self, method: Method, url: &str) -> Result<RequestBuilder, OutboundError> {
        let url = self.check(url)?;
        Ok(self.client(&url)?.request(method, url))
    }

    /// Sends a request. An answer is an answer, whatever its status is; a redirect, too.
    ///
    /// # Errors
    /// Every [`OutboundError`] but [`OutboundError::TooLarge`].
    pub async fn send(&self, request: RequestBuilder) -> Result<Response, OutboundError> {
        Ok(request.send().await?)
    }

    /// Checks a URL that will be asked later, as far as that can be known now: names are looked up when they are dialled.
    ///
    /// # Errors
    /// As [`Self::request`].
    pub fn check(&self, url: &str) -> Result<Url, OutboundError> {
        let bad = |problem| OutboundError::BadUrl { problem };
        if url.len() > URL_BYTES_MAX {
            return Err(bad("it is longer than 8 KiB"));
        }
        let url = Url::parse(url).map_err(|_| bad("write it out, like https://example.com/path"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(bad("only http and https are spoken"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(bad(
                "it has a name or password before its host, where logs would show it; leave them out",
            ));
        }
        let host = url.host_str().ok_or_else(|| bad("it has no host"))?;
        if !self.settings.allowed.allow(&url) && is_private_literal(host) {
            return Err(OutboundError::Refused { host: host.to_owned() });
        }
        Ok(url)
    }

    fn client(&self, url: &Url) -> Result<&Client, OutboundError> {
        if self.settings.allowed.allow(url) {
            built(&self.trusted, || self.builder())
        } else {
            built(&self.public, || self.builder().dns_resolver(PublicOnly))
        }
    }

    fn builder(&self) -> ClientBuilder {
        let Settings { user_agent, connect_timeout, read_timeout, timeout, .. } = &self.settings;
        let builder = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .user_agent(user_agent)
            .connect_timeout(*connect_timeout)
            .read_timeout(*read_timeout)
            .tcp_nodelay(true);
        match timeout {
            Some(timeout) => builder.timeout(*timeout),
            None => builder,
        }
    }
}

/// Reads an answer's body, up to a bound.
///
/// # Errors
/// [`OutboundError::TooLarge`], and what breaks off.
pub async fn body(mut response: Response, bytes_max: usize) -> Result<Bytes, OutboundError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > bytes_max {
            return Err(OutboundError::TooLarge { bytes_max });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn built(slot: &OnceLock<Client>, builder: impl FnOnce() -> ClientBuilder) -> Result<&Client, OutboundError> {
    if let Some(client) = slot.get() {
        return Ok(client);
    }
    let client = builder().build()?;
    Ok(slot.get_or_init(|| client))
}

/// A host that is an address is dialled without being looked up.
fn is_private_literal(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.parse::<IpAddr>().is_ok_and(|address| !is_public(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str) -> Result<Url, OutboundError> {
        Outbound::new(Settings::default()).check(url)
    }

    #[test]
    fn g1_private_addresses_are_refused_however_they_are_written() {
        for url in [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0177.0.0.1/",
            "http://[::1]/",
            "http://[::ffff:7f00:1]/",
            "http://[::ffff:10.0.0.1]:80/",
            "https://169.254.169.254/latest",
            "http://0/",
            "http://%31%32%37.0.0.1/",
            "http://127。0。0。1/",
            "http://10.0.0.1.:80/",
        ] {
            assert!(
                matches!(check(url), Err(OutboundError::Refused { .. } | OutboundError::BadUrl { .. })),
                "{url}"
            );
        }
        assert!(check("https://8.8.8.8/x?y").is_ok());
    }

    #[test]
    fn what_cannot_be_asked_is_refused() {
        let long = format!("http://example.com/{}", "x".repeat(URL_BYTES_MAX));
        for url in [
            "",
            "example.com",
            "/x",
            "file:///etc/passwd",
            "ftp://example.com/",
            "gopher://example.com/",
            "http://",
            "http://u:p@example.com/",
            "http://u@example.com/",
            long.as_str(),
        ] {
            assert!(matches!(check(url), Err(OutboundError::BadUrl { .. })), "{url}");
        }
    }
}

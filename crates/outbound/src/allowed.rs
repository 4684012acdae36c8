//! The hosts that the owner lets through although their addresses are private.

use std::net::IpAddr;
use std::str::FromStr;

use reqwest::Url;

/// Why an entry is not a host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{entry:?} is not a host: write a name or an address, with a port or without: nas.lan, 127.0.0.1:9000, [::1]:9000"
)]
pub struct BadHost {
    /// As it was written.
    pub entry: String,
}

/// Hosts that may be reached whatever their addresses are. Empty: none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedHosts(Vec<Entry>);

/// One host, as URLs write it (lower case, addresses in their shortest form), and its port; `None` for any.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    host: String,
    port: Option<u16>,
}

impl AllowedHosts {
    /// Reads entries like `nas.lan`, `127.0.0.1:9000`, `[::1]` or `::1`.
    ///
    /// # Errors
    /// The first entry that is no host.
    pub fn parse<S: AsRef<str>>(entries: impl IntoIterator<Item = S>) -> Result<Self, BadHost> {
        entries.into_iter().map(|entry| entry.as_ref().parse()).collect::<Result<_, _>>().map(Self)
    }

    /// Whether the owner allowed the host of an address, and its port.
    pub fn allow(&self, url: &Url) -> bool {
        let (Some(host), port) = (url.host_str(), url.port_or_known_default()) else { return false };
        self.0.iter().any(|entry| entry.host == host && entry.port.is_none_or(|of| Some(of) == port))
    }
}

impl FromStr for Entry {
    type Err = BadHost;

    fn from_str(text: &str) -> Result<Self, BadHost> {
        let bad = || BadHost { entry: text.to_owned() };
        let text = text.trim();
        // An address of version 6 without brackets has no port; everything else is the middle of a URL.
        let authority = match text.parse::<IpAddr>() {
            Ok(IpAddr::V6(address)) => format!("[{address}]"),
            _ => text.to_owned(),
        };
        if authority.is_empty() || authority.contains(['/', '@', '?', '#', '\\', '*']) {
            return Err(bad());
        }
        // A URL leaves out its scheme's own port: with two schemes, one of them keeps it.
        let read = |scheme: &str| Url::parse(&format!("{scheme}://{authority}/")).map_err(|_| bad());
        let (http, https) = (read("http")?, read("https")?);
        let host = http.host_str().ok_or_else(bad)?.to_owned();
        Ok(Self { host, port: http.port().or(https.port()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(entry: &str, url: &str) -> bool {
        AllowedHosts::parse([entry]).unwrap().allow(&Url::parse(url).unwrap())
    }

    #[test]
    fn a_host_is_allowed_with_its_port_or_any() {
        assert!(allows("nas.lan", "http://nas.lan:8080/x"));
        assert!(allows("NAS.lan", "http://nas.LAN/"));
        assert!(allows("127.0.0.1:9000", "http://127.0.0.1:9000/"));
        assert!(allows("127.0.0.1:9000", "http://0x7f.1:9000/"), "the same address, written otherwise");
        assert!(allows("[::1]:9000", "http://[0:0::1]:9000/"));
        assert!(allows("::1", "http://[::1]:7/"));
        assert!(allows("nas.lan:80", "http://nas.lan/"));
        assert!(allows("nas.lan:443", "https://nas.lan/"));
    }

    #[test]
    fn what_only_looks_like_it_is_not() {
        assert!(!allows("nas.lan", "http://nas.lan.example.com/"));
        assert!(!allows("nas.lan", "http://x.nas.lan/"));
        assert!(!allows("127.0.0.1:9000", "http://127.0.0.1:9001/"));
        assert!(!allows("127.0.0.1:80", "https://127.0.0.1/"));
        assert!(!allows("nas.lan", "http://nas.lan@evil.example/"));
        assert!(!AllowedHosts::default().allow(&Url::parse("http://nas.lan/").unwrap()));
    }

    #[test]
    fn entries_that_are_no_hosts_are_refused() {
        for entry in ["", " ", "http://nas.lan", "nas.lan/x", "a b", "*.lan", "nas.lan:99999", "u@nas.lan"] {
            assert!(AllowedHosts::parse([entry]).is_err(), "{entry:?}");
        }
    }
}

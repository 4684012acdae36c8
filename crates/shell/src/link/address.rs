//! Where a hub is that is elsewhere.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

/// The port of a hub that nobody said otherwise of, and that of HTTPS, behind which hubs stand that have a name.
const PORT: u16 = 4747;
const PORT_TLS: u16 = 443;
/// Where the WebSocket of a hub is.
const PATH: &str = "/ws";

/// The address of a hub: `ws://HOST:PORT`, or `wss://HOST`, which is encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// With TLS.
    pub(super) is_secure: bool,
    /// A name, or the number of a machine; without the brackets of IPv6.
    pub(super) host: String,
    pub(super) port: u16,
    /// Of its WebSocket.
    pub(super) path: String,
}

/// Why an address is none.
#[derive(Debug, thiserror::Error)]
#[error("{0} is no address of a hub: write wss://HOST, or ws://HOST:PORT, and the key into DRAWBRIDGE_KEY")]
pub struct AddressError(String);

impl Address {
    /// A hub that listens here, not encrypted.
    pub fn of(listens: SocketAddr) -> Self {
        let (host, port) = (listens.ip().to_string(), listens.port());
        Self { is_secure: false, host, port, path: PATH.to_owned() }
    }

    /// Its host and port, as a URL has them.
    pub(super) fn authority(&self) -> String {
        let (host, port) = (&self.host, self.port);
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.authority())
    }
}

impl FromStr for Address {
    type Err = AddressError;

    /// Without a scheme it is not encrypted. `http` and `https` are taken for `ws` and `wss`, and `/ws` is added to a path
    /// that ends otherwise: what stands in front of a hub may have it below a path of its own.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let wrong = || AddressError(text.to_owned());
        let (scheme, rest) = text.split_once("://").unwrap_or(("ws", text));
        let is_secure = match scheme {
            "ws" | "http" => false,
            "wss" | "https" => true,
            _ => return Err(wrong()),
        };
        let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
        let usual = if is_secure { PORT_TLS } else { PORT };
        let (host, port) = host_and_port(authority, usual).ok_or_else(wrong)?;
        let strange = |sign: char| !sign.is_ascii_graphic() || "@?#\\".contains(sign);
        if host.is_empty() || rest.contains(strange) {
            return Err(wrong());
        }
        let path = path.trim_end_matches('/');
        let path = if path.ends_with(PATH) { path.to_owned() } else { format!("{path}{PATH}") };
        Ok(Self { is_secure, host: host.to_owned(), port, path })
    }
}

fn host_and_port(authority: &str, usual: u16) -> Option<(&str, u16)> {
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => (host, if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) }),
        None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
    };
    Some((host, port.map_or(Some(usual), |port| port.parse().ok())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_hubs() {
        for (text, expected) in [
            ("ws://hub:1", "ws hub:1 /ws"),
            ("http://127.0.0.1:4747/ws", "ws 127.0.0.1:4747 /ws"),
            ("hub", "ws hub:4747 /ws"),
            ("[::1]:5", "ws [::1]:5 /ws"),
            ("ws://[::1]/", "ws [::1]:4747 /ws"),
            ("wss://example.org", "wss example.org:443 /ws"),
            ("https://example.org:8443/my/hub/", "wss example.org:8443 /my/hub/ws"),
            ("wss://example.org/my/ws", "wss example.org:443 /my/ws"),
        ] {
            let address: Address = text.parse().unwrap();
            let scheme = if address.is_secure { "wss" } else { "ws" };
            assert_eq!(format!("{scheme} {address} {}", address.path), expected, "{text}");
        }
    }

    #[test]
    fn what_is_none_is_told_and_keys_have_no_place_in_it() {
        for text in [
            "",
            "ws://",
            "ftp://hub",
            "ws://key@hub",
            "wss://hub/?key=x",
            "hub:",
            "hub:x",
            "hub:70000",
            "[::1",
            "a b",
            "ws://a\u{e9}",
            "wss://hub#x",
            "::1",
        ] {
            assert!(text.parse::<Address>().unwrap_err().to_string().contains("DRAWBRIDGE_KEY"), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_address_makes_it_panic(text in "\\PC{0,40}") {
            let _ = text.parse::<Address>();
        }
    }
}

//! Where a provider is, and whether a key may be sent there.

use std::net::IpAddr;

use drawbridge_outbound::{Url, is_public};

use crate::error::OpenError;
use crate::settings::ProviderSettings;

/// The address as requests begin: without a slash at its end, and without the `/v1` that people copy along.
///
/// # Errors
/// [`OpenError`] when it is no HTTP address, or a key would travel in clear beyond the owner's own network.
pub(super) fn base(settings: &ProviderSettings) -> Result<String, OpenError> {
    let bad = |why: &str| OpenError::Address { address: settings.address.clone(), why: why.to_owned() };
    let url = Url::parse(&settings.address).map_err(|_| bad("write it out, like http://127.0.0.1:1234"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad("only http and https are spoken"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("it has a password in it; write the key as key = \"secret:NAME\""));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(bad("leave out what follows `?` or `#`"));
    }
    if settings.key.is_some() && url.scheme() == "http" && !is_own(&url) {
        let (provider, address) = (settings.name.clone(), settings.address.clone());
        return Err(OpenError::KeyInClear { provider, address });
    }
    let text = url.as_str().trim_end_matches('/');
    Ok(text.strip_suffix("/v1").unwrap_or(text).trim_end_matches('/').to_owned())
}

/// Whether it is this machine, or in a private network, and written so that nobody else decides that.
fn is_own(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| !is_public(address))
}

/// Host and port of a base, as the outbound rules want it.
pub(super) fn host(base: &str) -> String {
    let authority = base.split_once("://").map_or(base, |(_, rest)| rest);
    authority.split('/').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{ProviderKind, Secret};

    fn read(address: &str, key: bool) -> Result<String, OpenError> {
        let settings = ProviderSettings::new("p", ProviderKind::Compatible);
        let key = key.then(|| Secret::new("k"));
        base(&ProviderSettings { address: address.to_owned(), key, ..settings })
    }

    #[test]
    fn what_people_copy_along_is_left_out() {
        for address in [
            "http://127.0.0.1:1234",
            "http://127.0.0.1:1234/",
            "http://127.0.0.1:1234/v1",
            "http://127.0.0.1:1234/v1/",
        ] {
            assert_eq!(read(address, false).unwrap(), "http://127.0.0.1:1234");
        }
        assert_eq!(
            read("https://api.example.org/openai/v1", true).unwrap(),
            "https://api.example.org/openai"
        );
        assert_eq!(host("https://api.example.org:8443/openai"), "api.example.org:8443");
        assert_eq!(host("http://[::1]:80"), "[::1]:80");
    }

    #[test]
    fn a_key_does_not_travel_in_clear() {
        for own in ["http://localhost:1", "http://127.0.0.1", "http://192.168.1.7:11434", "http://[::1]:1"] {
            assert!(read(own, true).is_ok(), "{own}");
        }
        for foreign in ["http://api.example.org", "http://8.8.8.8", "http://127.0.0.1.example.org"] {
            assert!(matches!(read(foreign, true), Err(OpenError::KeyInClear { .. })), "{foreign}");
            assert!(read(foreign, false).is_ok());
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in [
            "",
            "127.0.0.1:1234",
            "ftp://a",
            "https://u:p@a",
            "https://a?x=1",
            "https://a/#b",
            "file:///etc/passwd",
        ] {
            assert!(matches!(read(bad, false), Err(OpenError::Address { .. })), "{bad}");
        }
    }
}

//! Names become addresses, and those that may not be dialled are left out. The client dials what is left, and asks no
//! second time: a name that changes its mind gains nothing.

use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::is_public;

/// A name that leads to a private network only.
#[derive(Debug, thiserror::Error)]
#[error("{host} has no public address")]
pub(crate) struct RefusedAddress {
    pub(crate) host: String,
}

/// Resolves to public addresses only.
pub(crate) struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(public(name.as_str(), found)?)
        })
    }
}

fn public(host: &str, found: impl Iterator<Item = SocketAddr>) -> Result<Addrs, RefusedAddress> {
    let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
    if public.is_empty() {
        return Err(RefusedAddress { host: host.to_owned() });
    }
    Ok(Box::new(public.into_iter()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn only_public_addresses_are_left() {
        let found = addresses(&["127.0.0.1:0", "8.8.8.8:0", "[fe80::1]:0"]);
        let left: Vec<_> = public("mixed.example", found.into_iter()).unwrap().collect();
        assert_eq!(left, addresses(&["8.8.8.8:0"]));
        assert!(public("rebound.example", addresses(&["10.0.0.1:0"]).into_iter()).is_err());
    }
}

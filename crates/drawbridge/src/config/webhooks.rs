//! The fields of `[webhooks]`.

use drawbridge_outbound::{AllowedHosts, BadHost};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Webhooks {
    /// Hosts that may be told although they are in a private network, and to which callbacks of single jobs may go.
    pub(crate) allow: Hosts,
    /// Whether callbacks of single jobs may go to any public host.
    pub(crate) callbacks_anywhere: bool,
}

/// Names or addresses, with a port or without.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(try_from = "Vec<String>")]
pub(crate) struct Hosts(Vec<String>);

impl TryFrom<Vec<String>> for Hosts {
    type Error = BadHost;

    fn try_from(entries: Vec<String>) -> Result<Self, BadHost> {
        AllowedHosts::parse(&entries).map(|_| Self(entries))
    }
}

impl Hosts {
    /// As those who dial want them. They were checked when they were read.
    pub(crate) fn allowed(&self) -> AllowedHosts {
        AllowedHosts::parse(&self.0).unwrap_or_default()
    }
}

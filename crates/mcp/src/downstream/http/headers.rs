//! What the headers say, and whether the body says the same.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use drawbridge_contract::Caller;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName};

use crate::core::Core;
use crate::envelope::{Request, string};
use crate::error::WireError;
use crate::meta::Meta;
use crate::mirrored::{Mirror, agrees};
use crate::params::Params;
use crate::version::Version;

pub(super) const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
pub(super) const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
pub(super) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const NAME: HeaderName = HeaderName::from_static("mcp-name");

/// Whether the body claims to be JSON. Forms of other pages cannot claim that without asking first (CVE-2026-33252).
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let Ok(Some(value)) = only(headers, &CONTENT_TYPE) else { return false };
    let essence = value.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

/// What kinds of answers the client takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Accepts {
    pub(super) json: bool,
    pub(super) events: bool,
}

impl Accepts {
    /// A client that says nothing takes everything.
    pub(super) fn read(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(ACCEPT).iter().peekable();
        if values.peek().is_none() {
            return Self { json: true, events: true };
        }
        let mut accepts = Self { json: false, events: false };
        for range in values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')) {
            match range.split(';').next().unwrap_or_default().trim() {
                "*/*" => accepts = Self { json: true, events: true },
                "application/json" | "application/*" => accepts.json = true,
                "text/event-stream" | "text/*" => accepts.events = true,
                _ => {}
            }
        }
        accepts
    }
}

/// The value of a header that may stand there once at most. Twice, or not ASCII: nobody can say what it means.
pub(super) fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, WireError> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => match value.to_str() {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(WireError::header_mismatch(format!(
                "the header {name} has characters beyond visible ASCII"
            ))),
        },
        _ => Err(WireError::header_mismatch(format!("the header {name} is there twice"))),
    }
}

/// Checks a modern request: its metadata, then that the headers say what the body says.
pub(super) fn check(
    core: &Core,
    caller: &Caller,
    headers: &HeaderMap,
    request: &Request<'_>,
    params: &Params<'_>,
    meta: &Meta<'_>,
) -> Result<(), WireError> {
    let version = meta.version_text()?;
    let declared = meta.check_modern();
    if let Err(error) = declared.as_ref().map_err(Clone::clone)
        && error.code != crate::error::UNSUPPORTED_VERSION
    {
        return Err(error);
    }
    agree("MCP-Protocol-Version", only(headers, &PROTOCOL_VERSION)?, &version)?;
    declared?;
    agree("Mcp-Method", only(headers, &METHOD)?, &request.method)?;
    let Some(named) = named(request, params) else { return Ok(()) };
    let header = only(headers, &NAME)?.map(|value| decode("Mcp-Name", value)).transpose()?;
    agree("Mcp-Name", header.as_deref(), &named)?;
    if request.method == "tools/call" { check_mirrors(core, caller, headers, &named, params) } else { Ok(()) }
}

/// What `Mcp-Name` mirrors. A body without it is refused later, for that reason.
fn named<'a>(request: &Request<'_>, params: &Params<'a>) -> Option<Cow<'a, str>> {
    match &*request.method {
        "tools/call" | "prompts/get" => params.name.and_then(string),
        "resources/read" => params.uri.and_then(string),
        "tasks/get" | "tasks/update" | "tasks/cancel" => params.task_id.and_then(string),
        _ => None,
    }
}

fn agree(name: &str, header: Option<&str>, body: &str) -> Result<(), WireError> {
    match header {
        Some(value) if value == body => Ok(()),
        Some(value) => {
            Err(WireError::header_mismatch(format!("the header {name} says {value:?}, the body {body:?}")))
        }
        None => {
            Err(WireError::header_mismatch(format!("the header {name} is missing; the body says {body:?}")))
        }
    }
}

/// The value of a header that may carry its text as `=?base64?…?=`.
fn decode<'a>(name: &str, value: &'a str) -> Result<Cow<'a, str>, WireError> {
    let Some(encoded) = value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) else {
        return Ok(Cow::Borrowed(value));
    };
    let bytes = STANDARD.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    bytes
        .map(Cow::Owned)
        .ok_or_else(|| WireError::header_mismatch(format!("the header {name} is not Base64 of UTF-8")))
}

fn check_mirrors(
    core: &Core,
    caller: &Caller,
    headers: &HeaderMap,
    tool: &str,
    params: &Params<'_>,
) -> Result<(), WireError> {
    let mirrors = core.mirrored.of(&core.handler.view(caller));
    let Some(mirrors) = mirrors.get(tool) else { return Ok(()) };
    let arguments = params.arguments()?;
    mirrors.iter().try_for_each(|mirror| check_mirror(headers, mirror, arguments.value()))
}

fn check_mirror(
    headers: &HeaderMap,
    mirror: &Mirror,
    arguments: &serde_json::Value,
) -> Result<(), WireError> {
    let name = &*mirror.header;
    let Ok(header_name) = HeaderName::try_from(name) else { return Ok(()) };
    let header = only(headers, &header_name)?.map(|value| decode(name, value)).transpose()?;
    match (header, mirror.value_in(arguments)) {
        (None, None) => Ok(()),
        (Some(said), Some(value)) if agrees(&said, value) => Ok(()),
        (None, Some(_)) => Err(WireError::header_mismatch(format!("the header {name} is missing"))),
        (Some(said), value) => {
            let value = value.unwrap_or(&serde_json::Value::Null);
            Err(WireError::header_mismatch(format!("the header {name} says {said:?}, the body {value}")))
        }
    }
}

/// The era that the headers alone tell of.
pub(super) enum HeaderEra {
    Modern,
    Legacy,
    /// A revision that we do not know.
    Unknown(String),
    Silent,
}

/// Reads the era from `MCP-Protocol-Version`.
pub(super) fn era(headers: &HeaderMap) -> Result<HeaderEra, WireError> {
    Ok(match only(headers, &PROTOCOL_VERSION)? {
        None => HeaderEra::Silent,
        Some(text) => match Version::parse(text) {
            Some(version) if version.is_modern() => HeaderEra::Modern,
            Some(_) => HeaderEra::Legacy,
            None => HeaderEra::Unknown(text.to_owned()),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a3_only_json_is_taken() {
        for good in ["application/json", "Application/JSON; charset=utf-8", " application/json "] {
            assert!(is_json(&map(&[(CONTENT_TYPE, good)])), "{good}");
        }
        for bad in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "",
            "application/json-seq",
            "text/plain;application/json",
        ] {
            assert!(!is_json(&map(&[(CONTENT_TYPE, bad)])), "{bad}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }

    #[test]
    fn accept_is_read_as_clients_write_it() {
        let accepts = |value| Accepts::read(&map(&[(ACCEPT, value)]));
        assert_eq!(accepts("application/json, text/event-stream"), Accepts { json: true, events: true });
        assert_eq!(accepts("text/event-stream;q=0.9"), Accepts { json: false, events: true });
        assert_eq!(accepts("text/html"), Accepts { json: false, events: false });
        assert_eq!(accepts("*/*"), Accepts::read(&HeaderMap::new()));
    }

    #[test]
    fn the_sentinel_is_decoded_and_nothing_else() {
        assert_eq!(decode("x", "=?base64?SGVsbG8=?=").unwrap(), "Hello");
        assert_eq!(decode("x", "SGVsbG8=").unwrap(), "SGVsbG8=");
        assert_eq!(decode("x", "=?base64?SGVsbG8=").unwrap(), "=?base64?SGVsbG8=");
        assert_eq!(decode("x", "=?BASE64?SGVsbG8=?=").unwrap(), "=?BASE64?SGVsbG8=?=");
        for bad in ["=?base64?SGVsbG8?=", "=?base64?SGVs!!!bG8=?=", "=?base64?/w==?="] {
            assert!(decode("x", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_header_that_is_there_twice_means_nothing() {
        let mut headers = map(&[(NAME, "safe")]);
        assert_eq!(only(&headers, &NAME), Ok(Some("safe")));
        headers.append(NAME, "danger".parse().unwrap());
        assert!(only(&headers, &NAME).is_err());
    }
}

//! `_meta` of a request: which revision, who asks, what it can be asked, and what it wants to hear meanwhile.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use drawbridge_contract::{Abilities, Host, LogLevel, RawValue, TraceContext};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::envelope::{Id, is_object, present, string};
use crate::error::WireError;
use crate::params::{Params, object};
use crate::version::Version;

/// The members of `_meta` that we know.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Meta<'a> {
    #[serde(rename = "io.modelcontextprotocol/protocolVersion", borrow, deserialize_with = "present")]
    version: Option<&'a RawValue>,
    #[serde(rename = "io.modelcontextprotocol/clientCapabilities", borrow, deserialize_with = "present")]
    capabilities: Option<&'a RawValue>,
    #[serde(rename = "io.modelcontextprotocol/clientInfo", borrow, deserialize_with = "present")]
    client_info: Option<&'a RawValue>,
    #[serde(rename = "io.modelcontextprotocol/logLevel", borrow, deserialize_with = "present")]
    log_level: Option<&'a RawValue>,
    #[serde(rename = "progressToken", borrow, deserialize_with = "present")]
    progress_token: Option<&'a RawValue>,
    #[serde(borrow, deserialize_with = "present")]
    traceparent: Option<&'a RawValue>,
    #[serde(borrow, deserialize_with = "present")]
    tracestate: Option<&'a RawValue>,
    #[serde(borrow, deserialize_with = "present")]
    baggage: Option<&'a RawValue>,
}

impl<'a> Meta<'a> {
    pub(crate) fn read(params: &Params<'a>) -> Result<Self, WireError> {
        params.meta.map_or_else(|| Ok(Self::default()), |raw| object(raw, "_meta"))
    }

    /// Whether the request says that it is one of the modern era.
    pub(crate) fn names_version(&self) -> bool {
        self.version.is_some()
    }

    /// The revision a modern request is in, as text.
    pub(crate) fn version_text(&self) -> Result<Cow<'a, str>, WireError> {
        let raw = self.version.ok_or_else(|| missing("io.modelcontextprotocol/protocolVersion"))?;
        string(raw).ok_or_else(|| {
            WireError::invalid_meta("`_meta` io.modelcontextprotocol/protocolVersion must be a string")
        })
    }

    /// Checks what every modern request must carry, and that we speak its revision.
    pub(crate) fn check_modern(&self) -> Result<(), WireError> {
        let text = self.version_text()?;
        self.capabilities.ok_or_else(|| missing("io.modelcontextprotocol/clientCapabilities"))?;
        match Version::parse(&text) {
            Some(version) if version.is_modern() => Ok(()),
            _ => Err(WireError::unsupported_version(&text)),
        }
    }

    /// The program that asks, as a modern request says in every message.
    pub(crate) fn host(&self) -> Result<Arc<Host>, WireError> {
        let as_meta = |error: WireError| WireError { is_malformed: true, ..error };
        host(self.client_info, self.capabilities, Version::V2026_07_28).map_err(as_meta)
    }

    /// Whether the host knows tasks, as it says with each request.
    pub(crate) fn declares_tasks(&self) -> bool {
        self.capabilities.is_some_and(declares_tasks)
    }

    /// The least grave log event that the request wants to hear; none unless it says so.
    pub(crate) fn log_level(&self) -> Result<Option<LogLevel>, WireError> {
        self.log_level.map(read_level).transpose()
    }

    /// The token under which the request wants to hear of progress.
    pub(crate) fn progress_token(&self) -> Result<Option<Id>, WireError> {
        let refuse = |why| WireError::invalid_params(format!("the progress token {why}"));
        self.progress_token.map(Id::read).transpose().map_err(refuse)
    }

    /// The caller's trace, if it has the form of W3C Trace Context; a broken one is ignored, as the specification says.
    pub(crate) fn trace(&self) -> Option<Arc<TraceContext>> {
        /// The lengths that W3C Trace Context and W3C Baggage tell everybody to carry, in bytes.
        const STATE_BYTES_MAX: usize = 512;
        const BAGGAGE_BYTES_MAX: usize = 8192;
        let parent = self.traceparent.and_then(string).filter(|text| is_trace_parent(text))?;
        let take = |raw: Option<&'a RawValue>, bytes_max| {
            raw.and_then(string).filter(|text| text.len() <= bytes_max).map(|text| Box::from(&*text))
        };
        let (state, baggage) =
            (take(self.tracestate, STATE_BYTES_MAX), take(self.baggage, BAGGAGE_BYTES_MAX));
        Some(Arc::new(TraceContext { parent: (*parent).into(), state, baggage }))
    }
}

fn missing(key: &str) -> WireError {
    WireError::invalid_meta(format!(
        "`_meta` lacks {key}: every request of MCP 2026-07-28 carries it; earlier revisions begin with `initialize`"
    ))
}

/// Reads a log level of RFC 5424 by its MCP name.
pub(crate) fn read_level(raw: &RawValue) -> Result<LogLevel, WireError> {
    string(raw).as_deref().and_then(level_of).ok_or_else(|| {
        WireError::invalid_params(
            "the log level must be one of debug, info, notice, warning, error, critical, alert, emergency",
        )
    })
}

const LEVELS: [(LogLevel, &str); 8] = [
    (LogLevel::Debug, "debug"),
    (LogLevel::Info, "info"),
    (LogLevel::Notice, "notice"),
    (LogLevel::Warning, "warning"),
    (LogLevel::Error, "error"),
    (LogLevel::Critical, "critical"),
    (LogLevel::Alert, "alert"),
    (LogLevel::Emergency, "emergency"),
];

fn level_of(name: &str) -> Option<LogLevel> {
    LEVELS.into_iter().find(|(_, text)| *text == name).map(|(level, _)| level)
}

/// The name of a level on the wire.
pub(crate) fn level_name(level: LogLevel) -> &'static str {
    LEVELS.into_iter().find(|(known, _)| *known == level).map_or("info", |(_, text)| text)
}

/// `00-` trace id `-` parent id `-` flags, in lower-case hexadecimal (W3C Trace Context, section 3.2.2).
fn is_trace_parent(text: &str) -> bool {
    let lengths_fit = text.split('-').map(str::len).eq([2, 32, 16, 2]);
    lengths_fit
        && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'))
        && !text.starts_with("ff")
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Capabilities<'a> {
    #[serde(borrow)]
    sampling: Option<&'a RawValue>,
    #[serde(borrow)]
    elicitation: Option<&'a RawValue>,
    #[serde(borrow)]
    roots: Option<&'a RawValue>,
}

/// The name of the extension that hosts declare when they know tasks (2026-07-28, SEP-2663).
pub(crate) const TASKS: &str = "io.modelcontextprotocol/tasks";

/// Whether capabilities declare [`TASKS`]. Most do not, and are looked at no further.
fn declares_tasks(capabilities: &RawValue) -> bool {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Extended<'a> {
        #[serde(borrow)]
        extensions: BTreeMap<Cow<'a, str>, &'a RawValue>,
    }
    if !capabilities.get().contains("tasks") {
        return false;
    }
    let extended: Extended<'_> = serde_json::from_str(capabilities.get()).unwrap_or_default();
    extended.extensions.get(TASKS).is_some_and(|settings| is_object(settings))
}

/// What a host must declare to be given tasks, as an MCP `ClientCapabilities` object.
pub(crate) fn needed_for_tasks() -> Value {
    json!({ "extensions": { TASKS: {} } })
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ElicitationModes<'a> {
    #[serde(borrow)]
    form: Option<&'a RawValue>,
    #[serde(borrow)]
    url: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Implementation {
    name: String,
    #[serde(default)]
    version: String,
}

/// Reads who asks and what it can be asked, as far as `version` has it.
pub(crate) fn host(
    info: Option<&RawValue>,
    capabilities: Option<&RawValue>,
    version: Version,
) -> Result<Arc<Host>, WireError> {
    let info: Option<Implementation> = info.map(|raw| object(raw, "clientInfo")).transpose()?;
    let capabilities: Capabilities<'_> =
        capabilities.map(|raw| object(raw, "capabilities")).transpose()?.unwrap_or_default();
    let abilities = abilities(&capabilities, version)?;
    let (name, host_version) = info.map(|info| (info.name, info.version)).unwrap_or_default();
    Ok(Arc::new(Host { name: name.into(), version: host_version.into(), abilities }))
}

fn abilities(capabilities: &Capabilities<'_>, version: Version) -> Result<Abilities, WireError> {
    let modes: Option<ElicitationModes<'_>> =
        capabilities.elicitation.map(|raw| object(raw, "elicitation")).transpose()?;
    let names_modes = modes.as_ref().is_some_and(|modes| modes.form.is_some() || modes.url.is_some());
    // An empty object means forms: that was all there was when the capability was new.
    let form = modes.as_ref().is_some_and(|modes| modes.form.is_some() || !names_modes);
    let url = modes.as_ref().is_some_and(|modes| modes.url.is_some());
    Ok(Abilities {
        elicit_form: form && version.has_structure(),
        elicit_url: url && version.has_elicitation_modes(),
        sampling: capabilities.sampling.is_some(),
        roots: capabilities.roots.is_some(),
    })
}

/// What a host must declare to be asked these things, as an MCP `ClientCapabilities` object.
pub(crate) fn needed_capabilities(needed: Abilities) -> Value {
    let mut all = json!({});
    if needed.sampling {
        all["sampling"] = json!({});
    }
    if needed.roots {
        all["roots"] = json!({});
    }
    if needed.elicit_form {
        all["elicitation"]["form"] = json!({});
    }
    if needed.elicit_url {
        all["elicitation"]["url"] = json!({});
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_abilities(capabilities: &str, version: Version) -> Abilities {
        let raw = RawValue::from_string(capabilities.to_owned()).unwrap();
        host(None, Some(&raw), version).unwrap().abilities
    }

    #[test]
    fn abilities_are_those_that_the_revision_has() {
        let all = r#"{"sampling":{},"roots":{"listChanged":true},"elicitation":{"form":{},"url":{}}}"#;
        let modern = with_abilities(all, Version::V2026_07_28);
        assert_eq!(modern, Abilities { elicit_form: true, elicit_url: true, sampling: true, roots: true });
        assert!(!with_abilities(all, Version::V2025_06_18).elicit_url);
        assert!(!with_abilities(all, Version::V2025_03_26).elicit_form);
        let plain = with_abilities(r#"{"elicitation":{}}"#, Version::V2025_11_25);
        assert!(plain.elicit_form && !plain.elicit_url && !plain.sampling && !plain.roots);
        assert!(!with_abilities(r#"{"elicitation":{"url":{}}}"#, Version::V2025_11_25).elicit_form);
    }

    #[test]
    fn capabilities_must_be_objects() {
        for bad in ["[]", "1", r#"{"elicitation":[]}"#, r#"{"sampling":{},"sampling":{}}"#] {
            let raw = RawValue::from_string(bad.to_owned()).unwrap();
            assert!(host(None, Some(&raw), Version::V2026_07_28).is_err(), "{bad}");
        }
    }

    #[test]
    fn tasks_are_declared_as_an_extension_and_nowhere_else() {
        let declares = |text: &str| declares_tasks(&RawValue::from_string(text.to_owned()).unwrap());
        assert!(declares(r#"{"extensions":{"io.modelcontextprotocol/tasks":{}}}"#));
        assert!(declares(
            r#"{"sampling":{},"extensions":{"x/y":1,"io.modelcontextprotocol/t\u0061sks":{}},"a":"tasks"}"#
        ));
        for not in [
            "{}",
            r#"{"tasks":{}}"#,
            r#"{"io.modelcontextprotocol/tasks":{}}"#,
            r#"{"extensions":{"io.modelcontextprotocol/tasks":false}}"#,
            r#"{"extensions":["io.modelcontextprotocol/tasks"]}"#,
        ] {
            assert!(!declares(not), "{not}");
        }
    }

    fn trace(meta: &str) -> Option<Arc<TraceContext>> {
        let raw = RawValue::from_string(meta.to_owned()).unwrap();
        Meta::read(&Params { meta: Some(&raw), ..Params::default() }).unwrap().trace()
    }

    #[test]
    fn a_trace_goes_on_and_a_broken_one_is_ignored() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";
        let found = trace(&format!(r#"{{"traceparent":"{good}","tracestate":"a=1"}}"#)).unwrap();
        assert_eq!(
            (&*found.parent, found.state.as_deref(), found.baggage.as_deref()),
            (good, Some("a=1"), None)
        );
        for bad in ["", "00-0AF7651916CD43DD8448EB211C80319C-00f067aa0ba902b7-01", "00-0-0-0", "x"] {
            assert!(trace(&format!(r#"{{"traceparent":"{bad}"}}"#)).is_none(), "{bad}");
        }
    }

    #[test]
    fn every_level_has_its_name() {
        for (level, name) in LEVELS {
            assert_eq!((level_of(name), level_name(level)), (Some(level), name));
        }
        assert_eq!(level_of("loud"), None);
    }
}

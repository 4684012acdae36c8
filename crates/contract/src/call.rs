//! One request by a caller.

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

use crate::{Answers, Arguments, Caller, ExchangeRequest, Run, StreamMode};

/// One request by a caller to run one tool, read one resource or get one prompt.
#[derive(Debug, Clone)]
pub struct Call {
    /// Unique and unguessable.
    pub id: CallId,
    /// Who asks.
    pub caller: Arc<Caller>,
    /// What for.
    pub target: Target,
    /// With which arguments; `{}` for resources.
    pub arguments: Arguments,
    /// What the caller answered to an earlier [`crate::InputRequired`] of this same call.
    pub answers: Option<Answers>,
    /// How it came in.
    pub origin: Origin,
    /// When it runs: now, unless said otherwise. Only tools can be run as jobs.
    pub run: Run,
}

impl Call {
    /// A new call with a fresh id.
    pub fn new(caller: Arc<Caller>, target: Target, arguments: Arguments, origin: Origin) -> Self {
        Self { id: CallId::new(), caller, target, arguments, answers: None, origin, run: Run::Now }
    }
}

/// What a call is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A tool, by its name in the catalog.
    Tool(Box<str>),
    /// A resource, by its URI.
    Resource(Box<str>),
    /// A prompt, by its name.
    Prompt(Box<str>),
    /// A live stream of a server.
    Stream {
        /// The server's name.
        server: Box<str>,
        /// The stream, as a tool of that server named it.
        id: Box<str>,
        /// What for.
        mode: StreamMode,
    },
    /// A request of another protocol, which a server answers itself.
    Exchange(Box<ExchangeRequest>),
}

/// As the audit shows it: `files_read`, `resource:file:///…`, `prompt:review`, `stream:terminal/7k3q`,
/// `exchange:llm/v1/chat/completions`.
impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tool(name) => formatter.write_str(name),
            Self::Resource(uri) => write!(formatter, "resource:{uri}"),
            Self::Prompt(name) => write!(formatter, "prompt:{name}"),
            Self::Stream { server, id, .. } => write!(formatter, "stream:{server}/{id}"),
            Self::Exchange(request) => write!(formatter, "exchange:{}{}", request.server, request.path),
        }
    }
}

/// A call's id: time-ordered and with 74 random bits (UUID version 7, RFC 9562).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CallId(Uuid);

impl CallId {
    /// A fresh id.
    #[expect(clippy::new_without_default, reason = "a default id would be a constant; this one is unique")]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// An id as it was printed; `None` for what is none.
    pub fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(Self)
    }

    /// As it is printed, for those who keep it: without the way through a formatter.
    pub fn shared(&self) -> Arc<str> {
        self.0.as_simple().encode_lower(&mut Uuid::encode_buffer()).into()
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_simple().fmt(formatter)
    }
}

/// How a call came to the door.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The entrance, for the audit: `mcp.http`, `mcp.stdio`, `cli`.
    pub entrance: &'static str,
    /// The program at the other end, and what it can be asked.
    pub host: Arc<Host>,
    /// The call whose tool makes this one.
    pub parent: Option<CallId>,
    /// How many calls stand above this one; 0 for one that came from outside.
    pub depth: u8,
    /// The caller's trace, to be continued (W3C Trace Context).
    pub trace: Option<Arc<TraceContext>>,
}

/// The program that calls us, as far as it said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Host {
    /// Its name, for people: not checked, never a reason to allow anything.
    pub name: Box<str>,
    /// Its version.
    pub version: Box<str>,
    /// What it can be asked in the middle of a call.
    pub abilities: Abilities,
}

/// What a host can answer when a tool needs input.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Abilities {
    /// Shows a form to its user (elicitation, form mode).
    pub elicit_form: bool,
    /// Opens a URL for its user (elicitation, URL mode).
    pub elicit_url: bool,
    /// Asks its language model (sampling).
    pub sampling: bool,
    /// Lists its roots.
    pub roots: bool,
}

/// W3C Trace Context as it came in `_meta`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    /// The `traceparent` value.
    pub parent: Box<str>,
    /// The `tracestate` value.
    pub state: Option<Box<str>>,
    /// The `baggage` value.
    pub baggage: Option<Box<str>>,
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn c1_a_million_ids_are_unique() {
        let ids: HashSet<CallId> = (0..1_000_000).map(|_| CallId::new()).collect();
        assert_eq!(ids.len(), 1_000_000);
    }
}

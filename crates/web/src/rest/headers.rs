//! What the headers of a call say: how the answer may look, what can be asked, and which trace it belongs to.

use std::sync::Arc;

use drawbridge_contract::{Abilities, Host, TraceContext};
use http::header::{ACCEPT, USER_AGENT};
use http::{HeaderMap, HeaderName, Uri};

use crate::guard::only;
use crate::problem::{Kind, Problem};

/// Where a client says what it can ask its person in the middle of a call: `form`, `url`. It is left out of the OpenAPI
/// document on purpose: a model that reads the document must not answer for the person.
const CAN_ASK: HeaderName = HeaderName::from_static("drawbridge-can-ask");
/// W3C Trace Context.
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
const BAGGAGE: HeaderName = HeaderName::from_static("baggage");

/// Whether the answer is wanted as events: `?stream=1`, or event streams are named among what is accepted.
pub(super) fn wants_events(uri: &Uri, headers: &HeaderMap) -> bool {
    let asked = uri.query().is_some_and(|query| query.split('&').any(|pair| pair == "stream=1"));
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut ranges = accepted
        .flat_map(|value| value.split(','))
        .map(|range| range.split(';').next().unwrap_or_default().trim());
    asked || ranges.any(|range| range.eq_ignore_ascii_case("text/event-stream"))
}

/// The program at the other end, as far as it says.
pub(super) fn host(headers: &HeaderMap) -> Result<Arc<Host>, Problem> {
    let name = headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default().into();
    Ok(Arc::new(Host { name, version: "".into(), abilities: abilities(headers)? }))
}

fn abilities(headers: &HeaderMap) -> Result<Abilities, Problem> {
    let mut abilities = Abilities::default();
    for value in headers.get_all(CAN_ASK) {
        for word in value.to_str().unwrap_or("?").split(',') {
            match word.trim() {
                "form" => abilities.elicit_form = true,
                "url" => abilities.elicit_url = true,
                _ => {
                    return Err(Problem::new(
                        Kind::InvalidRequest,
                        "Drawbridge-Can-Ask knows the words `form` and `url`",
                    ));
                }
            }
        }
    }
    Ok(abilities)
}

/// The caller's trace, to be continued.
pub(super) fn trace(headers: &HeaderMap) -> Option<Arc<TraceContext>> {
    let text = |name| only(headers, &name).ok().flatten().map(Box::from);
    let parent = text(TRACEPARENT)?;
    Some(Arc::new(TraceContext { parent, state: text(TRACESTATE), baggage: text(BAGGAGE) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(name: HeaderName, value: &str) -> HeaderMap {
        [(name, value.parse().unwrap())].into_iter().collect()
    }

    #[test]
    fn events_come_to_who_asks_for_them() {
        let plain = Uri::from_static("/api/tools/x");
        assert!(!wants_events(&plain, &HeaderMap::new()));
        assert!(!wants_events(&plain, &map(ACCEPT, "application/json, */*")));
        assert!(wants_events(&plain, &map(ACCEPT, "text/event-stream;q=0.9")));
        assert!(wants_events(&Uri::from_static("/api/tools/x?a=b&stream=1"), &HeaderMap::new()));
        assert!(!wants_events(&Uri::from_static("/api/tools/x?stream=10"), &HeaderMap::new()));
    }

    #[test]
    fn a_client_can_be_asked_only_what_it_says() {
        let can = |value| abilities(&map(CAN_ASK, value));
        assert_eq!(abilities(&HeaderMap::new()).unwrap(), Abilities::default());
        assert_eq!(can("form").unwrap(), Abilities { elicit_form: true, ..Abilities::default() });
        assert_eq!(
            can("form, url").unwrap(),
            Abilities { elicit_form: true, elicit_url: true, ..Abilities::default() }
        );
        assert!(can("anything").is_err());
    }

    #[test]
    fn a_trace_needs_its_parent() {
        assert!(trace(&map(TRACESTATE, "a=b")).is_none());
        assert_eq!(&*trace(&map(TRACEPARENT, "00-1-2-01")).unwrap().parent, "00-1-2-01");
    }
}

//! What a call asks of the host: an entry of `inputRequests` (modern) or a request of ours (legacy).

use drawbridge_contract::{Abilities, InputRequest, InputRequired, RawValue, parse_strict};
use serde_json::Value;

use crate::encode::Object;
use crate::version::Version;

/// One thing that is asked, and the key its answer goes under.
pub(crate) type Asked = (String, InputRequest);

/// The method that asks for it.
pub(crate) fn method_of(request: &InputRequest) -> &'static str {
    match request {
        InputRequest::ElicitForm { .. } | InputRequest::ElicitUrl { .. } => "elicitation/create",
        InputRequest::Sample(_) => "sampling/createMessage",
        InputRequest::ListRoots => "roots/list",
    }
}

/// Writes the members of its `params`.
pub(crate) fn write_params(request: &InputRequest, version: Version, params: &mut Object<'_>) {
    match request {
        InputRequest::ElicitForm { message, schema } => {
            if version.has_elicitation_modes() {
                params.raw("mode", r#""form""#);
            }
            params.value("message", message);
            params.raw("requestedSchema", schema.get());
        }
        InputRequest::ElicitUrl { message, url, id } => {
            params.raw("mode", r#""url""#);
            params.value("message", message);
            params.value("url", url);
            if !version.is_modern() {
                params.value("elicitationId", id);
            }
        }
        InputRequest::Sample(sampling) => params.members_of(sampling),
        InputRequest::ListRoots => {}
    }
}

/// Whether a host can be asked this.
pub(crate) fn can_ask(request: &InputRequest, able: Abilities) -> bool {
    match request {
        InputRequest::ElicitForm { .. } => able.elicit_form,
        InputRequest::ElicitUrl { .. } => able.elicit_url,
        InputRequest::Sample(_) => able.sampling,
        InputRequest::ListRoots => able.roots,
    }
}

/// What the host would have to be able to do, and is not; `None` when it can answer everything.
pub(crate) fn lacking(needed: &InputRequired, able: Abilities) -> Option<Abilities> {
    let mut lacks = Abilities::default();
    for request in needed.requests.values() {
        match request {
            InputRequest::ElicitForm { .. } => lacks.elicit_form |= !able.elicit_form,
            InputRequest::ElicitUrl { .. } => lacks.elicit_url |= !able.elicit_url,
            InputRequest::Sample(_) => lacks.sampling |= !able.sampling,
            InputRequest::ListRoots => lacks.roots |= !able.roots,
        }
    }
    (lacks != Abilities::default()).then_some(lacks)
}

/// Reads the host's response to a request of ours: an answer, or why there is none.
pub(crate) fn read_response(outcome: Result<&RawValue, &RawValue>) -> Result<Value, String> {
    match outcome {
        Ok(result) => match parse_strict(result.get()) {
            Ok(value) if value.is_object() => Ok(value),
            Ok(_) => Err("its answer is not an object".to_owned()),
            Err(error) => Err(format!("its answer is {error}")),
        },
        Err(error) => {
            let error = parse_strict(error.get()).unwrap_or_default();
            Err(error["message"].as_str().unwrap_or("it gave no reason").to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use drawbridge_contract::raw;
    use serde_json::json;

    use super::*;

    fn params(request: &InputRequest, version: Version) -> Value {
        let mut out = Vec::new();
        let mut object = Object::open(&mut out);
        write_params(request, version, &mut object);
        object.close();
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn each_revision_is_asked_in_its_own_words() {
        let (message, schema) = ("m".to_owned(), raw(&json!({ "type": "object" })));
        let form = InputRequest::ElicitForm { message: message.clone(), schema };
        let plain = json!({ "message": "m", "requestedSchema": { "type": "object" } });
        assert_eq!(params(&form, Version::V2025_06_18), plain);
        assert_eq!(params(&form, Version::V2025_11_25)["mode"], "form");
        let url =
            InputRequest::ElicitUrl { message, url: "http://127.0.0.1/".to_owned(), id: "7".to_owned() };
        let modern = json!({ "mode": "url", "message": "m", "url": "http://127.0.0.1/" });
        assert_eq!(params(&url, Version::V2026_07_28), modern);
        assert_eq!(params(&url, Version::V2025_11_25)["elicitationId"], "7");
        let sampling = json!({ "messages": [], "maxTokens": 1 });
        assert_eq!(params(&InputRequest::Sample(raw(&sampling)), Version::V2024_11_05), sampling);
        assert_eq!(params(&InputRequest::ListRoots, Version::V2024_11_05), json!({}));
    }

    #[test]
    fn what_a_host_lacks_is_named_and_nothing_else() {
        let needed = InputRequired {
            requests: [
                ("a".to_owned(), InputRequest::ListRoots),
                ("b".to_owned(), InputRequest::Sample(raw(&json!({})))),
            ]
            .into(),
            state: None,
        };
        let able = Abilities { roots: true, ..Abilities::default() };
        assert_eq!(lacking(&needed, able), Some(Abilities { sampling: true, ..Abilities::default() }));
        assert_eq!(lacking(&needed, Abilities { sampling: true, ..able }), None);
    }

    #[test]
    fn a_response_is_an_object_or_there_is_none() {
        let read = |text: &str| read_response(Ok(&RawValue::from_string(text.to_owned()).unwrap()));
        assert_eq!(read(r#"{"action":"accept"}"#), Ok(json!({ "action": "accept" })));
        for bad in ["1", "[]", "null", r#"{"a":1,"a":2}"#] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}

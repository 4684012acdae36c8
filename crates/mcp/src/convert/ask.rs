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

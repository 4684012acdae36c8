//! The parameters of every method, found in one pass and kept as raw text until somebody needs them.
//!
//! Names are exact (`Name` is not `name`), and one that is there twice is refused.

use std::borrow::Cow;
use std::collections::BTreeMap;

use drawbridge_contract::{Answers, Arguments, ArgumentsError, ParseError, RawValue, parse_strict};
use serde::Deserialize;
use serde_json::Value;
use serde_json::error::Category;

use crate::envelope::{is_object, present, string};
use crate::error::WireError;

/// The members of `params` that any of our methods reads.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Params<'a> {
    #[serde(rename = "_meta", borrow, deserialize_with = "present")]
    pub(crate) meta: Option<&'a RawValue>,
    #[serde(borrow, deserialize_with = "present")]
    pub(crate) name: Option<&'a RawValue>,
    #[serde(borrow, deserialize_with = "present")]
    pub(crate) arguments: Option<&'a RawValue>,
    #[serde(borrow, deserialize_with = "present")]
    pub(crate) uri: Option<&'a RawValue>,
    #[serde(borrow, deserialize_with = "present")]
    pub(crate) cursor: Option<&'a RawValue>,
    #[serde(rename = "inputResponses", borrow, deserialize_with = "present")]
    pub(crate) input_responses: Option<&'a RawValue>,
    #[serde(rename = "requestState", borrow, deserialize_with = "present")]
    pub(crate) request_state: Option<&'a RawValue>,
    #[serde(rename = "ref", borrow, deserialize_with = "present")]
    pub(crate) reference: Option<&'a RawValue>,
    #[serde(borrow, deserialize_with = "present")]
    pub(crate) argument: Option<&'a RawValue>,
    #[serde(borrow, deserialize_with = "present")]
    pub(crate) context: Option<&'a RawValue>,
    #[serde(borrow, deserialize_with = "present")]
    pub(crate) notifications: Option<&'a RawValue>,
    #[serde(borrow, deserialize_with = "present")]
    pub(crate) level: Option<&'a RawValue>,
    #[serde(rename = "taskId", borrow, deserialize_with = "present")]
    pub(crate) task_id: Option<&'a RawValue>,
    #[serde(borrow, deserialize_with = "present")]
    pub(crate) task: Option<&'a RawValue>,
    #[serde(rename = "requestId", borrow, deserialize_with = "present")]
    pub(crate) request_id: Option<&'a RawValue>,
    #[serde(rename = "protocolVersion", borrow, deserialize_with = "present")]
    pub(crate) protocol_version: Option<&'a RawValue>,
    #[serde(borrow, deserialize_with = "present")]
    pub(crate) capabilities: Option<&'a RawValue>,
    #[serde(rename = "clientInfo", borrow, deserialize_with = "present")]
    pub(crate) client_info: Option<&'a RawValue>,
}

impl<'a> Params<'a> {
    pub(crate) fn read(raw: Option<&'a RawValue>) -> Result<Self, WireError> {
        raw.map_or_else(|| Ok(Self::default()), |raw| object(raw, "params"))
    }

    /// The arguments of a call; none at all are `{}`.
    pub(crate) fn arguments(&self) -> Result<Arguments, WireError> {
        let Some(raw) = self.arguments else { return Ok(Arguments::none()) };
        Arguments::decode(raw).map_err(|error| match &error {
            ArgumentsError::Parse(cause) => strict_error("arguments", cause),
            ArgumentsError::NotAnObject(_) => WireError::invalid_params(error.to_string()),
        })
    }

    /// What the host answered to an earlier round, if this is a later one.
    pub(crate) fn answers(&self) -> Result<Option<Answers>, WireError> {
        if self.input_responses.is_none() && self.request_state.is_none() {
            return Ok(None);
        }
        let state =
            self.request_state.map(|raw| text(Some(raw), "requestState").map(Cow::into_owned)).transpose()?;
        Ok(Some(Answers { responses: self.responses()?, state }))
    }

    fn responses(&self) -> Result<BTreeMap<String, Value>, WireError> {
        let Some(raw) = self.input_responses else { return Ok(BTreeMap::new()) };
        let value = parse_strict(raw.get()).map_err(|error| strict_error("inputResponses", &error))?;
        let Value::Object(responses) = value else {
            return Err(WireError::invalid_params("`inputResponses` must be an object of answers by key"));
        };
        match responses.iter().find(|(_, response)| !response.is_object()) {
            Some((key, _)) => {
                Err(WireError::invalid_params(format!("the input response {key:?} must be an object")))
            }
            None => Ok(responses.into_iter().collect()),
        }
    }
}

/// A member that must be a string.
pub(crate) fn text<'a>(raw: Option<&'a RawValue>, name: &str) -> Result<Cow<'a, str>, WireError> {
    let raw = raw.ok_or_else(|| WireError::invalid_params(format!("`{name}` is missing")))?;
    string(raw).ok_or_else(|| WireError::invalid_params(format!("`{name}` must be a string")))
}

/// An object, read as `T`. An array is no object, although serde would take one for a struct.
pub(crate) fn object<'a, T: Deserialize<'a>>(raw: &'a RawValue, name: &str) -> Result<T, WireError> {
    if !is_object(raw) {
        return Err(WireError::invalid_params(format!("`{name}` must be an object")));
    }
    serde_json::from_str(raw.get()).map_err(|error| payload_error(name, &error))
}

fn strict_error(name: &str, error: &ParseError) -> WireError {
    match std::error::Error::source(error).and_then(|source| source.downcast_ref::<serde_json::Error>()) {
        Some(cause) => payload_error(name, cause),
        None => WireError::invalid_params(format!("`{name}`: {error}")),
    }
}

/// A payload that cannot be read is broken JSON (too deep, half a surrogate), or JSON that does not fit.
fn payload_error(name: &str, error: &serde_json::Error) -> WireError {
    match error.classify() {
        Category::Data => WireError::invalid_params(format!("`{name}`: {error}")),
        _ => WireError::parse(format!("`{name}` is not JSON that we take: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{INVALID_PARAMS, PARSE_ERROR};

    fn read(text: &str) -> Result<Params<'_>, WireError> {
        Params::read(Some(serde_json::from_str(text).unwrap()))
    }

    #[test]
    fn b2_a_parameter_named_twice_is_refused_and_case_matters() {
        for bad in [r#"{"name":"safe","name":"danger"}"#, r#"{"name":"safe","n\u0061me":"danger"}"#] {
            assert_eq!(read(bad).unwrap_err().code, INVALID_PARAMS, "{bad}");
        }
        let params = read(r#"{"name":"safe","Name":"danger","NAME":"danger"}"#).unwrap();
        assert_eq!(text(params.name, "name").unwrap(), "safe");
    }

    #[test]
    fn b2_arguments_named_twice_are_refused() {
        let error = read(r#"{"arguments":{"a":1,"a":2}}"#).unwrap().arguments().unwrap_err();
        assert_eq!(error.code, INVALID_PARAMS);
    }

    #[test]
    fn b4_arguments_nested_too_deep_are_no_json_that_we_take() {
        let deep = format!(r#"{{"arguments":{{"a":{}{}}}}}"#, "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(read(&deep).unwrap().arguments().unwrap_err().code, PARSE_ERROR);
    }

    #[test]
    fn an_array_is_not_taken_for_an_object() {
        for bad in ["[]", r#"["x"]"#, "1", "null"] {
            assert_eq!(read(bad).unwrap_err().code, INVALID_PARAMS, "{bad}");
            let arguments = format!(r#"{{"arguments":{bad}}}"#);
            assert_eq!(read(&arguments).unwrap().arguments().unwrap_err().code, INVALID_PARAMS, "{bad}");
        }
    }

    #[test]
    fn answers_are_objects_by_key() {
        assert!(read("{}").unwrap().answers().unwrap().is_none());
        let answers = read(r#"{"inputResponses":{"a":{"x":1}},"requestState":"s"}"#)
            .unwrap()
            .answers()
            .unwrap()
            .unwrap();
        assert_eq!((answers.responses.len(), answers.state.as_deref()), (1, Some("s")));
        for bad in [r#"{"inputResponses":null}"#, r#"{"inputResponses":{"a":1}}"#, r#"{"requestState":{}}"#] {
            assert_eq!(read(bad).unwrap().answers().unwrap_err().code, INVALID_PARAMS, "{bad}");
        }
    }
}

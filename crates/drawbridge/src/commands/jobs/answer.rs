//! `drawbridge jobs answer`: what a job asks in the middle of its work, answered by the person at the terminal.

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use serde_json::{Map, Value, json};

use crate::client::HubWire;
use crate::commands::{ask, call};
use crate::{home, output, running};

/// Shows what it asks, and sends what is answered: `given` for the fields of its only form, or what is typed.
pub(super) async fn run(id: &str, given: Option<Map<String, Value>>, decline: bool) -> Result<ExitCode> {
    let state = home::state()?;
    let hub = running::find(&state)
        .context("no hub runs, so no job asks anything; `drawbridge serve` starts one")?;
    let mut wire = HubWire::open(&state, &hub).await?;
    let answered = answer(&mut wire, id, given, decline).await;
    wire.close().await?;
    output::line(answered?)?;
    Ok(ExitCode::SUCCESS)
}

async fn answer(
    wire: &mut HubWire,
    id: &str,
    given: Option<Map<String, Value>>,
    decline: bool,
) -> Result<String> {
    if id.is_empty() || !id.chars().all(|one| one.is_ascii_alphanumeric() || "-_:.".contains(one)) {
        bail!("{id:?} is no job's id");
    }
    let asked = wire.get(&format!("/api/jobs/{id}")).await?;
    if let Some(why) = asked["detail"].as_str() {
        bail!("{}", output::plain(why));
    }
    let Some(requests) = asked["requests"].as_object().filter(|requests| !requests.is_empty()) else {
        let state = output::plain_line(asked["job"]["state"].as_str().unwrap_or("unknown"));
        let message = asked["job"]["message"].as_str().map(output::plain).unwrap_or_default();
        bail!("it asks nothing that can be answered here: it is {state}. {message}");
    };
    let responses = responses(requests, given, decline)?;
    let answer = wire.post(&format!("/api/jobs/{id}/answer"), &json!({ "responses": responses })).await?;
    match answer["detail"].as_str() {
        Some(why) => bail!("{}", output::plain(why)),
        None => Ok(format!("{id} goes on.")),
    }
}

fn responses(
    requests: &Map<String, Value>,
    given: Option<Map<String, Value>>,
    decline: bool,
) -> Result<Map<String, Value>> {
    if given.is_some() && requests.len() > 1 {
        bail!(
            "it asks {} things: leave out the answer, and you are asked one after the other",
            requests.len()
        );
    }
    let one = |(key, request): (&String, &Value)| {
        let response = match &given {
            _ if decline => json!({ "action": "decline" }),
            Some(fields) => json!({ "action": "accept", "content": fields }),
            None => typed(key, request)?,
        };
        Ok((key.clone(), response))
    };
    requests.iter().map(one).collect()
}

/// Asks the person.
fn typed(key: &str, request: &Value) -> Result<Value> {
    eprintln!("{}", output::plain(request["message"].as_str().unwrap_or("The job asks for input.")));
    if key == call::APPROVAL {
        return match call::decision()? {
            Some(decision) => Ok(json!({ "action": "accept", "content": { "decision": decision } })),
            None => Ok(json!({ "action": "decline" })),
        };
    }
    if request["kind"] == "url" {
        eprintln!("{}", output::plain_line(request["url"].as_str().unwrap_or_default()));
        return Ok(match asked("[y] it is done, [N] no:")?.as_str() {
            "y" | "Y" => json!({ "action": "accept" }),
            _ => json!({ "action": "decline" }),
        });
    }
    let fields =
        request["schema"]["properties"].as_object().context("it asks for what this command cannot give")?;
    let mut content = Map::new();
    for (name, schema) in fields {
        let about = schema["description"].as_str().or(schema["title"].as_str()).unwrap_or_default();
        let text = asked(&output::plain_line(format!("{name} {about}").trim_end()))?;
        if let Some(value) = value(&text, schema)? {
            content.insert(name.clone(), value);
        }
    }
    Ok(json!({ "action": "accept", "content": content }))
}

fn asked(question: &str) -> Result<String> {
    ask(question)?
        .context("nobody is at the terminal to be asked; give the answer as a JSON object, or --decline")
}

/// A text as the value of a field; nothing where nothing was typed.
fn value(text: &str, schema: &Value) -> Result<Option<Value>> {
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = || format!("{text:?} is no {}", schema["type"].as_str().unwrap_or("value"));
    Ok(Some(match schema["type"].as_str() {
        Some("integer") => text.parse::<i64>().with_context(wrong)?.into(),
        Some("number") => text.parse::<f64>().with_context(wrong)?.into(),
        Some("boolean") => match text.to_ascii_lowercase().as_str() {
            "y" | "yes" | "true" => true.into(),
            "n" | "no" | "false" => false.into(),
            _ => bail!(wrong()),
        },
        _ => text.into(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_becomes_what_the_field_is() {
        let of = |text: &str, kind: &str| value(text, &json!({ "type": kind }));
        assert_eq!(of("42", "integer").unwrap(), Some(json!(42)));
        assert_eq!(of("4.5", "number").unwrap(), Some(json!(4.5)));
        assert_eq!(of("Yes", "boolean").unwrap(), Some(json!(true)));
        assert_eq!(of("42", "string").unwrap(), Some(json!("42")));
        assert_eq!(of("", "integer").unwrap(), None);
        assert!(of("many", "integer").is_err() && of("perhaps", "boolean").is_err());
    }

    #[test]
    fn an_answer_on_the_command_line_is_for_one_question() {
        let requests =
            |keys: &[&str]| keys.iter().map(|key| ((*key).to_owned(), json!({}))).collect::<Map<_, _>>();
        let given = || json!({ "name": "Ada" }).as_object().cloned();
        let one = responses(&requests(&["who"]), given(), false).unwrap();
        assert_eq!(one["who"], json!({ "action": "accept", "content": { "name": "Ada" } }));
        assert!(responses(&requests(&["a", "b"]), given(), false).is_err());
        assert_eq!(
            responses(&requests(&["a", "b"]), None, true).unwrap()["b"],
            json!({ "action": "decline" })
        );
    }
}

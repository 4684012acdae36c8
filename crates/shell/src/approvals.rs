//! Questions in the middle of a call: the door's own, whether a tool may run, and those of tools.

use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::language::schema::{Kind, Parameter, parameters};
use crate::render::{plain, plain_line};
use crate::session::Session;

/// The key of the door's own question.
const APPROVAL: &str = "drawbridge_approval";
/// How often a field is asked for again when its answer does not fit.
const TRIES_MAX: usize = 3;

/// What the person said.
pub(crate) struct Answers {
    /// By the keys of the questions, for the retry.
    pub(crate) responses: Value,
    /// Whether the door's question was answered with no.
    pub(crate) denied: bool,
}

/// Asks the person everything.
pub(crate) fn answer(session: &mut Session, requests: &Map<String, Value>) -> Result<Answers, Failure> {
    let (mut responses, mut denied) = (Map::new(), false);
    for (key, request) in requests {
        let params = &request["params"];
        let said = params["message"].as_str().unwrap_or("The tool asks for input.");
        if !session.person.is_there() {
            return Err(Failure::Refused(format!(
                "{}\nThis needs your answer, and no person is here: `drawbridge approvals list` shows what waits.",
                plain(said)
            )));
        }
        session.screen.note(said)?;
        let response = match params["url"].as_str() {
            // In a job the moment of the question stands before it.
            _ if key.rsplit('.').next() == Some(APPROVAL) => approve(session, &mut denied)?,
            Some(url) => visit(session, url)?,
            None => fill_in(session, &params["requestedSchema"])?,
        };
        responses.insert(key.clone(), response);
    }
    Ok(Answers { responses: responses.into(), denied })
}

fn approve(session: &mut Session, denied: &mut bool) -> Result<Value, Failure> {
    let decision = match session.person.ask("[y] once, [h] for an hour, [N] no: ").as_deref().map(str::trim) {
        Some("y" | "Y" | "yes") => "allow_once",
        Some("h" | "H") => "allow_for_an_hour",
        Some(_) => {
            *denied = true;
            "deny"
        }
        None => return Err(Failure::Refused("Nothing was done.".to_owned())),
    };
    Ok(json!({"action": "accept", "content": {"decision": decision}}))
}

fn visit(session: &mut Session, url: &str) -> Result<Value, Failure> {
    session.screen.note(&format!("Open this page: {}", plain_line(url)))?;
    match session.person.ask("Enter when it is done, n to leave it: ").as_deref().map(str::trim) {
        Some("n" | "N") | None => Ok(json!({"action": "decline"})),
        Some(_) => Ok(json!({"action": "accept"})),
    }
}

/// A form, field by field.
fn fill_in(session: &mut Session, schema: &Value) -> Result<Value, Failure> {
    let mut filled = Map::new();
    for field in parameters(schema) {
        match ask(session, &field)? {
            Some(value) => drop(filled.insert(field.name, value)),
            None if field.required => return Ok(json!({"action": "cancel"})),
            None => {}
        }
    }
    Ok(json!({"action": "accept", "content": filled}))
}

/// `None` when the person leaves a field empty that need not be filled in, or gives up.
fn ask(session: &mut Session, field: &Parameter) -> Result<Option<Value>, Failure> {
    let question = question(field);
    for _ in 0..TRIES_MAX {
        let Some(given) = session.person.ask(&question) else { return Ok(None) };
        let given = given.trim();
        match (given.is_empty(), &field.default) {
            (true, Some(default)) => return Ok(Some(default.clone())),
            (true, None) if !field.required => return Ok(None),
            (true, None) => continue,
            _ => {}
        }
        match read(field, given) {
            Some(value) => return Ok(Some(value)),
            None => session.screen.complain(&format!("That is no {}.", field.kind.name()))?,
        }
    }
    Ok(None)
}

fn question(field: &Parameter) -> String {
    let mut question = plain_line(&field.name);
    if !field.says.is_empty() {
        question.push_str(&format!(" ({})", plain_line(&field.says)));
    }
    if !field.choices.is_empty() {
        question.push_str(&format!(" [{}]", plain_line(&field.choices.join("|"))));
    } else if field.kind == Kind::Switch {
        question.push_str(" [y/n]");
    }
    if let Some(default) = &field.default {
        question.push_str(&format!(" = {}", plain_line(&default.to_string())));
    }
    question + ": "
}

fn read(field: &Parameter, given: &str) -> Option<Value> {
    match field.kind {
        Kind::Switch => match given.to_lowercase().as_str() {
            "y" | "yes" | "true" => Some(Value::Bool(true)),
            "n" | "no" | "false" => Some(Value::Bool(false)),
            _ => None,
        },
        Kind::Whole => given.parse::<i64>().ok().map(Value::from),
        Kind::Number => given.parse::<f64>().ok().filter(|one| one.is_finite()).map(Value::from),
        Kind::Text if !field.choices.is_empty() => {
            field.choices.iter().any(|choice| choice == given).then(|| given.into())
        }
        Kind::Text => Some(given.into()),
        Kind::List(_) | Kind::Any => serde_json::from_str(given).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::{MemoryHub, answer, hub_of, stay};
    use crate::run;

    fn asking(request: Value) -> MemoryHub {
        hub_of(json!([{"name": "ask_me", "inputSchema": {"type": "object"}}]), move |message| {
            let params = &message["params"];
            if params["inputResponses"].is_null() {
                let asks = json!({"resultType": "input_required", "inputRequests": {"q": request}, "requestState": "sealed"});
                return vec![answer(message, asks)];
            }
            assert_eq!(params["requestState"], "sealed");
            let text = params["inputResponses"]["q"].to_string();
            vec![answer(message, json!({"content": [{"type": "text", "text": text}]}))]
        })
    }

    /// What the tool is told when it asks so and the person says this.
    fn told(request: Value, answers: &[&'static str]) -> Value {
        let mut stay = stay(&asking(request), answers);
        run::line(&mut stay.session, "ask_me").unwrap();
        serde_json::from_str(&stay.out.text()).unwrap()
    }

    #[test]
    fn a_form_is_filled_in_field_by_field() {
        let form = json!({"params": {"message": "Who?", "requestedSchema": {"properties": {
            "name": {"type": "string"}, "age": {"type": "integer"}, "sure": {"type": "boolean", "default": true},
            "color": {"type": "string", "enum": ["red", "blue"]}, "note": {"type": "string"},
        }, "required": ["name", "age", "color"]}}});
        // Asked in this order; what does not fit is asked again, and what may be empty is left out.
        let answers = ["Ada", "many", "36", "green", "red", "", ""];
        assert_eq!(
            told(form.clone(), &answers),
            json!({"action": "accept", "content": {"name": "Ada", "age": 36, "color": "red", "sure": true}})
        );
        assert_eq!(told(form, &["Ada"]), json!({"action": "cancel"}));
    }

    #[test]
    fn a_page_is_opened_or_left() {
        let page = json!({"params": {"message": "Sign in", "url": "https://example.com/\u{1b}x"}});
        assert_eq!(told(page.clone(), &[""]), json!({"action": "accept"}));
        assert_eq!(told(page.clone(), &["n"]), json!({"action": "decline"}));
        let mut stay = stay(&asking(page), &[""]);
        run::line(&mut stay.session, "ask_me").unwrap();
        assert!(stay.err.text().contains("https://example.com/x"), "{}", stay.err.text());
    }

    #[test]
    fn the_doors_question_is_known_by_its_key_in_a_call_and_in_a_job() {
        for (key, said, decision, denied) in [
            ("drawbridge_approval", "y", "allow_once", false),
            ("19a.drawbridge_approval", "no", "deny", true),
        ] {
            let mut stay = stay(&asking(json!({})), &[said]);
            let asked = Map::from_iter([(key.to_owned(), json!({"params": {"message": "Allow it?"}}))]);
            let answers = answer_of(&mut stay.session, &asked);
            assert_eq!(answers.responses[key]["content"]["decision"], decision);
            assert_eq!(answers.denied, denied);
            assert_eq!(stay.asked.lock().unwrap().len(), 1);
        }
    }

    fn answer_of(session: &mut Session, asked: &Map<String, Value>) -> Answers {
        super::answer(session, asked).unwrap()
    }
}

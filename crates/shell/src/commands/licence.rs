//! `licence`: what the caller's tier allows, as `mcp.licence.check` tells it, as a table.

use serde_json::{Map, Value, json};

use super::no_words;
use crate::failure::Failure;
use crate::language::lex::Word;
use crate::run::Produced;
use crate::session::Session;

/// The method that tells it.
const METHOD: &str = "mcp.licence.check";

const NOT_SERVED: &str = "licence needs the method mcp.licence.check, which this hub does not serve to you";

/// `licence`
pub(super) fn run(session: &mut Session, words: &[Word]) -> Result<Produced, Failure> {
    no_words("licence", words)?;
    if !session.shared.catalog().methods.iter().any(|method| method == METHOD) {
        return Err(Failure::Failed(NOT_SERVED.to_owned()));
    }
    let licence = session.request(METHOD, json!({}))?;
    Ok(Produced::Data(rows(&licence).into()))
}

/// A row for each thing that is said, the quotas among them. What is not said has none.
fn rows(licence: &Value) -> Vec<Value> {
    let fields = |value: &Value| value.as_object().cloned().unwrap_or_default();
    let mut said = fields(licence);
    let quotas = said.remove("quotas").as_ref().map(fields).unwrap_or_default();
    said.into_iter().chain(quotas).filter(|(_, value)| !value.is_null()).map(row).collect()
}

fn row((name, value): (String, Value)) -> Value {
    let mut row = Map::new();
    row.insert("name".to_owned(), name.replace('_', " ").into());
    row.insert("value".to_owned(), worded(value));
    row.into()
}

/// A list as words between commas; nothing in it is said, too.
fn worded(value: Value) -> Value {
    let Value::Array(items) = &value else { return value };
    let words: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
    if words.is_empty() { "none".into() } else { words.join(", ").into() }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::kit::{answer, hub_of, stay};
    use crate::run::line;

    fn told(licence: Value) -> String {
        let hub = hub_of(json!([]), move |message| {
            assert_eq!((&message["method"], &message["params"]), (&json!(METHOD), &json!({})));
            vec![answer(message, licence.clone())]
        });
        let mut stay = stay(&hub, &[]);
        stay.session.refresh().unwrap();
        line(&mut stay.session, "licence").unwrap();
        stay.out.text()
    }

    #[test]
    fn a_licence_is_a_table() {
        let shown = told(json!({
            "tier": "PRO", "is_valid": true, "expires_at": null, "effective_permissions": ["mcp.fs.*", "mcp.hello"],
            "quotas": {"api_requests_limit": "1000/60min", "allowed_llm_models": [], "max_llm_tokens_per_day": 0},
        }));
        expect![[r#"
            NAME                    VALUE
            effective permissions   mcp.fs.*, mcp.hello
            is valid                yes
            tier                    PRO
            allowed llm models      none
            api requests limit      1000/60min
            max llm tokens per day  0
        "#]]
        .assert_eq(&shown);
    }

    #[test]
    fn h4_nothing_in_a_licence_does_anything_to_a_terminal() {
        let evil = "a\u{1b}]0;x\u{7}b\u{202e}c";
        let shown = told(json!({"tier": evil, evil: [evil], "quotas": evil}));
        assert!(!shown.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{shown:?}");
    }

    #[test]
    fn words_and_refusals_are_told() {
        let hub = hub_of(json!([]), |message| {
            vec![json!({"id": message["id"], "error": {"code": -32601, "message": "no such method"}})]
        });
        let mut stay = stay(&hub, &[]);
        let unserved = line(&mut stay.session, "licence").unwrap_err();
        assert_eq!((unserved.code(), unserved.to_string()), (1, NOT_SERVED.to_owned()));
        stay.session.refresh().unwrap();
        assert_eq!(line(&mut stay.session, "licence now").unwrap_err().code(), 2);
        assert!(line(&mut stay.session, "licence").unwrap_err().to_string().contains("no such method"));
    }
}

//! `docs/rest.md` says what happens: every request in it is made, in its order, and answered as it says.

use serde_json::Value;

use super::with_terminals;
use crate::program::Request;

const PAGE: &str = include_str!("../../../../docs/rest.md");

/// A request of the page, and what stands below it.
struct Shown {
    command: String,
    /// The kind of the block and its text.
    answer: (String, String),
}

#[test]
fn the_page_tells_the_truth() {
    let bridge = with_terminals();
    let shown = shown(PAGE);
    assert!(shown.len() >= 10, "the page has lost its examples");
    for Shown { command, answer: (kind, expected) } in shown {
        let answer = bridge.hub.connect().ask(&request(&command, &bridge.key));
        match kind.as_str() {
            "json" => {
                let (expected, answer) = (parsed(&expected), parsed(&answer.text()));
                assert!(
                    holds(&answer, &expected),
                    "{command}\n  answered {answer}\n  the page says {expected}"
                );
            }
            "text" => expected
                .lines()
                .for_each(|line| assert!(answer.text().contains(line), "{command}: {}", answer.text())),
            other => panic!("{command} is followed by a block of {other:?}"),
        }
    }
    bridge.holds();
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Whether everything of `expected` is in `answer`; objects may have more members.
fn holds(answer: &Value, expected: &Value) -> bool {
    match (answer, expected) {
        (Value::Object(answer), Value::Object(expected)) => {
            expected.iter().all(|(name, value)| answer.get(name).is_some_and(|found| holds(found, value)))
        }
        (Value::Array(answer), Value::Array(expected)) => {
            answer.len() == expected.len()
                && answer.iter().zip(expected).all(|(one, other)| holds(one, other))
        }
        _ => answer == expected,
    }
}

/// Every block with a request, and the block below it.
fn shown(page: &str) -> Vec<Shown> {
    let blocks: Vec<(String, String)> = page.split("\n```").skip(1).step_by(2).map(block).collect();
    let pairs = blocks.windows(2).filter(|pair| pair[0].0 == "sh" && pair[0].1.contains("curl "));
    pairs.map(|pair| Shown { command: pair[0].1.clone(), answer: pair[1].clone() }).collect()
}

fn block(text: &str) -> (String, String) {
    let (kind, text) = text.split_once('\n').unwrap();
    (kind.to_owned(), text.to_owned())
}

/// What `curl` would send.
fn request(command: &str, key: &str) -> Request {
    let mut words = words(command).into_iter();
    assert_eq!(words.next().as_deref(), Some("curl"));
    let mut request = Request::new("GET", "");
    while let Some(word) = words.next() {
        match word.as_str() {
            "-N" => {}
            "-H" => {
                let header = words.next().unwrap().replace("$KEY", &format!("Authorization: Bearer {key}"));
                let (name, value) = header.split_once(": ").unwrap();
                request = request.and(name, value);
            }
            "--json" => {
                let body = words.next().unwrap();
                request = request
                    .and("Content-Type", "application/json")
                    .and("Accept", "application/json")
                    .body(body);
                request.method = "POST".to_owned();
            }
            url => url.strip_prefix("$HUB").unwrap().clone_into(&mut request.target),
        }
    }
    request
}

/// The words of a command line, as a shell takes its quotes apart.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for letter in line.chars() {
        match (letter, quote) {
            ('\'' | '"', None) => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (letter, Some(open)) if letter == open => quote = None,
            (letter, None) if letter.is_whitespace() => words.extend(word.take()),
            (letter, _) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

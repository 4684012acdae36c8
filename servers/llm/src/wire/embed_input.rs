//! What is to be made into vectors: texts, or tokens that the client has counted off already.

use std::fmt;

use serde::de::{self, Deserializer, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Serialize};

use crate::chat::tokens_of;

/// How many tokens one question may bring as numbers: OpenAI takes 300 000. An empty list counts as one.
pub(crate) const TOKENS_MAX: usize = 1 << 20;
/// What the field may be.
const EXPECTED: &str =
    "a text, a list of texts, a list of tokens (whole numbers below 2^32) or a list of such lists";

/// What is to be made into vectors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum EmbedInput {
    /// Texts.
    Texts(Vec<String>),
    /// Tokens of the model that is asked, one list for each vector. Only its own provider knows what they mean.
    Tokens(Vec<Vec<u32>>),
}

impl Default for EmbedInput {
    fn default() -> Self {
        Self::Texts(Vec::new())
    }
}

impl EmbedInput {
    /// How many tokens it has: of texts about, of tokens exactly.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        match self {
            Self::Texts(texts) => texts.iter().map(|text| tokens_of(text)).sum(),
            Self::Tokens(lists) => lists.iter().map(|tokens| tokens.len() as u64).sum(),
        }
    }
}

/// One item of the list.
enum Item {
    Text(String),
    Token(u32),
    Tokens(Vec<u32>),
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(ItemVisitor)
    }
}

struct ItemVisitor;

impl<'de> Visitor<'de> for ItemVisitor {
    type Value = Item;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(EXPECTED)
    }

    fn visit_str<E>(self, text: &str) -> Result<Item, E> {
        Ok(Item::Text(text.to_owned()))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Item, E> {
        let token = u32::try_from(number);
        token.map(Item::Token).map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Item, A::Error> {
        let mut tokens = Vec::new();
        while let Some(token) = items.next_element()? {
            tokens.push(token);
            bounded::<A::Error>(tokens.len())?;
        }
        Ok(Item::Tokens(tokens))
    }
}

impl<'de> Deserialize<'de> for EmbedInput {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(InputVisitor)
    }
}

struct InputVisitor;

impl<'de> Visitor<'de> for InputVisitor {
    type Value = EmbedInput;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(EXPECTED)
    }

    fn visit_str<E>(self, text: &str) -> Result<EmbedInput, E> {
        Ok(EmbedInput::Texts(vec![text.to_owned()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<EmbedInput, A::Error> {
        match items.next_element()? {
            None => Ok(EmbedInput::default()),
            Some(Item::Text(first)) => texts(first, items),
            Some(Item::Token(first)) => one_list(first, items),
            Some(Item::Tokens(first)) => lists(first, items),
        }
    }
}

/// The texts of a list that begins with one.
fn texts<'de, A: SeqAccess<'de>>(first: String, mut rest: A) -> Result<EmbedInput, A::Error> {
    let mut texts = vec![first];
    while let Some(text) = rest.next_element()? {
        texts.push(text);
    }
    Ok(EmbedInput::Texts(texts))
}

/// The tokens of a list that begins with one: they are one vector.
fn one_list<'de, A: SeqAccess<'de>>(first: u32, mut rest: A) -> Result<EmbedInput, A::Error> {
    let mut tokens = vec![first];
    while let Some(token) = rest.next_element()? {
        tokens.push(token);
        bounded::<A::Error>(tokens.len())?;
    }
    Ok(EmbedInput::Tokens(vec![tokens]))
}

/// The lists of a list that begins with one.
fn lists<'de, A: SeqAccess<'de>>(first: Vec<u32>, mut rest: A) -> Result<EmbedInput, A::Error> {
    let mut count = first.len().max(1);
    let mut lists = vec![first];
    while let Some(item) = rest.next_element()? {
        let Item::Tokens(tokens) = item else {
            return Err(de::Error::custom("lists of tokens stand beside nothing else"));
        };
        count = count.saturating_add(tokens.len().max(1));
        bounded::<A::Error>(count)?;
        lists.push(tokens);
    }
    Ok(EmbedInput::Tokens(lists))
}

fn bounded<E: de::Error>(count: usize) -> Result<(), E> {
    if count <= TOKENS_MAX {
        return Ok(());
    }
    Err(E::custom(format_args!("input has more than {TOKENS_MAX} tokens: ask in several questions")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<EmbedInput, String> {
        serde_json::from_str(json).map_err(|error: serde_json::Error| error.to_string())
    }

    fn texts(texts: &[&str]) -> EmbedInput {
        EmbedInput::Texts(texts.iter().map(|&text| text.to_owned()).collect())
    }

    #[test]
    fn it_is_texts_or_tokens_one_or_many() {
        let cases = [
            (r#""a""#, texts(&["a"]), 1),
            (r#"["a","bcdef"]"#, texts(&["a", "bcdef"]), 3),
            ("[]", texts(&[]), 0),
            ("[1,2,3]", EmbedInput::Tokens(vec![vec![1, 2, 3]]), 3),
            ("[[1,2],[4294967295]]", EmbedInput::Tokens(vec![vec![1, 2], vec![u32::MAX]]), 3),
            ("[[]]", EmbedInput::Tokens(vec![vec![]]), 0),
        ];
        for (json, input, tokens) in cases {
            assert_eq!(read(json).as_ref(), Ok(&input), "{json}");
            assert_eq!(input.tokens(), tokens, "{json}");
        }
    }

    #[test]
    fn what_is_neither_is_refused() {
        let bad = [
            "3",
            "null",
            "{}",
            "[null]",
            "[1.5]",
            "[-1]",
            "[4294967296]",
            r#"["a",1]"#,
            r#"[1,"a"]"#,
            "[1,[2]]",
            "[[1],2]",
            r#"[[1],"a"]"#,
            r#"[["a"]]"#,
            "[[[1]]]",
            "[[-1]]",
            "[[4294967296]]",
        ];
        for json in bad {
            assert!(read(json).is_err(), "{json}");
        }
        assert!(read("[1.5]").unwrap_err().contains("a list of tokens"));
    }

    #[test]
    fn tokens_are_bounded_however_they_come() {
        let list = |count| format!("[{}1]", "1,".repeat(count - 1));
        let empties = |count| format!("[{}[]]", "[],".repeat(count - 1));
        for (json, is_fine) in [
            (list(TOKENS_MAX), true),
            (list(TOKENS_MAX + 1), false),
            (format!("[{}]", list(TOKENS_MAX)), true),
            (format!("[{}]", list(TOKENS_MAX + 1)), false),
            (format!("[{},[1]]", list(TOKENS_MAX)), false),
            (empties(TOKENS_MAX), true),
            (empties(TOKENS_MAX + 1), false),
        ] {
            let read = read(&json);
            assert_eq!(read.is_ok(), is_fine, "{}", json.len());
            assert!(is_fine || read.unwrap_err().contains("ask in several questions"));
        }
    }
}

//! Makes the arguments of a tool from words, flags and JSON.

use serde_json::{Map, Value};

use super::lex::Word;
use super::schema::{Item, Kind, Parameter};

/// How a command is called: what its words stand for, and its flags.
#[derive(Debug, Clone)]
pub(crate) struct Usage {
    /// The command's name, for what is said to people.
    pub(crate) name: String,
    /// What the words stand for, in their order.
    pub(crate) words: Vec<String>,
    /// Every argument; each has a flag.
    pub(crate) parameters: Vec<Parameter>,
    /// Short flags and what they stand for.
    pub(crate) short: &'static [Short],
}

/// A flag of one letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Short {
    pub(crate) letter: char,
    /// The argument that it sets; empty where it sets none.
    pub(crate) name: &'static str,
    /// To what, where the letter says it.
    pub(crate) value: Option<&'static str>,
}

/// Arguments that words may stand for where no argument is required, the likeliest first.
const LEADING: [&str; 8] = ["path", "id", "name", "command", "prompt", "pattern", "query", "text"];

/// What is wrong with the words of a command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ArgumentError {
    #[error("{tool} has no --{flag}; `help {tool}` shows what it has")]
    Unknown { tool: String, flag: String },
    #[error("{tool} has no -{flag}; `help {tool}` shows what it has")]
    UnknownShort { tool: String, flag: char },
    #[error("--{flag} needs a value: {what}")]
    NoValue { flag: String, what: String },
    #[error("{argument} is to be {what}, not {given:?}")]
    Wrong { argument: String, what: String, given: String },
    #[error("{0:?} is one word too many; `help {1}` shows what it takes. Words with blanks need quotes")]
    TooMany(String, String),
    #[error("{0} needs {1}; `help {0}` shows more")]
    Missing(String, String),
    #[error("this is not JSON: {0}")]
    Json(String),
}

impl Usage {
    /// How a tool is called: words stand for what it requires, or else for the argument that such tools are about.
    pub(crate) fn of_tool(name: &str, parameters: Vec<Parameter>) -> Self {
        let names = |one: &Parameter| one.name.clone();
        let mut words: Vec<String> = parameters.iter().filter(|one| one.required).map(names).collect();
        if words.is_empty() {
            let leading = LEADING.iter().find(|name| parameters.iter().any(|one| one.name == **name));
            words.extend(leading.map(|name| (*name).to_owned()));
        }
        Self { name: name.to_owned(), words, parameters, short: &[] }
    }

    /// The argument behind a flag's name, in which `-` and `_` are the same.
    pub(crate) fn parameter(&self, flag: &str) -> Option<&Parameter> {
        let name = flag.replace('-', "_");
        self.parameters.iter().find(|one| one.name == name || one.name == flag)
    }

    /// One line that says how it is called.
    pub(crate) fn line(&self) -> String {
        let mut line = self.name.clone();
        for word in &self.words {
            let required = self.parameter(word).is_some_and(|one| one.required);
            let name = word.to_uppercase();
            line.push_str(&if required { format!(" {name}") } else { format!(" [{name}]") });
        }
        if self.parameters.len() > self.words.len() {
            line.push_str(" [--flags]");
        }
        line
    }

    /// Makes the arguments. A JSON object as the first word stands for all of them; flags are put on top.
    ///
    /// # Errors
    /// When a flag is unknown, a value does not fit, or something is missing.
    pub(crate) fn arguments(&self, words: &[Word]) -> Result<Map<String, Value>, ArgumentError> {
        let mut reader = Reader { usage: self, made: Map::new(), free: 0, has_json: false };
        let mut words = words.iter();
        let mut flags_end = false;
        while let Some(word) = words.next() {
            match &*word.text {
                "--" if word.plain && !flags_end => flags_end = true,
                text if is_flag(word) && !flags_end => reader.flag(text, &mut words)?,
                _ => reader.word(word)?,
            }
        }
        self.complete(reader)
    }

    /// The words in groups: all flags, and one of the words that are none, for commands that do the same with each.
    pub(crate) fn one_by_one(&self, words: &[Word]) -> Vec<Vec<Word>> {
        let (flags, free) = self.sorted(words);
        if free.len() < 2 {
            return vec![words.to_vec()];
        }
        let group = |word: Word| flags.iter().cloned().chain([end_of_flags(), word]).collect();
        free.into_iter().map(group).collect()
    }

    /// The flags, and the words that are none as one.
    pub(crate) fn joined(&self, words: &[Word]) -> Vec<Word> {
        let (mut flags, free) = self.sorted(words);
        if free.len() < 2 {
            return words.to_vec();
        }
        let text = free.into_iter().map(|word| word.text).collect::<Vec<_>>().join(" ");
        flags.extend([end_of_flags(), Word { text, plain: false }]);
        flags
    }

    /// Flags with their values, and the other words.
    fn sorted(&self, words: &[Word]) -> (Vec<Word>, Vec<Word>) {
        let (mut flags, mut free, mut flags_end) = (Vec::new(), Vec::new(), false);
        let mut words = words.iter().cloned();
        while let Some(word) = words.next() {
            if flags_end || !is_flag(&word) {
                free.push(word);
            } else if word.text == "--" {
                flags_end = true;
            } else {
                let value = self.needs_value(&word.text).then(|| words.next()).flatten();
                flags.extend([Some(word), value].into_iter().flatten());
            }
        }
        (flags, free)
    }

    /// Whether a flag takes the word after it.
    pub(crate) fn needs_value(&self, flag: &str) -> bool {
        if let Some(long) = flag.strip_prefix("--") {
            return self.parameter(long).is_some_and(|one| one.kind != Kind::Switch);
        }
        let short = |letter: char| self.short.iter().find(|short| short.letter == letter);
        let last = flag.chars().last().and_then(short);
        let takes = last.filter(|short| short.value.is_none()).and_then(|short| self.parameter(short.name));
        takes.is_some_and(|one| one.kind != Kind::Switch)
    }

    fn complete(&self, reader: Reader<'_>) -> Result<Map<String, Value>, ArgumentError> {
        let missing: Vec<String> = self
            .parameters
            .iter()
            .filter(|one| one.required && !reader.made.contains_key(&one.name))
            .map(|one| one.name.to_uppercase())
            .collect();
        if missing.is_empty() || reader.has_json {
            return Ok(reader.made);
        }
        Err(ArgumentError::Missing(self.name.clone(), missing.join(" and ")))
    }
}

/// Whether a word is a flag: `-5` is a number, and `-` alone is a name.
pub(crate) fn is_flag(word: &Word) -> bool {
    word.plain && word.text.len() > 1 && word.text.starts_with('-') && word.text.parse::<f64>().is_err()
}

fn end_of_flags() -> Word {
    Word { text: "--".to_owned(), plain: true }
}

struct Reader<'a> {
    usage: &'a Usage,
    made: Map<String, Value>,
    /// How many words were taken.
    free: usize,
    has_json: bool,
}

impl<'a> Reader<'a> {
    fn flag(&mut self, text: &str, rest: &mut std::slice::Iter<'_, Word>) -> Result<(), ArgumentError> {
        let Some(long) = text.strip_prefix("--") else { return self.shorts(&text[1..], rest) };
        let (name, value) = match long.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (long, None),
        };
        match (self.usage.parameter(name), name.strip_prefix("no-")) {
            (Some(parameter), _) => self.set(parameter, value, rest),
            (None, Some(positive)) if value.is_none() => match self.usage.parameter(positive) {
                Some(parameter) if parameter.kind == Kind::Switch => {
                    self.made.insert(parameter.name.clone(), Value::Bool(false));
                    Ok(())
                }
                _ => Err(self.unknown(name)),
            },
            _ => Err(self.unknown(name)),
        }
    }

    fn unknown(&self, flag: &str) -> ArgumentError {
        ArgumentError::Unknown { tool: self.usage.name.clone(), flag: flag.to_owned() }
    }

    /// `-la` is `-l -a`; one that needs a value takes what follows.
    fn shorts(&mut self, letters: &str, rest: &mut std::slice::Iter<'_, Word>) -> Result<(), ArgumentError> {
        for (at, letter) in letters.char_indices() {
            let tool = || self.usage.name.clone();
            let short = self.usage.short.iter().find(|short| short.letter == letter);
            if short.is_some_and(|short| short.name.is_empty()) {
                continue;
            }
            let named = short.and_then(|short| Some((short, self.usage.parameter(short.name)?)));
            let (short, parameter) =
                named.ok_or_else(|| ArgumentError::UnknownShort { tool: tool(), flag: letter })?;
            let after = &letters[at + letter.len_utf8()..];
            if let Some(value) = short.value {
                self.put(parameter, value)?;
            } else if parameter.kind == Kind::Switch {
                self.made.insert(parameter.name.clone(), Value::Bool(true));
            } else {
                let value = (!after.is_empty()).then(|| after.to_owned());
                return self.set(parameter, value, rest);
            }
        }
        Ok(())
    }

    fn set(
        &mut self,
        parameter: &'a Parameter,
        value: Option<String>,
        rest: &mut std::slice::Iter<'_, Word>,
    ) -> Result<(), ArgumentError> {
        if parameter.kind == Kind::Switch && value.is_none() {
            self.made.insert(parameter.name.clone(), Value::Bool(true));
            return Ok(());
        }
        let given = value.or_else(|| rest.next().map(|word| word.text.clone()));
        match given {
            Some(given) => self.put(parameter, &given),
            None => Err(ArgumentError::NoValue { flag: parameter.name.clone(), what: what(parameter) }),
        }
    }

    fn word(&mut self, word: &Word) -> Result<(), ArgumentError> {
        if self.free == 0 && !self.has_json && word.plain && word.text.starts_with('{') {
            return self.json(&word.text);
        }
        let Some(name) = self.usage.words.get(self.free.min(self.usage.words.len().saturating_sub(1))) else {
            return Err(self.too_many(word));
        };
        let Some(parameter) = self.usage.parameter(name) else { return Err(self.too_many(word)) };
        // The last word's argument may be a list, which takes all that follow.
        if self.free >= self.usage.words.len() && !matches!(parameter.kind, Kind::List(_)) {
            return Err(self.too_many(word));
        }
        self.free += 1;
        self.put(parameter, &word.text)
    }

    fn too_many(&self, word: &Word) -> ArgumentError {
        ArgumentError::TooMany(word.text.clone(), self.usage.name.clone())
    }

    fn json(&mut self, text: &str) -> Result<(), ArgumentError> {
        let object: Map<String, Value> =
            serde_json::from_str(text).map_err(|error| ArgumentError::Json(error.to_string()))?;
        self.made.extend(object);
        self.has_json = true;
        // Everything may be in it: words that follow are too many.
        self.free = self.usage.words.len();
        Ok(())
    }

    fn put(&mut self, parameter: &Parameter, given: &str) -> Result<(), ArgumentError> {
        let value = value(parameter, given)?;
        match (self.made.get_mut(&parameter.name), value) {
            (Some(Value::Array(before)), Value::Array(more)) => before.extend(more),
            (_, value) => drop(self.made.insert(parameter.name.clone(), value)),
        }
        Ok(())
    }
}

fn value(parameter: &Parameter, given: &str) -> Result<Value, ArgumentError> {
    let json = || serde_json::from_str::<Value>(given).ok();
    let made = match parameter.kind {
        Kind::Text => Some(Value::from(given)),
        Kind::Whole => given.parse::<i64>().ok().map(Value::from),
        Kind::Number => given.parse::<f64>().ok().filter(|one| one.is_finite()).and_then(|_| json()),
        Kind::Switch => given.parse::<bool>().ok().map(Value::from),
        Kind::List(item) => match (json(), item) {
            (Some(list @ Value::Array(_)), _) => Some(list),
            (_, Item::Text) => Some(Value::from(vec![given])),
            (one, Item::Json) => one.map(|one| Value::from(vec![one])),
        },
        Kind::Any => Some(json().unwrap_or_else(|| Value::from(given))),
    };
    let wrong = || ArgumentError::Wrong {
        argument: parameter.name.clone(),
        what: what(parameter),
        given: given.to_owned(),
    };
    let fits = parameter.kind != Kind::Text
        || parameter.choices.is_empty()
        || parameter.choices.iter().any(|choice| choice == given);
    made.filter(|_| fits).ok_or_else(wrong)
}

/// What a value must be, for people.
fn what(parameter: &Parameter) -> String {
    if !parameter.choices.is_empty() {
        return format!("one of {}", parameter.choices.join(", "));
    }
    match parameter.kind {
        Kind::Text => "a text".to_owned(),
        Kind::Whole => "a whole number".to_owned(),
        Kind::Number => "a number".to_owned(),
        Kind::Switch => "true or false".to_owned(),
        Kind::List(_) => "a list, such as [\"a\", \"b\"]".to_owned(),
        Kind::Any => "JSON".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::lex::{Kind as Piece, lex};
    use super::super::schema::parameters;
    use super::*;

    fn usage() -> Usage {
        let schema = json!({
            "properties": {
                "path": {"type": "string"},
                "hidden": {"type": "boolean", "default": true},
                "limit": {"type": ["integer", "null"]},
                "ratio": {"type": "number"},
                "case": {"oneOf": [{"const": "smart"}, {"const": "always"}]},
                "globs": {"type": "array", "items": {"type": "string"}},
                "edits": {"type": "array", "items": {"type": "object"}},
                "max_tokens": {"type": "integer"},
                "options": {},
            },
            "required": ["path"],
        });
        const SHORT: &[Short] = &[
            Short { letter: 'a', name: "hidden", value: None },
            Short { letter: 'n', name: "limit", value: None },
            Short { letter: 's', name: "case", value: Some("smart") },
        ];
        Usage { short: SHORT, ..Usage::of_tool("t", parameters(&schema)) }
    }

    fn read(line: &str) -> Result<Value, ArgumentError> {
        let word = |token: super::super::lex::Token| match token.kind {
            Piece::Word(word) => Some(word),
            _ => None,
        };
        let words: Vec<Word> = lex(line).tokens.into_iter().filter_map(word).collect();
        usage().arguments(&words).map(Value::Object)
    }

    fn check(line: &str, wanted: &Value) {
        assert_eq!(read(line).as_ref(), Ok(wanted), "{line}");
    }

    #[test]
    fn words_and_flags_become_what_the_schema_says() {
        check("a.txt", &json!({"path": "a.txt"}));
        check("a --hidden --limit 5", &json!({"path": "a", "hidden": true, "limit": 5}));
        check("--no-hidden a --limit=-5", &json!({"path": "a", "hidden": false, "limit": -5}));
        check("a -an5", &json!({"path": "a", "hidden": true, "limit": 5}));
        check("a -sa", &json!({"path": "a", "hidden": true, "case": "smart"}));
        check("a -a -n 5", &json!({"path": "a", "hidden": true, "limit": 5}));
        check("a --ratio 0.5 --max-tokens 7", &json!({"path": "a", "ratio": 0.5, "max_tokens": 7}));
        check("a --globs x --globs y", &json!({"path": "a", "globs": ["x", "y"]}));
        check("a --globs '[\"x\", \"y\"]'", &json!({"path": "a", "globs": ["x", "y"]}));
        check("a --edits={\"b\": 1}", &json!({"path": "a", "edits": [{"b": 1}]}));
        check("a --options true --case smart", &json!({"path": "a", "options": true, "case": "smart"}));
        check("a --case='smart'", &json!({"path": "a", "case": "smart"}));
        check("a --options hello", &json!({"path": "a", "options": "hello"}));
    }

    #[test]
    fn json_stands_for_all_and_flags_go_on_top() {
        check(r#"{"path": "a", "limit": 1} --limit 2"#, &json!({"path": "a", "limit": 2}));
        // The hub says what is missing in JSON: it knows better.
        check("{}", &json!({}));
        check(r#"'{"not": "arguments"}'"#, &json!({"path": "{\"not\": \"arguments\"}"}));
        assert!(matches!(read("{'a'}"), Err(ArgumentError::Json(_))));
        assert!(matches!(read("{} b"), Err(ArgumentError::TooMany(..))));
    }

    #[test]
    fn names_that_look_like_flags_can_be_said() {
        check("-- --hidden", &json!({"path": "--hidden"}));
        check("'-x'", &json!({"path": "-x"}));
        check("'--limit=5'", &json!({"path": "--limit=5"}));
        check("-5", &json!({"path": "-5"}));
        check("-", &json!({"path": "-"}));
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let says = |line: &str, part: &str| {
            let said = read(line).unwrap_err().to_string();
            assert!(said.contains(part), "{line}: {said}");
        };
        says("", "t needs PATH");
        says("a b", "\"b\" is one word too many");
        says("a --nothing", "no --nothing");
        says("a --no-limit", "no --no-limit");
        says("a -x", "no -x");
        says("a --limit", "needs a value: a whole number");
        says("a --limit five", "a whole number, not \"five\"");
        says("a --case never", "one of smart, always");
        says("a --hidden=maybe", "true or false");
        says("a --edits x", "a list");
        says("a --ratio NaN", "a number");
    }

    #[test]
    fn without_required_arguments_a_word_is_what_the_tool_is_about() {
        let schema = json!({"properties": {"limit": {"type": "integer"}, "path": {"type": "string"}}});
        let usage = Usage::of_tool("files_list", parameters(&schema));
        assert_eq!(usage.words, ["path"]);
        assert_eq!(usage.line(), "files_list [PATH] [--flags]");
        let nothing = Usage::of_tool("t", parameters(&json!({"properties": {"limit": {"type": "integer"}}})));
        assert!(matches!(
            nothing.arguments(&[Word { text: "x".to_owned(), plain: true }]),
            Err(ArgumentError::TooMany(..))
        ));
    }

    #[test]
    fn words_can_be_taken_one_by_one_or_as_one_text() {
        let word = |text: &str| Word { text: text.to_owned(), plain: true };
        let words = ["-n", "5", "a", "--", "-b"].map(word);
        let made: Vec<Value> =
            usage().one_by_one(&words).iter().map(|words| usage().arguments(words).unwrap().into()).collect();
        assert_eq!(made, [json!({"limit": 5, "path": "a"}), json!({"limit": 5, "path": "-b"})]);
        let words = ["what", "is", "--limit=5", "this"].map(word);
        let made = usage().arguments(&usage().joined(&words)).unwrap();
        assert_eq!(Value::Object(made), json!({"limit": 5, "path": "what is this"}));
        assert_eq!(usage().one_by_one(&[]), [vec![]]);
    }

    proptest::proptest! {
        #[test]
        fn any_words_are_taken_or_refused(words in proptest::collection::vec("[-a-z0-9={}]{0,12}", 0..6)) {
            let words: Vec<Word> = words.into_iter().map(|text| Word { text, plain: true }).collect();
            let _ = usage().arguments(&words);
        }

        #[test]
        fn any_quoted_text_reaches_the_argument(text in "\\PC{1,40}") {
            let words = [Word { text: text.clone(), plain: false }];
            let made = usage().arguments(&words).unwrap();
            proptest::prop_assert_eq!(made["path"].as_str(), Some(&*text));
        }
    }
}

//! Fuzzy matching: the letters of a pattern in their order, anywhere in a path. The better they lie together and at the
//! beginnings of words, the higher the score.

/// For every letter found.
const FOUND: i32 = 16;
/// For a letter right after the one before.
const TOGETHER: i32 = 10;
/// For a letter at the beginning of the name.
const NAME_START: i32 = 12;
/// For a letter at the beginning of a word.
const WORD_START: i32 = 8;
/// For a letter in the name and not in the folders above.
const IN_NAME: i32 = 2;
/// Against each letter between two that are found.
const GAP: i32 = 1;
/// A score that cannot be.
const NEVER: i32 = i32::MIN / 2;

/// A pattern, ready to be looked for; keeps its memory.
pub(crate) struct Fuzzy {
    pattern: Vec<char>,
    /// Upper-case letters in the pattern mean themselves.
    case_sensitive: bool,
    text: Vec<char>,
    before: Vec<i32>,
    now: Vec<i32>,
}

impl Fuzzy {
    /// A pattern; blanks in it mean nothing.
    pub(crate) fn new(pattern: &str) -> Self {
        let pattern: Vec<char> = pattern.chars().filter(|letter| !letter.is_whitespace()).collect();
        let case_sensitive = pattern.iter().any(|letter| letter.is_uppercase());
        Self { pattern, case_sensitive, text: Vec::new(), before: Vec::new(), now: Vec::new() }
    }

    /// How well `path` fits; `None` when a letter is missing.
    pub(crate) fn score(&mut self, path: &str) -> Option<i32> {
        if !self.may_fit(path) {
            return None;
        }
        self.text.clear();
        self.text.extend(path.chars());
        let name = self.text.iter().rposition(|letter| *letter == '/').map_or(0, |slash| slash + 1);
        self.before.clear();
        self.before.resize(self.text.len(), 0);
        for (row, wanted) in self.pattern.iter().enumerate() {
            self.now.clear();
            let mut reached = NEVER;
            for (at, letter) in self.text.iter().enumerate() {
                let together = match at {
                    _ if row == 0 => 0,
                    0 => NEVER,
                    _ => self.before[at - 1].saturating_add(TOGETHER),
                };
                let from = if row == 0 { 0 } else { together.max(reached) };
                let fits = same(*letter, *wanted, self.case_sensitive) && from > NEVER;
                self.now.push(if fits { from + FOUND + bonus(&self.text, at, name) } else { NEVER });
                if row > 0 && at > 0 {
                    reached = (reached - GAP).max(self.before[at - 1] - GAP);
                }
            }
            std::mem::swap(&mut self.before, &mut self.now);
        }
        self.before.iter().copied().max().filter(|score| *score > 0)
    }

    /// A cheap look whether the letters are there at all.
    fn may_fit(&self, path: &str) -> bool {
        let mut letters = path.chars();
        self.pattern.iter().all(|wanted| letters.any(|letter| same(letter, *wanted, self.case_sensitive)))
    }
}

fn same(letter: char, wanted: char, case_sensitive: bool) -> bool {
    letter == wanted
        || !case_sensitive
            && (letter.eq_ignore_ascii_case(&wanted) || letter.to_lowercase().eq(wanted.to_lowercase()))
}

fn bonus(text: &[char], at: usize, name: usize) -> i32 {
    let in_name = if at >= name { IN_NAME } else { 0 };
    let Some(before) = at.checked_sub(1).and_then(|before| text.get(before)) else { return NAME_START };
    let starts_word =
        matches!(before, '/' | '_' | '-' | '.' | ' ') || before.is_lowercase() && text[at].is_uppercase();
    match () {
        () if at == name => NAME_START + in_name,
        () if starts_word => WORD_START + in_name,
        () => in_name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best<'p>(pattern: &str, paths: &[&'p str]) -> Option<&'p str> {
        let mut fuzzy = Fuzzy::new(pattern);
        let scored = paths.iter().filter_map(|path| Some((fuzzy.score(path)?, *path)));
        scored.max_by_key(|(score, _)| *score).map(|(_, path)| path)
    }

    #[test]
    fn the_better_place_wins() {
        assert_eq!(best("main", &["src/domain.rs", "src/main.rs", "m/a/i/n"]), Some("src/main.rs"));
        assert_eq!(best("fl", &["src/shelf.rs", "src/files_list.rs"]), Some("src/files_list.rs"));
        assert_eq!(best("tl", &["bottle", "ToolList"]), Some("ToolList"));
        assert_eq!(best("read me", &["bread/meat", "README.md"]), Some("README.md"));
        assert_eq!(best("größe", &["GRÖSSE", "Größe.txt"]), Some("Größe.txt"));
    }

    #[test]
    fn all_letters_must_be_there_in_order() {
        assert_eq!(best("abc", &["acb", "ab", ""]), None);
        assert_eq!(best("Abc", &["abc"]), None);
        assert_eq!(best("abc", &["aXbXc"]), Some("aXbXc"));
    }
}

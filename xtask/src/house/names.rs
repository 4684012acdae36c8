//! A file is named after what it is about, and some words are about nothing.

use super::{Finding, House};

/// Words that fit any file, and so tell nothing of what is in it.
const EMPTY_WORDS: [&str; 5] = ["util", "utils", "common", "manager", "managers"];

/// Every file or folder with such a word in its name.
pub(super) fn inspect(house: &House) -> Vec<Finding> {
    house.files.iter().filter_map(|file| empty_word_in(&file.path)).collect()
}

fn empty_word_in(path: &str) -> Option<Finding> {
    let words = path.split(|letter: char| !letter.is_alphanumeric()).map(str::to_lowercase);
    let word = words.into_iter().find(|word| EMPTY_WORDS.contains(&word.as_str()))?;
    Some(Finding::new(path, format!("`{word}` says nothing: name it after what it is about")))
}

#[cfg(test)]
mod tests {
    use super::super::tests::places_found;
    use super::*;

    #[test]
    fn empty_words_are_found_in_files_and_folders() {
        let house = House::of_files(&[
            ("crates/a/src/utils.rs", ""),
            ("crates/a/src/path_utils.rs", ""),
            ("crates/common/src/lib.rs", ""),
            ("crates/a/src/SessionManager.rs", ""),
            ("crates/a/src/Manager.rs", ""),
            ("crates/a/src/commonplace.rs", ""),
            ("crates/a/src/paths.rs", ""),
        ]);
        let found = places_found(inspect, &house);
        assert_eq!(
            found,
            [
                "crates/a/src/utils.rs",
                "crates/a/src/path_utils.rs",
                "crates/common/src/lib.rs",
                "crates/a/src/Manager.rs"
            ]
        );
    }
}

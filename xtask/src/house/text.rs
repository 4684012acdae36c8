//! Everything in the repository can be read: no binaries.

use super::{Finding, House};

/// Files that are not text, and why each has to be here. A row whose file is gone, or is text, has to go too.
const BINARIES: &[(&str, &str)] = &[(
    "docs/console.png",
    "README opens with it; tests/console/readme.mjs makes it from the running program",
)];

/// Every file that is not UTF-8 text, and every reason without such a file.
pub(super) fn inspect(house: &House) -> Vec<Finding> {
    inspect_with(house, BINARIES)
}

fn inspect_with(house: &House, binaries: &[(&str, &str)]) -> Vec<Finding> {
    let found: Vec<&str> =
        house.files.iter().filter(|file| !is_text(&file.bytes)).map(|file| file.path.as_str()).collect();
    let unexplained = found.iter().filter(|path| !binaries.iter().any(|(at, _)| at == *path));
    let stale = binaries.iter().map(|(path, _)| path).filter(|path| !found.contains(path));
    unexplained
        .map(|path| Finding::new(*path, "not text: make it in a test, or give it a reason in xtask"))
        .chain(stale.map(|path| Finding::new(*path, "no binary file any more: take its row out of xtask")))
        .collect()
}

fn is_text(bytes: &[u8]) -> bool {
    !bytes.contains(&0) && str::from_utf8(bytes).is_ok()
}

#[cfg(test)]
mod tests {
    use super::super::SourceFile;
    use super::*;

    fn found(bytes: &[u8], reasons: &[(&str, &str)]) -> usize {
        let file = SourceFile { path: "picture".into(), bytes: bytes.into() };
        inspect_with(&House { files: vec![file], ..House::default() }, reasons).len()
    }

    #[test]
    fn text_is_text_in_every_language() {
        assert_eq!(found("žluťoučký kůň 🐴\n".as_bytes(), &[]), 0);
        assert_eq!(found(b"", &[]), 0);
    }

    #[test]
    fn binaries_are_found_unless_they_have_a_reason() {
        assert_eq!(found(b"\x89PNG", &[]), 1);
        assert_eq!(found(b"a\0b", &[]), 1);
        assert_eq!(found(b"\x89PNG", &[("picture", "README shows it")]), 0);
        assert_eq!(found(b"text", &[("picture", "README shows it")]), 1);
    }
}

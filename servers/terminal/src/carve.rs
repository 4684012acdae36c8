//! A folder without some of what is in it. The kernel's confinement only gives: to keep something back, what lies
//! beside it is given piece by piece.

use std::path::{Path, PathBuf};

/// More pieces than this are not given: somebody fills a folder to slow us down.
const PIECES_MAX: usize = 4096;

/// Paths of which something may be denied.
#[derive(Debug)]
pub(crate) struct Given {
    /// Have nothing to do with what is denied.
    whole: Vec<PathBuf>,
    /// Have something in them that is denied, or were not there: looked at each time.
    around: Vec<PathBuf>,
    /// Real paths, without links in them.
    denied: Vec<PathBuf>,
}

impl Given {
    /// Takes paths, and those that are kept back.
    pub(crate) fn new(given: impl IntoIterator<Item = PathBuf>, denied: &[PathBuf]) -> Self {
        let denied: Vec<PathBuf> = denied.iter().map(|path| real(path)).collect();
        let is_whole = |path: &PathBuf| path.canonicalize().is_ok_and(|real| !touches(&real, &denied));
        let (whole, around) = given.into_iter().partition(is_whole);
        Self { whole, around, denied }
    }

    /// The paths without what is denied. Where that lies below one of them, the folders on the way to it are not given
    /// themselves: what is there already can be used, and nothing new can be put beside it.
    pub(crate) fn now(&self) -> Vec<PathBuf> {
        let mut pieces = self.whole.clone();
        for path in &self.around {
            carve(path, &self.denied, &mut pieces);
        }
        pieces
    }
}

/// Whether one lies in the other, either way.
fn touches(path: &Path, denied: &[PathBuf]) -> bool {
    denied.iter().any(|denied| path.starts_with(denied) || denied.starts_with(path))
}

/// The path without links in it, also of what is not there yet.
fn real(path: &Path) -> PathBuf {
    let in_parent = || Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?));
    path.canonicalize().ok().or_else(in_parent).unwrap_or_else(|| path.to_owned())
}

fn carve(path: &Path, denied: &[PathBuf], pieces: &mut Vec<PathBuf>) {
    // What is not there cannot lead anywhere; the sandbox says that it is missing.
    let Ok(real) = path.canonicalize() else { return pieces.push(path.to_owned()) };
    if denied.iter().any(|denied| real.starts_with(denied)) {
        return;
    }
    if !denied.iter().any(|denied| denied.starts_with(&real)) {
        return pieces.push(path.to_owned());
    }
    for entry in std::fs::read_dir(&real).into_iter().flatten().flatten() {
        // A link may lead to what is denied; what it leads to has to be given itself.
        let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        if !is_link && pieces.len() < PIECES_MAX {
            carve(&entry.path(), denied, pieces);
        }
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    fn check(given: &[&str], denied: &[&str], expected: &[&str]) {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().canonicalize().unwrap();
        for folder in
            ["home/notes", "home/.ssh", "home/.local/share/drawbridge/db", "home/.local/bin", "other"]
        {
            std::fs::create_dir_all(root.join(folder)).unwrap();
        }
        std::os::unix::fs::symlink(root.join("home/.ssh"), root.join("home/link")).unwrap();
        let at = |paths: &[&str]| paths.iter().map(|path| root.join(path)).collect::<Vec<_>>();
        let mut got = Given::new(at(given), &at(denied)).now();
        got.sort();
        let mut expected = at(expected);
        expected.sort();
        assert_eq!(got, expected, "{given:?} without {denied:?}");
    }

    #[test]
    fn what_is_denied_is_kept_back_and_the_rest_is_given() {
        let denied = &["home/.ssh", "home/.local/share/drawbridge"];
        check(&["home/notes"], denied, &["home/notes"]);
        check(&["home"], denied, &["home/notes", "home/.local/bin"]);
        check(&["home", "other"], &["home/.ssh"], &["home/notes", "home/.local", "other"]);
        check(&["home/.ssh", "home/.local/share/drawbridge/db"], denied, &[]);
        check(&["home/missing"], denied, &["home/missing"]);
        // What is not there yet is denied as well.
        check(
            &["home"],
            &["home/.local/share", "home/.netrc"],
            &["home/notes", "home/.ssh", "home/.local/bin"],
        );
        // A link to a folder is what it leads to.
        check(&["home/link"], denied, &[]);
    }
}

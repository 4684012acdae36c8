//! Which variables a child sees: a short list of ours, and what it is given.

use std::ffi::{OsStr, OsString};

/// What a child inherits of our own environment. A name that ends in `*` stands for all that begin so.
pub const INHERITED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "TERM",
    "COLORTERM",
    "TZ",
    "TMPDIR",
];

/// Ours: they carry keys. No child sees one, whatever the lists say.
const OURS: &str = "DRAWBRIDGE_";

/// The variables of a child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// Names taken from our own environment where they are set; `*` at the end stands for anything.
    pub inherit: Vec<String>,
    /// Names and values given, which win over inherited ones.
    pub set: Vec<(OsString, OsString)>,
}

impl Default for Environment {
    fn default() -> Self {
        Self { inherit: INHERITED.iter().map(ToString::to_string).collect(), set: Vec::new() }
    }
}

impl Environment {
    /// The list that the child gets, given the one that we have.
    ///
    /// # Errors
    /// Says which given name or value cannot be a variable, or is one of ours.
    pub fn resolve(
        &self,
        ours: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Vec<(OsString, OsString)>, String> {
        self.set.iter().try_for_each(|(name, value)| check(name, value))?;
        let given = |name: &OsStr| self.set.iter().any(|(set, _)| set == name);
        let inherited = ours.into_iter().filter(|(name, _)| self.inherits(name) && !given(name));
        Ok(inherited.chain(last_of_each(&self.set)).collect())
    }

    fn inherits(&self, name: &OsStr) -> bool {
        let Some(name) = name.to_str() else { return false };
        !name.starts_with(OURS) && self.inherit.iter().any(|pattern| fits(pattern, name))
    }
}

fn fits(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => pattern == name,
    }
}

/// The given variables, each name once, with the value given last.
fn last_of_each(set: &[(OsString, OsString)]) -> impl Iterator<Item = (OsString, OsString)> {
    let shadowed = |at: usize| set[at + 1..].iter().any(|(name, _)| *name == set[at].0);
    set.iter().enumerate().filter(move |(at, _)| !shadowed(*at)).map(|(_, pair)| pair.clone())
}

fn check(name: &OsStr, value: &OsStr) -> Result<(), String> {
    let bytes = name.as_encoded_bytes();
    if bytes.is_empty() || bytes.contains(&b'=') || bytes.contains(&0) {
        return Err(format!(
            "{name:?} cannot be the name of a variable: it is empty, or has `=` or NUL in it"
        ));
    }
    if bytes.starts_with(OURS.as_bytes()) {
        return Err(format!(
            "{name:?} is a variable of Drawbridge's own, which no child sees: use another name"
        ));
    }
    if value.as_encoded_bytes().contains(&0) {
        return Err(format!("the value of the variable {name:?} has a NUL in it"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        list.iter().map(|(name, value)| (name.into(), value.into())).collect()
    }

    fn resolved(set: &[(&str, &str)], ours: &[(&str, &str)]) -> Result<Vec<(OsString, OsString)>, String> {
        Environment { set: pairs(set), ..Environment::default() }.resolve(pairs(ours))
    }

    #[test]
    fn only_listed_names_are_inherited() {
        let ours = [("PATH", "/bin"), ("LC_TIME", "C"), ("AWS_SECRET", "x"), ("PATHS", "y"), ("LC", "z")];
        assert_eq!(resolved(&[], &ours).unwrap(), pairs(&[("PATH", "/bin"), ("LC_TIME", "C")]));
    }

    #[test]
    fn what_is_given_wins_and_the_last_word_counts() {
        let got = resolved(&[("PATH", "/a"), ("X", "1"), ("X", "2")], &[("PATH", "/bin")]).unwrap();
        assert_eq!(got, pairs(&[("PATH", "/a"), ("X", "2")]));
    }

    #[test]
    fn ours_never_pass_not_even_with_a_list_that_takes_everything() {
        let all = Environment { inherit: vec!["*".into()], set: vec![] };
        let got = all.resolve(pairs(&[("DRAWBRIDGE_OWNER_KEY", "secret"), ("OTHER", "1")])).unwrap();
        assert_eq!(got, pairs(&[("OTHER", "1")]));
        assert!(resolved(&[("DRAWBRIDGE_HOME", "/x")], &[]).unwrap_err().contains("DRAWBRIDGE_HOME"));
    }

    #[test]
    fn names_and_values_that_would_become_something_else_are_refused() {
        for (name, value) in [("", "x"), ("A=B", "x"), ("A\0B", "x"), ("A", "x\0y")] {
            assert!(resolved(&[(name, value)], &[]).is_err(), "{name:?}={value:?}");
        }
        assert_eq!(resolved(&[("A", "")], &[]).unwrap(), pairs(&[("A", "")]));
    }
}

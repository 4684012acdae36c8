//! Where the person is: a folder in the roots that the hub serves, seen as one tree with the roots at its top.

/// The present folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// As the tools name it, `work/notes`; empty at the top.
    path: String,
    /// The names of the roots.
    roots: Vec<String>,
}

impl Place {
    /// At the top; where there is one root only, in it.
    pub(crate) fn at_start(roots: Vec<String>) -> Self {
        let path = if let [only] = &roots[..] { only.clone() } else { String::new() };
        Self { path, roots }
    }

    /// As the tools name it.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// As people see it.
    pub(crate) fn shown(&self) -> String {
        format!("/{}", self.path)
    }

    pub(crate) fn roots(&self) -> &[String] {
        &self.roots
    }

    pub(crate) fn go(&mut self, path: String) {
        self.path = path;
    }

    /// What a path means that was typed here, as the tools name it. `/work/a` begins at the top; an absolute path of the
    /// hub's machine stays as it is, and the tools take it where it lies in a root.
    pub(crate) fn resolve(&self, typed: &str) -> String {
        let mut parts: Vec<&str> = Vec::new();
        let typed = match typed.strip_prefix('/') {
            Some(rest) => {
                let first = rest.split('/').find(|part| !matches!(*part, "" | ".")).unwrap_or_default();
                if !first.is_empty() && !self.roots.iter().any(|root| root == first) {
                    return typed.to_owned();
                }
                rest
            }
            None => {
                parts.extend(self.path.split('/').filter(|part| !part.is_empty()));
                typed
            }
        };
        for part in typed.split('/') {
            match part {
                "" | "." => {}
                ".." => drop(parts.pop()),
                name => parts.push(name),
            }
        }
        parts.join("/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_mean_what_they_mean_in_other_shells() {
        let mut place = Place::at_start(vec!["work".to_owned(), "home".to_owned()]);
        assert_eq!((place.path(), place.shown()), ("", "/".to_owned()));
        place.go(place.resolve("work/notes"));
        for (typed, meant) in [
            ("a.txt", "work/notes/a.txt"),
            ("../b", "work/b"),
            ("../../home/c", "home/c"),
            ("../../../../home", "home"),
            ("/home/d/./e//f", "home/d/e/f"),
            ("/", ""),
            ("", "work/notes"),
            ("/srv/work/x", "/srv/work/x"),
            ("..", "work"),
        ] {
            assert_eq!(place.resolve(typed), meant, "{typed}");
        }
        assert_eq!(Place::at_start(vec!["only".to_owned()]).path(), "only");
    }

    proptest::proptest! {
        #[test]
        fn no_path_leaves_the_top(typed in "[a-c./]{0,20}") {
            let place = Place::at_start(vec!["a".to_owned()]);
            let meant = place.resolve(&typed);
            proptest::prop_assert!(meant.starts_with('/') || meant.split('/').all(|part| part != ".."));
        }
    }
}

//! Names that are refused even inside a root (attack E9): those that hold secrets, and those that programs run.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};

/// What is refused below a folder of this name by default, for reading and writing: keys and passwords.
pub const SECRET_NAMES: &[&str] = &[
    ".ssh",
    ".gnupg",
    ".aws",
    ".azure",
    ".kube",
    ".netrc",
    ".pgpass",
    ".git-credentials",
    ".password-store",
    ".docker/config.json",
    ".config/gcloud",
    ".config/gh/hosts.yml",
    ".local/share/keyrings",
    "Library/Keychains",
];

/// What callers may read but not change by default, because programs run what it says.
pub const PROTECTED_NAMES: &[&str] = &[
    // git runs hooks, and commands named in its configuration.
    ".git/hooks",
    ".git/config",
    ".git/config.worktree",
    ".git/modules",
    ".gitconfig",
    ".config/git",
    // Shells and sessions run these when they start.
    ".bashrc",
    ".bash_profile",
    ".bash_login",
    ".bash_logout",
    ".bash_aliases",
    ".profile",
    ".zshrc",
    ".zshenv",
    ".zprofile",
    ".zlogin",
    ".zlogout",
    ".cshrc",
    ".tcshrc",
    ".login",
    ".kshrc",
    ".config/fish",
    ".config/nushell",
    ".config/powershell",
    ".envrc",
    ".pam_environment",
    ".xprofile",
    ".xinitrc",
    ".xsession",
    ".xsessionrc",
    ".config/autostart",
    ".config/systemd",
    ".config/environment.d",
    "Library/LaunchAgents",
    // Editors and AI applications start programs named here.
    ".vimrc",
    ".exrc",
    ".nvimrc",
    ".config/nvim",
    ".emacs",
    ".emacs.d",
    ".dir-locals.el",
    ".vscode",
    ".idea",
    ".zed",
    ".cursor",
    ".devcontainer",
    ".mcp.json",
    ".claude",
    ".codex",
    ".gemini",
    // Build tools run programs named here, from any folder below.
    ".cargo/config.toml",
    ".cargo/config",
    ".npmrc",
];

/// The folder in which a root keeps what was removed; no caller sees it.
pub(crate) const TRASH_NAME: &str = ".drawbridge-trash";
/// How the names of half-written files begin, where they cannot be in the trash folder; no caller sees them.
pub(crate) const STAGED_PREFIX: &str = ".drawbridge-staged-";

/// What a caller wants with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    /// To look at it.
    Read,
    /// To change, make or remove it.
    Write,
}

/// Why a name is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denial {
    /// It holds secrets or is ours.
    Secret,
    /// Programs run it.
    Protected,
}

/// The names that are refused. Compared as the most careless file system would: without regard to case, and without
/// the characters that some file systems ignore.
pub(crate) struct Denied {
    secret: Vec<Pattern>,
    protected: Vec<Pattern>,
    /// The last component of every pattern.
    last: HashSet<Vec<u8>>,
    /// What lengths those have, by their first byte, as bits: lets nearly every name pass at once.
    lengths: [u64; 256],
}

/// Folded components that must follow each other somewhere in a path.
type Pattern = Vec<Vec<u8>>;

impl Denied {
    /// From the settings: each a name, or several joined by `/`.
    pub(crate) fn new(secret: &[String], protected: &[String]) -> Self {
        let parse = |text: &String| -> Pattern {
            text.split('/').filter(|part| !part.is_empty()).map(|part| fold(OsStr::new(part))).collect()
        };
        let patterns = |list: &[String]| -> Vec<Pattern> {
            list.iter().map(parse).filter(|pattern| !pattern.is_empty()).collect()
        };
        let (mut secret, protected) = (patterns(secret), patterns(protected));
        secret.push(parse(&TRASH_NAME.to_owned()));
        let last: HashSet<Vec<u8>> =
            secret.iter().chain(&protected).filter_map(|pattern| pattern.last().cloned()).collect();
        let mut lengths = [0; 256];
        for name in &last {
            lengths[usize::from(name[0])] |= length_bit(name);
        }
        Self { secret, protected, last, lengths }
    }

    /// Whether `parts`, from the root down, may be used. Every pattern in it counts, not only one at its end.
    pub(crate) fn check(&self, parts: &[OsString], want: Want) -> Option<Denial> {
        (1..=parts.len()).find_map(|length| self.check_last(&parts[..length], want))
    }

    /// The same when all but the last of `parts` have been checked before.
    pub(crate) fn check_last(&self, parts: &[OsString], want: Want) -> Option<Denial> {
        let (name, above) = parts.split_last()?;
        self.check_entry(above, name, want)
    }

    /// The same for the entry `name` below `above`.
    pub(crate) fn check_entry(&self, above: &[OsString], name: &OsStr, want: Want) -> Option<Denial> {
        if self.passes_at_once(name.as_encoded_bytes()) {
            return None;
        }
        let name = fold(name);
        if name.starts_with(STAGED_PREFIX.as_bytes()) {
            return Some(Denial::Secret);
        }
        if !self.last.contains(&name) {
            return None;
        }
        let hit = |pattern: &Pattern| ends_with(above, &name, pattern);
        match want {
            _ if self.secret.iter().any(hit) => Some(Denial::Secret),
            Want::Write if self.protected.iter().any(hit) => Some(Denial::Protected),
            _ => None,
        }
    }

    /// Whether no pattern ends with a name like this, without folding it. A walk asks this for every entry.
    fn passes_at_once(&self, name: &[u8]) -> bool {
        let end = name.iter().rposition(|byte| !b". ".contains(byte)).map_or(name.len(), |last| last + 1);
        let name = &name[..end];
        let [first, ..] = name else { return false };
        // Only names that begin with a dot can be half-written files of ours.
        *first != b'.'
            && self.lengths[usize::from(first.to_ascii_lowercase())] & length_bit(name) == 0
            && name.is_ascii()
    }

    /// What must not lie below a folder that is to be put at `parts`: for `…/.git`, `hooks` and `config`. Folded.
    pub(crate) fn forbidden_below(&self, parts: &[OsString]) -> Vec<&[Vec<u8>]> {
        rests(self.secret.iter().chain(&self.protected), parts)
    }

    /// What a folder that is now at `parts` may not take elsewhere, where its name would no longer make it secret: for
    /// `….docker`, `config.json`. Folded.
    pub(crate) fn secret_below(&self, parts: &[OsString]) -> Vec<&[Vec<u8>]> {
        rests(self.secret.iter(), parts)
    }
}

/// Of the patterns that begin with the end of `parts`, what is left of them.
fn rests<'d>(patterns: impl Iterator<Item = &'d Pattern>, parts: &[OsString]) -> Vec<&'d [Vec<u8>]> {
    let Some((name, above)) = parts.split_last() else { return Vec::new() };
    let name = fold(name);
    let begun = |pattern: &&'d Pattern| {
        (1..pattern.len()).find(|&length| ends_with(above, &name, &pattern[..length]))
    };
    patterns.filter_map(|pattern| begun(&pattern).map(|length| &pattern[length..])).collect()
}

/// The bit of a name's length; long names share one.
fn length_bit(name: &[u8]) -> u64 {
    1 << name.len().min(63)
}

fn ends_with(above: &[OsString], name: &[u8], pattern: &[Vec<u8>]) -> bool {
    let Some((last, before)) = pattern.split_last() else { return false };
    let Some(start) = above.len().checked_sub(before.len()) else { return false };
    last == name && above[start..].iter().zip(before).all(|(part, wanted)| fold(part) == *wanted)
}

/// A name as the most careless file system compares it: lower case, without characters that HFS+ ignores, and
/// without the dots and spaces that Windows drops at the end.
pub(crate) fn fold(name: &OsStr) -> Vec<u8> {
    let bytes = name.as_encoded_bytes();
    let mut folded = if bytes.is_ascii() {
        bytes.to_ascii_lowercase()
    } else {
        let text = String::from_utf8_lossy(bytes);
        let kept: String = text.chars().filter(|character| !is_ignored(*character)).collect();
        kept.to_lowercase().into_bytes()
    };
    while folded.len() > 1 && matches!(folded.last(), Some(b'.' | b' ')) {
        folded.pop();
    }
    folded
}

/// Code points that HFS+ leaves out when it compares names (Apple, TN1150: string comparison).
fn is_ignored(character: char) -> bool {
    matches!(character, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, want: Want) -> Option<Denial> {
        let own = |list: &[&str]| -> Vec<String> { list.iter().map(|&name| name.to_owned()).collect() };
        let denied = Denied::new(&own(SECRET_NAMES), &own(PROTECTED_NAMES));
        let parts: Vec<OsString> = path.split('/').map(OsString::from).collect();
        denied.check(&parts, want)
    }

    #[test]
    fn e9_secrets_are_refused_at_any_depth_and_in_any_spelling() {
        for path in [
            ".ssh",
            "home/.ssh/id_ed25519",
            ".SSH/config",
            "a/.s\u{200c}sh/x",
            ".ssh. /x",
            ".drawbridge-trash/x",
            "a/.drawbridge-staged-1",
            "home/.docker/config.json",
        ] {
            assert_eq!(check(path, Want::Read), Some(Denial::Secret), "{path}");
        }
    }

    #[test]
    fn e9_what_programs_run_can_be_read_but_not_written() {
        for path in
            ["p/.git/hooks/pre-commit", ".Bashrc", "p/.GIT/Config", "p/.vscode/tasks.json", "x/.idea/a"]
        {
            assert_eq!(check(path, Want::Write), Some(Denial::Protected), "{path}");
            assert_eq!(check(path, Want::Read), None, "{path}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_passes_at_once_would_pass_anyway(name in "[.hHcC\u{200c}]?[a-zA-Z.]{1,8}[ .]{0,2}") {
            let denied = Denied::new(&["hooks".to_owned(), "C".to_owned()], &["config".to_owned()]);
            let folded = fold(OsStr::new(&name));
            if denied.passes_at_once(name.as_bytes()) {
                proptest::prop_assert!(!denied.last.contains(&folded), "{name}");
            }
        }

        #[test]
        fn any_spelling_of_case_is_refused(upper in proptest::collection::vec(proptest::bool::ANY, 5)) {
            let name: String =
                "hooks".chars().zip(upper).map(|(c, upper)| if upper { c.to_ascii_uppercase() } else { c }).collect();
            proptest::prop_assert_eq!(check(&format!(".git/{name}"), Want::Write), Some(Denial::Protected));
        }
    }

    #[test]
    fn names_that_only_look_alike_pass() {
        for path in [
            "ssh",
            ".sshx",
            ".git/HEAD",
            "hooks/pre-commit",
            "git/hooks",
            ".gitignore",
            "config.json",
            ".vscodes",
        ] {
            assert_eq!(check(path, Want::Write), None, "{path}");
        }
    }

    #[test]
    fn a_folder_put_in_a_dangerous_place_may_not_hold_what_is_refused_there() {
        let denied = Denied::new(&[], &[".git/hooks".to_owned(), ".a/b/c".to_owned()]);
        let below = |path: &str| {
            let parts: Vec<OsString> = path.split('/').map(OsString::from).collect();
            denied.forbidden_below(&parts).iter().map(|rest| rest.concat()).collect::<Vec<_>>()
        };
        assert_eq!(below("x/.GIT"), [b"hooks".to_vec()]);
        assert_eq!(below(".a"), [b"bc".to_vec()]);
        assert_eq!(below(".a/b"), [b"c".to_vec()]);
        assert!(below("git").is_empty());
    }
}

//! What changed, as a unified diff.

use std::time::Duration;

use similar::{Algorithm, TextDiff};

/// How many unchanged lines are shown around a change.
const CONTEXT_LINES: usize = 3;
/// How large a diff is shown.
const BYTES_MAX: usize = 64 * 1024;
/// How long the shortest diff is looked for; after that a longer one will do.
const TIME_MAX: Duration = Duration::from_millis(500);

/// The difference between two versions of the file at `path`, in unified format; cut when it is long.
pub(crate) fn unified(path: &str, old: &str, new: &str) -> String {
    let diff = TextDiff::configure().algorithm(Algorithm::Patience).timeout(TIME_MAX).diff_lines(old, new);
    let mut text = diff.unified_diff().context_radius(CONTEXT_LINES).header(path, path).to_string();
    if text.len() > BYTES_MAX {
        text.truncate(text.floor_char_boundary(BYTES_MAX));
        text.push_str("\n[the rest of the diff is not shown]\n");
    }
    text
}

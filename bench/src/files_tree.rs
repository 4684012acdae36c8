//! The files that the file benchmarks work on: always the same, made once.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// Entries of the folder that is listed.
pub const LISTED: usize = 100;

/// Bytes of the small and of the large file that are read.
pub const SMALL_BYTES: usize = 4 << 10;
/// See [`SMALL_BYTES`].
pub const LARGE_BYTES: usize = 1 << 20;

/// Files in the tree that is searched: folders times folders times files.
pub const TREE_FILES: usize = 20 * 10 * 100;

/// One in so many files of the tree has a name that ends in `-target.txt`.
const TARGET_EVERY: usize = 1000;

/// One in so many files of the tree has a line with a needle in it.
const NEEDLE_EVERY: usize = 100;

/// Files whose name matches [`TARGET_GLOB`].
pub const TARGETS: usize = TREE_FILES / TARGET_EVERY;

/// Lines that match [`NEEDLE_REGEX`].
pub const NEEDLES: usize = TREE_FILES / NEEDLE_EVERY;

/// What file names are searched for.
pub const TARGET_GLOB: &str = "**/*-target.txt";

/// What file contents are searched for.
pub const NEEDLE_REGEX: &str = "needle_[0-9]+";

/// Bytes of each file in the tree, about the median of a source tree.
const TREE_FILE_BYTES: usize = 2000;

/// A change of anything above must change this, so that an older tree is not taken for this one.
const VERSION: &str = "files-1";

/// The words that contents are made of.
const WORDS: [&str; 16] = [
    "bridge", "river", "stone", "gate", "tower", "keep", "moat", "chain", "wheel", "lantern", "watch",
    "banner", "harbour", "market", "mill", "road",
];

/// Where everything is.
pub struct FilesTree {
    /// The home folder of the person who runs Drawbridge; nothing else is in it.
    pub home: PathBuf,
    /// The folder in that home which Drawbridge serves by default, and which every other server is given.
    pub root: PathBuf,
}

impl FilesTree {
    /// Makes the files below `cache`, unless they are there.
    ///
    /// # Errors
    ///
    /// When a file cannot be written.
    pub fn prepare(cache: &Path) -> anyhow::Result<Self> {
        let home = cache.join(VERSION);
        let root = home.join("Drawbridge");
        let complete = cache.join(format!("{VERSION}.complete"));
        if !complete.exists() {
            write_all(&root)
                .with_context(|| format!("cannot make the files to measure with in {}", root.display()))?;
            std::fs::write(&complete, "")?;
        }
        Ok(Self { home, root })
    }

    /// The folder with [`LISTED`] files.
    pub fn listed(&self) -> PathBuf {
        self.root.join("list")
    }

    /// The file of `bytes`, which is [`SMALL_BYTES`] or [`LARGE_BYTES`].
    pub fn text(&self, bytes: usize) -> PathBuf {
        self.root.join(text_name(bytes))
    }

    /// The folder that is searched.
    pub fn tree(&self) -> PathBuf {
        self.root.join("tree")
    }
}

/// The name of the file of `bytes` within the root.
pub fn text_name(bytes: usize) -> String {
    format!("text-{bytes}.txt")
}

fn write_all(root: &Path) -> anyhow::Result<()> {
    if root.exists() {
        // Left by a run that was interrupted.
        std::fs::remove_dir_all(root)?;
    }
    let listed = root.join("list");
    std::fs::create_dir_all(&listed)?;
    for entry in 0..LISTED {
        std::fs::write(listed.join(format!("entry-{entry:03}.txt")), "x")?;
    }
    for bytes in [SMALL_BYTES, LARGE_BYTES] {
        std::fs::write(root.join(text_name(bytes)), prose(bytes as u64, bytes))?;
    }
    (0..TREE_FILES).try_for_each(|index| write_tree_file(&root.join("tree"), index))
}

fn write_tree_file(tree: &Path, index: usize) -> anyhow::Result<()> {
    let folder = tree.join(format!("a{:02}", index / 1000)).join(format!("b{}", index / 100 % 10));
    std::fs::create_dir_all(&folder)?;
    let suffix = if index.is_multiple_of(TARGET_EVERY) { "-target" } else { "" };
    let mut text = prose(index as u64, TREE_FILE_BYTES);
    if index % NEEDLE_EVERY == NEEDLE_EVERY / 2 {
        writeln!(text, "here is needle_{index} in a line of its own")?;
    }
    Ok(std::fs::write(folder.join(format!("f{:02}{suffix}.txt", index % 100)), text)?)
}

/// `bytes` bytes of words in lines, the same for the same `seed`.
fn prose(seed: u64, bytes: usize) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut text = String::with_capacity(bytes + 16);
    while text.len() < bytes {
        // A linear congruential step; its upper bits are good enough to pick words with.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push_str(WORDS[(state >> 60) as usize]);
        text.push(if (state >> 56) & 7 == 0 { '\n' } else { ' ' });
    }
    text.truncate(bytes - 1);
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_has_the_length_asked_for_and_is_always_the_same() {
        assert_eq!(prose(1, SMALL_BYTES).len(), SMALL_BYTES);
        assert_eq!(prose(7, 100), prose(7, 100));
        assert_ne!(prose(7, 100), prose(8, 100));
        assert!(!prose(3, LARGE_BYTES).contains("needle_"));
    }

    #[test]
    fn the_tree_has_as_many_targets_and_needles_as_it_says() {
        let folder = tempfile::tempdir().unwrap();
        for index in 0..2 * TARGET_EVERY {
            write_tree_file(folder.path(), index).unwrap();
        }
        let (mut targets, mut needles) = (0, 0);
        for group in ["a00", "a01"] {
            for folder in std::fs::read_dir(folder.path().join(group)).unwrap() {
                for file in std::fs::read_dir(folder.unwrap().path()).unwrap() {
                    let path = file.unwrap().path();
                    targets += usize::from(path.to_string_lossy().ends_with("-target.txt"));
                    needles += std::fs::read_to_string(path).unwrap().matches("needle_").count();
                }
            }
        }
        assert_eq!((targets, needles), (2, 2 * TARGET_EVERY / NEEDLE_EVERY));
    }
}

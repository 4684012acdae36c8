//! The tree that the examples of the tools speak of, and others.

use std::fs;
use std::path::{Path, PathBuf};

use drawbridge_contract::kit::Kit;
use drawbridge_files::{Files, FilesSettings, RootSettings};
use tempfile::TempDir;

/// A root `notes` in a folder of its own, beside which other things can be put.
pub(crate) struct Sample {
    pub(crate) kit: Kit,
    pub(crate) home: TempDir,
}

impl Sample {
    /// A root with a few files.
    pub(crate) fn new() -> Self {
        Self::with(|settings| settings)
    }

    /// The same with other settings.
    pub(crate) fn with(change: impl FnOnce(FilesSettings) -> FilesSettings) -> Self {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().join("notes");
        fill(&root);
        let settings = FilesSettings::of(vec![RootSettings::new("notes", &root)]);
        Self { kit: Kit::of(Files::open(change(settings)).unwrap()), home }
    }

    /// Where a path of the root is on the disk.
    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.home.path().join("notes").join(path)
    }

    /// What is in a file of the root.
    pub(crate) fn text(&self, path: &str) -> String {
        fs::read_to_string(self.at(path)).unwrap()
    }
}

fn fill(root: &Path) {
    let files: &[(&str, &[u8])] = &[
        ("todo.md", b"# To do\n- milk\n- bread\n- write to Ada\n"),
        ("log.txt", b"monday\ntuesday\n"),
        ("old.txt", b"no longer needed\n"),
        ("recipes/soup.md", b"# Soup\nWater, salt, onions.\n"),
        ("recipes/cake.md", b"# Cake\nFlour, eggs, sugar.\n"),
        ("plans/2026/garden.md", b"# Garden\nOnions in March.\n"),
        (".hidden", b"quiet\n"),
    ];
    for (path, contents) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    }
}

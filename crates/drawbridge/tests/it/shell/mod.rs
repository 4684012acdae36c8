//! The shell, by a person in front of a terminal, and by scripts.

mod model;
mod page;
mod person;
mod scripts;
mod talk;
mod tls;

use crate::program::Home;

/// A home with some files; the tools may run without being asked, but for `files_purge`.
fn home() -> Home {
    let home = Home::new();
    home.configure(
        "[[rules]]\ntools = [\"terminal_*\"]\nthen = \"allow\"\n[terminal]\nconfinement = \"off\"\n",
    );
    fill(&home);
    home
}

fn fill(home: &Home) {
    std::fs::create_dir_all(home.root().join("notes")).unwrap();
    std::fs::write(home.root().join("a.txt"), "hello\nworld\n").unwrap();
    std::fs::write(home.root().join("notes/todo list.md"), "- milk\n").unwrap();
}

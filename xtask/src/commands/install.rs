//! `cargo xtask install`: builds Drawbridge and puts it where a shell finds it.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Task, run};
use crate::failure::{Failure, Result};
use crate::places;

pub(super) const TASK: Task = Task {
    name: "install",
    says: "builds Drawbridge and puts it beside cargo, as the command `drawbridge`",
    example: "cargo xtask install",
    run,
};

fn run(args: &[String]) -> Result<()> {
    if let Some(word) = args.first() {
        return Err(Failure::new(format!(
            "`{word}` means nothing here: `cargo xtask install` stands alone."
        )));
    }
    let installed = put(&run::build(false)?, &folder()?)?;
    let again = "`cargo xtask install` again replaces it; deleting the file removes it.";
    println!("\n  {}\n  {again}\n  {}", installed.display(), next(&installed, places::on_path("drawbridge")));
    Ok(())
}

/// Cargo's own folder of programs, which whoever set up Rust has in their path.
fn folder() -> Result<PathBuf> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = home.or_else(|| env::home_dir().map(|home| home.join(".cargo")));
    home.map(|home| home.join("bin")).ok_or_else(|| {
        Failure::new("no place for the program: neither HOME nor CARGO_HOME is set. Set one of them.")
    })
}

/// Copies the program, and only then gives it its name: a hub that runs keeps the file that it was started from.
fn put(program: &Path, folder: &Path) -> Result<PathBuf> {
    let name = format!("drawbridge{}", env::consts::EXE_SUFFIX);
    let (place, part) = (folder.join(&name), folder.join(format!(".{name}.part")));
    let copied = fs::create_dir_all(folder)
        .and_then(|()| fs::copy(program, &part))
        .and_then(|_| fs::rename(&part, &place));
    copied
        .map(|()| place.clone())
        .map_err(|error| Failure::new(format!("{} cannot be written: {error}", place.display())))
}

/// What to do next, by what the shell would start now.
fn next(installed: &Path, found: Option<PathBuf>) -> String {
    let folder = installed.parent().unwrap_or(installed).display();
    match found {
        Some(found) if found == installed => {
            "`drawbridge serve` starts it, `drawbridge help` says what else it does.".to_owned()
        }
        Some(other) => format!(
            "But your shell finds {} first: remove it, or put {folder} before it in PATH.",
            other.display()
        ),
        None => format!("Your shell does not look there yet: put {folder} into PATH."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_replaced_whole_and_nothing_else_is_left() {
        let here = tempfile::tempdir().unwrap();
        let (built, bin) = (here.path().join("built"), here.path().join("a/bin"));
        for text in ["old", "new"] {
            fs::write(&built, text).unwrap();
            let place = put(&built, &bin).unwrap();
            assert_eq!(fs::read_to_string(place).unwrap(), text);
        }
        assert_eq!(fs::read_dir(&bin).unwrap().count(), 1);
        let said = put(&here.path().join("nothing"), &bin).unwrap_err().to_string();
        assert!(said.contains("cannot be written"), "{said}");
    }

    #[test]
    fn it_says_what_the_shell_would_start() {
        let here = Path::new("/home/ada/.cargo/bin/drawbridge");
        assert!(next(here, Some(here.into())).contains("drawbridge serve"));
        assert!(next(here, Some("/usr/bin/drawbridge".into())).contains("finds /usr/bin/drawbridge first"));
        assert!(next(here, None).contains("put /home/ada/.cargo/bin into PATH"));
    }

    #[test]
    fn it_takes_no_words() {
        assert!(run(&["there".to_owned()]).unwrap_err().to_string().contains("`there`"));
    }
}

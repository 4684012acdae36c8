//! The commands: one file each, one line here.

mod bench;
mod check;
mod install;
mod run;
mod test;

use crate::failure::{Failure, Result};

/// One command of `cargo xtask`.
struct Task {
    /// What people type.
    name: &'static str,
    /// One line for the list.
    says: &'static str,
    /// What may follow the name, and an example of it.
    example: &'static str,
    /// Does it; gets the arguments after the name.
    run: fn(&[String]) -> Result<()>,
}

const TASKS: &[Task] = &[run::TASK, install::TASK, test::TASK, check::TASK, bench::TASK];

/// Runs the command that the arguments name; without one, prints the list.
///
/// # Errors
/// There is no such command, or it failed.
pub(crate) fn dispatch(args: &[String]) -> Result<()> {
    let Some((name, rest)) = args.split_first().filter(|(name, _)| !asks_for_help(name)) else {
        print!("{}", help());
        return Ok(());
    };
    let task = TASKS.iter().find(|task| task.name == name);
    let task = task.ok_or_else(|| Failure::new(format!("there is no command `{name}`.\n\n{}", help())))?;
    (task.run)(rest)
}

fn asks_for_help(word: &str) -> bool {
    ["help", "--help", "-h"].contains(&word)
}

fn help() -> String {
    let mut text = String::from("What you can run here, each with all of its set-up:\n\n");
    for task in TASKS {
        text += &format!("  cargo xtask {:<7} {}\n{:22}e.g. {}\n", task.name, task.says, "", task.example);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_shows_every_command_with_an_example() {
        for task in TASKS {
            assert!(help().contains(&format!("cargo xtask {}", task.name)), "{}", task.name);
            assert!(task.example.starts_with(&format!("cargo xtask {}", task.name)), "{}", task.name);
        }
    }

    #[test]
    fn an_unknown_command_is_refused_and_help_is_not() {
        let said = dispatch(&["tset".into()]).unwrap_err().to_string();
        assert!(said.contains("no command `tset`") && said.contains("cargo xtask test"), "{said}");
        assert!(dispatch(&[]).is_ok());
        assert!(dispatch(&["--help".into()]).is_ok());
    }
}

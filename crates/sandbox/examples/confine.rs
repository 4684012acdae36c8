//! Try to get out: `cargo run -p drawbridge-sandbox --example confine -- FOLDER PROGRAM [ARGUMENT]...` runs a program that
//! may change FOLDER, read the system, and nothing else.

use drawbridge_sandbox::{Confinement, Launch, Mode, Sandbox, helper_main};
use tokio::io::{copy, stderr, stdout};

#[tokio::main]
async fn main() {
    helper_main();
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    let [folder, program, arguments @ ..] = words.as_slice() else {
        eprintln!("usage: confine FOLDER PROGRAM [ARGUMENT]...");
        return;
    };
    let confinement = Confinement { mode: Mode::Preferred, ..Confinement::folder(folder) };
    let launch = Launch::new(program).args(arguments.iter().cloned()).directory(folder).confined(confinement);
    if let Err(error) = run(launch).await {
        eprintln!("{error}");
    }
}

async fn run(launch: Launch) -> Result<(), Box<dyn std::error::Error>> {
    let mut child = Sandbox::new().launch(launch).await?;
    eprintln!("held by {:?}", child.report());
    let (output, errors) = (child.output.take(), child.errors.take());
    let (mut to, mut to_errors) = (stdout(), stderr());
    if let (Some(mut output), Some(mut errors)) = (output, errors) {
        tokio::try_join!(copy(&mut output, &mut to), copy(&mut errors, &mut to_errors))?;
    }
    eprintln!("{:?}", child.wait().await?);
    Ok(())
}

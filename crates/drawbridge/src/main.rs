//! Drawbridge: configuration, wiring and the command line. Decides nothing; the gateway does.

mod channels;
mod cli;
mod client;
mod commands;
mod config;
mod console;
mod home;
mod hub;
mod jobs;
mod licensing;
mod logs;
mod notify;
mod output;
mod owner_key;
mod pipes;
mod running;
mod secret;
mod secrets;
mod servers;
mod workers;

use std::process::ExitCode;

/// Gives memory back to calls of a few hundred kilobytes without asking the kernel each time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Started by ourselves as the sandbox's helper, we are that and nothing else.
    drawbridge_sandbox::helper_main();
    let cli = cli::parse();
    match commands::run(cli) {
        Ok(code) => code,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // An error may quote what came from outside.
            let said = output::plain(&format!("{error:#}"));
            anstream::eprintln!("{} {said}", output::red("drawbridge:"));
            ExitCode::FAILURE
        }
    }
}

/// Whoever read our output has seen enough (`drawbridge tools | head`).
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

//! Serves the conformance fixture and prints its address, until it is ended. It asks nobody for a key: for tests only.

use drawbridge_tests::fixture::{Fixture, serve};

#[tokio::main]
async fn main() -> Result<(), serve::StartError> {
    let running = serve::start(Fixture::default()).await?;
    println!("{}", running.url());
    tokio::signal::ctrl_c().await?;
    Ok(())
}

//! `drawbridge raise` and `drawbridge lower`.

use std::process::ExitCode;

use anyhow::Result;
use drawbridge_gateway::{BRIDGE, LOWERED, RAISED};
use drawbridge_store::By;

use crate::output;

/// Refuses every call from now on, in whichever process.
pub(crate) async fn raise() -> Result<ExitCode> {
    set(RAISED, "bridge.raise").await?;
    output::line(format!(
        "{} Every call is refused, everywhere, until `drawbridge lower`.",
        output::yellow("The bridge is raised.")
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// Lets calls in again.
pub(crate) async fn lower() -> Result<ExitCode> {
    set(LOWERED, "bridge.lower").await?;
    output::line(format!(
        "{} Calls pass again, as keys and rules allow.",
        output::green("The bridge is lowered.")
    ))?;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn set(word: &str, act: &str) -> Result<()> {
    let store = super::store()?;
    store.settings().set(BRIDGE, word, act, By::now("owner", "cli")).await?;
    Ok(store.close().await?)
}

//! What the bare servers have in common: they bind a free loopback port, say which, and serve axum.
//!
//! Absent on purpose: keys, validation, authorization and audit. A peer does the least that answers the call, so that
//! the ratio beside Drawbridge shows what its door costs.

use std::io::Write;

use anyhow::Context;
use axum::Router;
use axum::serve::ListenerExt;

/// Serves `router` on a free loopback port until the process is ended, with `TCP_NODELAY` on.
///
/// The address goes to standard output as one line, `127.0.0.1:<port>`, as soon as connections are accepted.
///
/// # Errors
///
/// When no port can be bound, or standard output is closed.
pub async fn serve(router: Router) -> anyhow::Result<()> {
    let listener =
        tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.context("cannot bind a loopback port")?;
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{}", listener.local_addr()?).context("cannot say which port is bound")?;
    stdout.flush()?;
    drop(stdout);
    let listener = listener.tap_io(|stream| {
        // A socket that refuses the option still answers, only later: the figures would show it.
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, router).await?)
}

//! A daemon in ten lines. `DAEMON_FOLDER=… cargo run -p drawbridge-daemon --example greeter`

use drawbridge_daemon::{Daemon, Method};

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Who {
    /// Who is greeted.
    name: String,
}

fn main() -> Result<(), drawbridge_daemon::ServeError> {
    let greet = Method::new("greet", "Greets somebody by name.").reads().gives::<String>();
    Daemon::new("greeter", "Greets people.")
        .method(greet, |who: Who| Ok(format!("Good morning, {}.", who.name)))
        .serve()
}

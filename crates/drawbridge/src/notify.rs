//! Telling the service manager how we are: that we serve, that we still live, that we end (`sd_notify(3)`). Where none
//! asked for it, nothing is told.

use std::time::Duration;

/// Where the service manager listens, and how often it wants to hear that we live.
pub(crate) struct Manager {
    #[cfg(unix)]
    socket: std::os::unix::net::UnixDatagram,
    #[cfg(unix)]
    address: std::os::unix::net::SocketAddr,
    /// How often it is told that we live: half of what it asked for.
    pub(crate) watch_every: Option<Duration>,
}

/// The socket's place: a path, or a name behind `@`.
const SOCKET: &str = "NOTIFY_SOCKET";
/// How long we may be silent, in microseconds, and which process is meant.
const WATCHDOG_US: &str = "WATCHDOG_USEC";
const WATCHDOG_PID: &str = "WATCHDOG_PID";
/// More often than this is not asked for by anybody in earnest.
const WATCH_EVERY_MIN: Duration = Duration::from_millis(50);

#[cfg(unix)]
impl Manager {
    /// The service manager that started us, if one wants to hear of us.
    pub(crate) fn from_environment() -> Option<Self> {
        Self::of(|name| std::env::var(name).ok())
    }

    fn of(get: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let address = address(&get(SOCKET)?)?;
        let socket = std::os::unix::net::UnixDatagram::unbound().ok()?;
        let is_ours = get(WATCHDOG_PID).is_none_or(|pid| pid == std::process::id().to_string());
        let span =
            get(WATCHDOG_US).filter(|_| is_ours).and_then(|us| us.parse().ok()).filter(|&us: &u64| us > 0);
        let watch_every = span.map(|us| (Duration::from_micros(us) / 2).max(WATCH_EVERY_MIN));
        Some(Self { socket, address, watch_every })
    }

    /// Tells it. A manager that does not listen any more is not our trouble.
    pub(crate) fn tell(&self, state: &str) {
        if let Err(error) = self.socket.send_to_addr(state.as_bytes(), &self.address) {
            tracing::debug!(%error, state, "the service manager cannot be told");
        }
    }
}

#[cfg(unix)]
fn address(place: &str) -> Option<std::os::unix::net::SocketAddr> {
    match place.strip_prefix('@') {
        #[cfg(target_os = "linux")]
        Some(name) => {
            <std::os::unix::net::SocketAddr as std::os::linux::net::SocketAddrExt>::from_abstract_name(name)
                .ok()
        }
        None if place.starts_with('/') => std::os::unix::net::SocketAddr::from_pathname(place).ok(),
        _ => None,
    }
}

#[cfg(not(unix))]
impl Manager {
    pub(crate) fn from_environment() -> Option<Self> {
        None
    }

    pub(crate) fn tell(&self, _: &str) {}
}

/// Tells the service manager that we serve, and from then on that we live; gives whom to tell that we end.
pub(crate) fn serving(addresses: &str) -> Option<std::sync::Arc<Manager>> {
    let manager = std::sync::Arc::new(Manager::from_environment()?);
    manager.tell(&format!("READY=1\nSTATUS=serves at {addresses}\nMAINPID={}", std::process::id()));
    if let Some(every) = manager.watch_every {
        tokio::spawn(watch(manager.clone(), every));
    }
    Some(manager)
}

/// Says that we live for as long as the runtime gives us a turn.
async fn watch(manager: std::sync::Arc<Manager>, every: Duration) {
    let mut turns = tokio::time::interval(every);
    loop {
        turns.tick().await;
        manager.tell("WATCHDOG=1");
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::net::{SocketAddr, UnixDatagram};

    use super::*;

    fn heard(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 256];
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let count = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..count].to_vec()).unwrap()
    }

    fn manager(place: &str, more: &[(&str, &str)]) -> Option<Manager> {
        Manager::of(|name| {
            let found = more.iter().find(|(one, _)| *one == name).map(|(_, value)| (*value).to_owned());
            if name == SOCKET { Some(place.to_owned()) } else { found }
        })
    }

    #[test]
    fn a_socket_with_a_path_and_one_without_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        manager(path.to_str().unwrap(), &[]).unwrap().tell("READY=1");
        assert_eq!(heard(&socket), "READY=1");
        let name = format!("drawbridge-test-{}", std::process::id());
        let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        manager(&format!("@{name}"), &[]).unwrap().tell("STOPPING=1");
        assert_eq!(heard(&socket), "STOPPING=1");
    }

    #[test]
    fn the_watchdog_is_told_twice_as_often_as_it_asks_and_only_by_whom_it_asked() {
        let every = |more: &[(&str, &str)]| manager("/x", more).unwrap().watch_every;
        assert_eq!(every(&[(WATCHDOG_US, "60000000")]), Some(Duration::from_secs(30)));
        let pid = std::process::id().to_string();
        assert_eq!(every(&[(WATCHDOG_US, "2000000"), (WATCHDOG_PID, &pid)]), Some(Duration::from_secs(1)));
        assert_eq!(every(&[(WATCHDOG_US, "2000000"), (WATCHDOG_PID, "1")]), None);
        assert_eq!(every(&[(WATCHDOG_US, "1")]), Some(WATCH_EVERY_MIN));
        assert_eq!((every(&[(WATCHDOG_US, "0")]), every(&[(WATCHDOG_US, "soon")])), (None, None));
    }

    #[test]
    fn what_is_no_socket_is_nobody() {
        assert!(manager("relative", &[]).is_none() && manager("", &[]).is_none());
    }
}

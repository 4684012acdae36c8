//! Signals that a child can be sent, by name.

/// A signal. The numbers are the same on every Unix that we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// The terminal was closed.
    Hangup,
    /// What ctrl-c sends.
    Interrupt,
    /// What ctrl-\ sends.
    Quit,
    /// Cannot be caught. Only the program's own group gets it; [`Child::kill`](crate::Child::kill) ends everything.
    Kill,
    /// Asks to end.
    Terminate,
    /// Halts, and cannot be caught.
    Stop,
    /// Goes on after a halt.
    Continue,
}

impl Signal {
    /// Every signal, with its name.
    pub const ALL: [(Self, &str); 7] = [
        (Self::Hangup, "HUP"),
        (Self::Interrupt, "INT"),
        (Self::Quit, "QUIT"),
        (Self::Kill, "KILL"),
        (Self::Terminate, "TERM"),
        (Self::Stop, "STOP"),
        (Self::Continue, "CONT"),
    ];

    /// The signal of this name, with or without `SIG`, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        let upper = name.to_ascii_uppercase();
        let short = upper.strip_prefix("SIG").unwrap_or(&upper);
        Self::ALL.iter().find(|(_, known)| *known == short).map(|(signal, _)| *signal)
    }

    /// Its short name, such as `TERM`.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(signal, _)| *signal == self).map_or("?", |(_, name)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signal_is_found_by_its_name_however_it_is_written() {
        for (signal, name) in Signal::ALL {
            assert_eq!(Signal::from_name(name), Some(signal));
            assert_eq!(Signal::from_name(&format!("sig{}", name.to_lowercase())), Some(signal));
            assert_eq!(signal.name(), name);
        }
        assert_eq!(Signal::from_name("SIGSIGTERM"), None);
        assert_eq!(Signal::from_name(""), None);
    }
}

//! What the person presses, and the keys that are meant for us.

use std::io::Read as _;

use tokio::sync::mpsc;

/// Ctrl-]: the next key is for us.
const OURS: u8 = 0x1d;

/// What was pressed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pressed {
    /// Keys for the terminal.
    Keys(Vec<u8>),
    /// Ctrl-] p: programs are to be kept from typing, or let again.
    Pause,
    /// Ctrl-] d.
    Leave,
}

/// The keyboard of this terminal.
pub(super) struct Keyboard {
    pressed: mpsc::Receiver<Pressed>,
}

impl Keyboard {
    /// Starts to listen. A thread, because a read of a terminal cannot be cancelled; it ends with the process.
    pub(super) fn start() -> Self {
        let (sender, pressed) = mpsc::channel(64);
        std::thread::spawn(move || {
            let (mut splitter, mut buffer) = (Splitter::default(), [0; 4096]);
            while let Ok(count @ 1..) = std::io::stdin().read(&mut buffer) {
                for one in splitter.split(&buffer[..count]) {
                    if sender.blocking_send(one).is_err() {
                        return;
                    }
                }
            }
        });
        Self { pressed }
    }

    /// What is pressed next; `None` when there is no keyboard any more.
    pub(super) async fn next(&mut self) -> Option<Pressed> {
        self.pressed.recv().await
    }
}

/// Tells keys for us from keys for the terminal.
#[derive(Default)]
struct Splitter {
    /// The last key was [`OURS`].
    ours: bool,
}

impl Splitter {
    fn split(&mut self, bytes: &[u8]) -> Vec<Pressed> {
        let (mut split, mut keys) = (Vec::new(), Vec::new());
        for byte in bytes {
            match (std::mem::take(&mut self.ours), *byte) {
                (false, OURS) => self.ours = true,
                (false, key) => keys.push(key),
                (true, OURS) => keys.push(OURS),
                (true, b'd' | b'q' | b'.') => {
                    split.extend([Pressed::Keys(std::mem::take(&mut keys)), Pressed::Leave]);
                }
                (true, b'p') => split.extend([Pressed::Keys(std::mem::take(&mut keys)), Pressed::Pause]),
                (true, key) => keys.extend([OURS, key]),
            }
        }
        split.push(Pressed::Keys(keys));
        split.retain(|one| *one != Pressed::Keys(Vec::new()));
        split
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_keys_are_told_from_the_terminals() {
        let keys = |text: &str| Pressed::Keys(text.as_bytes().to_vec());
        let mut splitter = Splitter::default();
        assert_eq!(splitter.split(b"ls\r"), [keys("ls\r")]);
        assert_eq!(splitter.split(b"a\x1dpb"), [keys("a"), Pressed::Pause, keys("b")]);
        assert_eq!(splitter.split(b"\x1d"), []);
        assert_eq!(splitter.split(b"d"), [Pressed::Leave]);
        assert_eq!(splitter.split(b"\x1d\x1d\x1dx"), [keys("\x1d\x1dx")]);
    }
}

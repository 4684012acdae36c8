//! The person's own terminal while it shows another: raw, and as it was afterwards.

use std::io::{self, Write as _};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

/// How the hub begins when it shows everything anew: a full reset. Here that would take the person's own history along.
const HUB_RESET: &[u8] = b"\x1bc\x1b[0m";
/// A soft reset, the home position, and an empty screen instead.
const OUR_RESET: &[u8] = b"\x1b[!p\x1b[?1049l\x1b[0m\x1b[H\x1b[2J";
/// Takes back whatever modes programs may have set: alternate screen, mouse, paste, keys, hidden cursor, colours.
const RESTORE: &[u8] =
    b"\x1b[?1049l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[?1l\x1b>\x1b[?25h\x1b[0m\x1b[0 q\r\n";

/// The person's own terminal, raw until this is dropped.
pub(super) struct Screen {
    before: Termios,
}

impl Screen {
    /// Takes the terminal. `None` if there is none.
    pub(super) fn take() -> Option<Self> {
        let before = tcgetattr(io::stdin()).ok()?;
        tcgetwinsize(io::stdout()).ok()?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(io::stdin(), OptionalActions::Now, &raw).ok()?;
        Some(Self { before })
    }

    /// Columns and rows.
    pub(super) fn size(&self) -> Option<(u16, u16)> {
        let size = tcgetwinsize(io::stdout()).ok()?;
        (size.ws_col > 0 && size.ws_row > 0).then_some((size.ws_col, size.ws_row))
    }

    /// Shows bytes as they are: the hub has taken out what would act on this terminal.
    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match bytes.strip_prefix(HUB_RESET) {
            Some(rest) => out.write_all(&[OUR_RESET, rest].concat())?,
            None => out.write_all(bytes)?,
        }
        out.flush()
    }

    /// Says something in the terminal's title, where it disturbs no program.
    pub(super) fn tell(&self, what: &str) -> io::Result<()> {
        self.write(format!("\x07\x1b]2;{what}\x1b\\").as_bytes())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // There is nobody to tell if it fails.
        let _ = self.write(RESTORE);
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}

//! Where answers go, and what is said beside them.

use std::io::{self, Write};

use nu_ansi_term::Color;

use crate::render::{Look, plain, plain_line};

/// Standard output for answers, standard error for everything else.
pub(crate) struct Screen {
    pub(crate) out: Box<dyn Write + Send>,
    pub(crate) err: Box<dyn Write + Send>,
    /// How answers look.
    pub(crate) look: Look,
    /// Whether a person sees what is said beside, so that lines may be replaced.
    pub(crate) is_live: bool,
    /// A line stands there that the next one replaces.
    status: bool,
    /// Something stands on the line that is not ended.
    open: bool,
    /// What was shown in pieces since [`Screen::forget_pieces`].
    pieces: String,
}

impl Screen {
    pub(crate) fn new(
        out: Box<dyn Write + Send>,
        err: Box<dyn Write + Send>,
        look: Look,
        is_live: bool,
    ) -> Self {
        Self { out, err, look, is_live, status: false, open: false, pieces: String::new() }
    }

    /// Shows an answer, rendered already, with a line's end.
    pub(crate) fn show(&mut self, text: &str) -> io::Result<()> {
        self.clear()?;
        let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        write!(self.out, "{text}{end}")?;
        self.out.flush()
    }

    /// Shows a piece of an answer that is still written.
    pub(crate) fn piece(&mut self, text: &str) -> io::Result<()> {
        self.clear()?;
        self.pieces.push_str(text);
        let text = plain(text);
        self.open = !text.ends_with('\n') && (self.open || !text.is_empty());
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    /// What was shown in pieces.
    pub(crate) fn pieces(&mut self) -> String {
        std::mem::take(&mut self.pieces)
    }

    pub(crate) fn forget_pieces(&mut self) {
        self.pieces.clear();
    }

    /// Ends what was shown in pieces.
    pub(crate) fn end_pieces(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.open) { self.show("\n") } else { Ok(()) }
    }

    /// Says how far something is, in place of what was said before. Nothing where nobody looks.
    pub(crate) fn status(&mut self, text: &str) -> io::Result<()> {
        if !self.is_live || self.open {
            return Ok(());
        }
        self.status = true;
        let width = self.look.width.saturating_sub(1);
        let text: String = plain_line(text).chars().take(width).collect();
        write!(self.err, "\r\u{1b}[K{text}")?;
        self.err.flush()
    }

    fn clear(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.status) {
            write!(self.err, "\r\u{1b}[K")?;
            self.err.flush()?;
        }
        Ok(())
    }

    /// Empties the screen, where somebody looks at it. What scrolled away stays.
    pub(crate) fn wipe(&mut self) -> io::Result<()> {
        if self.is_live {
            write!(self.err, "\u{1b}[H\u{1b}[2J")?;
            self.err.flush()?;
        }
        Ok(())
    }

    /// Says something beside the answers.
    pub(crate) fn note(&mut self, text: &str) -> io::Result<()> {
        self.clear()?;
        self.end_pieces()?;
        writeln!(self.err, "{}", plain(text))?;
        self.err.flush()
    }

    /// Says what went wrong.
    pub(crate) fn complain(&mut self, text: &str) -> io::Result<()> {
        self.clear()?;
        self.end_pieces()?;
        let text =
            if self.is_live { self.look.paint(Color::Red.normal(), &plain(text)) } else { plain(text) };
        writeln!(self.err, "{text}")?;
        self.err.flush()
    }
}

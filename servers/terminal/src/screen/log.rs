//! The last bytes of an output that may never end, by their position in the whole.

use std::collections::VecDeque;

/// The last bytes of an output. Positions count from the output's first byte and never change their meaning.
#[derive(Debug)]
pub(crate) struct Log {
    kept: VecDeque<u8>,
    end: u64,
    bytes_max: usize,
}

impl Log {
    /// A log that keeps this many bytes.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { kept: VecDeque::new(), end: 0, bytes_max }
    }

    /// Takes the next bytes, and lets go of the oldest where there is no room.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.end += bytes.len() as u64;
        let fits = &bytes[bytes.len().saturating_sub(self.bytes_max)..];
        let surplus = (self.kept.len() + fits.len()).saturating_sub(self.bytes_max);
        self.kept.drain(..surplus);
        self.kept.extend(fits);
    }

    /// The position of the first byte that is kept.
    pub(crate) fn start(&self) -> u64 {
        self.end - self.kept.len() as u64
    }

    /// The position after the last byte.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// The bytes between two positions, as far as they are kept.
    pub(crate) fn between(&self, from: u64, to: u64) -> Vec<u8> {
        let index = |position: u64| {
            usize::try_from(position.clamp(self.start(), self.end) - self.start()).unwrap_or_default()
        };
        let (from, to) = (index(from), index(to));
        self.kept.range(from..to.max(from)).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_oldest_goes_first_and_positions_stay() {
        let mut log = Log::new(4);
        log.push(b"abcd");
        assert_eq!((log.start(), log.end()), (0, 4));
        log.push(b"e");
        assert_eq!((log.start(), log.end()), (1, 5));
        assert_eq!(log.between(0, 99), b"bcde");
        assert_eq!(log.between(2, 4), b"cd");
        assert_eq!(log.between(4, 2), b"");
        assert_eq!(log.between(99, 100), b"");
    }

    proptest! {
        #[test]
        fn what_is_kept_is_the_end_of_the_whole(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..12), 0..9)) {
            let mut log = Log::new(10);
            pieces.iter().for_each(|piece| log.push(piece));
            let whole = pieces.concat();
            prop_assert_eq!(log.end(), whole.len() as u64);
            prop_assert_eq!(log.between(0, log.end()), &whole[whole.len().saturating_sub(10)..]);
        }
    }
}

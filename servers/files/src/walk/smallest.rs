//! The smallest of very many, in bounded memory.

/// Keeps the `limit` smallest of what it is offered. No key is offered twice.
pub(crate) struct Smallest<K, V> {
    /// Up to twice as many as are wanted: the larger half goes when it is full, which costs less than order.
    kept: Vec<(K, V)>,
    limit: usize,
    /// Something was left out.
    more: bool,
    /// There are enough below the last of these that nothing above it is wanted.
    full: bool,
}

/// How many are kept at least before the larger half goes.
const ROOM_MIN: usize = 64;

impl<K: Ord, V> Smallest<K, V> {
    /// Keeps up to `limit`.
    pub(crate) fn new(limit: usize) -> Self {
        Self { kept: Vec::new(), limit, more: false, full: false }
    }

    /// Whether `key` may be among the smallest.
    pub(crate) fn wants(&self, key: &K) -> bool {
        self.limit > 0 && !(self.full && self.kept.get(self.limit - 1).is_some_and(|(last, _)| key > last))
    }

    /// Keeps it unless `limit` smaller ones are there.
    pub(crate) fn offer(&mut self, key: K, value: V) {
        if !self.wants(&key) {
            self.more = true;
            return;
        }
        self.kept.push((key, value));
        if self.kept.len() >= (2 * self.limit).max(ROOM_MIN) {
            // The last of the smallest ends up in its place: what comes later is compared with it.
            self.kept.select_nth_unstable_by(self.limit - 1, |one, other| one.0.cmp(&other.0));
            self.kept.truncate(self.limit);
            (self.full, self.more) = (true, true);
        }
    }

    /// Keeps the smallest of both.
    pub(crate) fn add(&mut self, other: Self) {
        self.more |= other.more;
        for (key, value) in other.kept {
            self.offer(key, value);
        }
    }

    /// What was kept, smallest first, and whether something was left out.
    pub(crate) fn into_sorted(mut self) -> (Vec<(K, V)>, bool) {
        self.kept.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        let more = self.more || self.kept.len() > self.limit;
        self.kept.truncate(self.limit);
        (self.kept, more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn agrees_with_sorting(mut all in proptest::collection::hash_set(0_u32..5000, 0..400), limit in 1_usize..80) {
            let (mut smallest, mut other) = (Smallest::new(limit), Smallest::new(limit));
            for number in all.drain().collect::<Vec<_>>() {
                if number % 3 == 0 { other.offer(number, ()) } else { smallest.offer(number, ()) }
                all.insert(number);
            }
            smallest.add(other);
            let mut sorted: Vec<u32> = all.into_iter().collect();
            sorted.sort_unstable();
            let (kept, more) = smallest.into_sorted();
            proptest::prop_assert_eq!(more, sorted.len() > limit);
            sorted.truncate(limit);
            proptest::prop_assert_eq!(kept.into_iter().map(|(number, ())| number).collect::<Vec<_>>(), sorted);
        }
    }
}

//! The smallest of very many, in bounded memory.

use std::collections::BTreeMap;

/// Keeps the `limit` smallest of what it is offered.
pub(crate) struct Smallest<K, V> {
    kept: BTreeMap<K, V>,
    limit: usize,
    /// Whether something was left out.
    more: bool,
}

impl<K: Ord, V> Smallest<K, V> {
    /// Keeps up to `limit`.
    pub(crate) fn new(limit: usize) -> Self {
        Self { kept: BTreeMap::new(), limit, more: false }
    }

    /// Whether `key` would be kept.
    pub(crate) fn wants(&self, key: &K) -> bool {
        self.kept.len() < self.limit || self.kept.last_key_value().is_some_and(|(last, _)| key < last)
    }

    /// Keeps it unless `limit` smaller ones are there.
    pub(crate) fn offer(&mut self, key: K, value: V) {
        if !self.wants(&key) {
            self.more = true;
            return;
        }
        self.kept.insert(key, value);
        if self.kept.len() > self.limit {
            self.kept.pop_last();
            self.more = true;
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
    pub(crate) fn into_sorted(self) -> (Vec<(K, V)>, bool) {
        (self.kept.into_iter().collect(), self.more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn agrees_with_sorting(mut all in proptest::collection::hash_set(0_u32..500, 0..60), limit in 1_usize..20) {
            let mut smallest = Smallest::new(limit);
            for number in all.drain().collect::<Vec<_>>() {
                smallest.offer(number, ());
                all.insert(number);
            }
            let mut sorted: Vec<u32> = all.into_iter().collect();
            sorted.sort_unstable();
            let (kept, more) = smallest.into_sorted();
            proptest::prop_assert_eq!(more, sorted.len() > limit);
            sorted.truncate(limit);
            proptest::prop_assert_eq!(kept.into_iter().map(|(number, ())| number).collect::<Vec<_>>(), sorted);
        }
    }
}

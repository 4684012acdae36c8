//! How many calls an account made in the window of its tier. The counts outlive the process.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use drawbridge_contract::{CallLimit, Grade, Refusal, Tier};
use drawbridge_store::{Calls, Store, now_us};

/// Into how many slices a window is cut. A slice leaves the window with its last call, so no window ever has more calls
/// than its limit; the price is that a call may wait for a sixtieth of the window longer than it had to.
const SLICES: i64 = 60;
const SECOND_US: i64 = 1_000_000;

/// The meters of all accounts. They live as long as the door, whatever becomes of keys and catalogs meanwhile.
#[derive(Default)]
pub(crate) struct Meters(Mutex<HashMap<Arc<str>, Arc<Meter>>>);

impl Meters {
    /// An account's meter.
    pub(crate) fn of(&self, account: &Arc<str>, store: &Store) -> Arc<Meter> {
        let mut meters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh =
            || Arc::new(Meter { account: account.clone(), store: store.clone(), slices: Mutex::default() });
        meters.entry(account.clone()).or_insert_with(fresh).clone()
    }
}

/// How many calls are left to a grade now, as the state says; `None` where its tier has no limit. For who has no door open.
pub fn calls_left(store: &Store, grade: &Grade) -> Option<u32> {
    Some(Meters::default().of(&grade.account, store).left(grade.tier.calls?))
}

/// What one account called lately.
pub(crate) struct Meter {
    account: Arc<str>,
    store: Store,
    /// Oldest first; `None` until they were read.
    slices: Mutex<Option<VecDeque<Calls>>>,
}

impl Meter {
    /// Counts one call.
    ///
    /// # Errors
    /// [`Refusal::TierSpent`] when the window is full; [`Refusal::AuditUnavailable`] when the counts cannot be read.
    pub(crate) fn take(&self, tier: &Tier, limit: CallLimit) -> Result<(), Refusal> {
        self.take_at(now_us(), tier, limit)
    }

    fn take_at(&self, now: i64, tier: &Tier, limit: CallLimit) -> Result<(), Refusal> {
        let mut guard = self.slices.lock().unwrap_or_else(PoisonError::into_inner);
        let slices = self.read(&mut guard, now, limit)?;
        let begin = now - window_us(limit);
        if count(slices) >= limit.count {
            let free_us = slices.front().map_or(window_us(limit), |oldest| oldest.last_us - begin);
            return Err(spent(tier, limit, free_us));
        }
        let slice = add(slices, now, window_us(limit) / SLICES);
        self.store.calls().note(&self.account, slice, begin);
        Ok(())
    }

    /// How many calls still fit now.
    pub(crate) fn left(&self, limit: CallLimit) -> u32 {
        let mut guard = self.slices.lock().unwrap_or_else(PoisonError::into_inner);
        self.read(&mut guard, now_us(), limit).map_or(0, |slices| limit.count.saturating_sub(count(slices)))
    }

    /// The slices that are in the window at `now`.
    fn read<'a>(
        &self,
        slices: &'a mut Option<VecDeque<Calls>>,
        now: i64,
        limit: CallLimit,
    ) -> Result<&'a mut VecDeque<Calls>, Refusal> {
        let begin = now - window_us(limit);
        if slices.is_none() {
            let kept = self.store.calls().since(&self.account, begin).map_err(crate::record::unavailable)?;
            *slices = Some(kept.into());
        }
        let slices = slices.get_or_insert_default();
        while slices.front().is_some_and(|oldest| oldest.last_us <= begin) {
            slices.pop_front();
        }
        Ok(slices)
    }
}

fn window_us(limit: CallLimit) -> i64 {
    i64::from(limit.window_seconds.max(1)) * SECOND_US
}

fn count(slices: &VecDeque<Calls>) -> u32 {
    slices.iter().fold(0, |sum, slice| sum.saturating_add(slice.count))
}

/// Puts a call into the last slice while that is young enough, or else into a new one. A clock that was set back counts
/// into the last slice, so that nobody gains calls by it.
fn add(slices: &mut VecDeque<Calls>, now: i64, width_us: i64) -> Calls {
    match slices.back_mut() {
        Some(last) if now < last.first_us + width_us => {
            last.last_us = last.last_us.max(now);
            last.count += 1;
            *last
        }
        _ => {
            let slice = Calls { first_us: now, last_us: now, count: 1 };
            slices.push_back(slice);
            slice
        }
    }
}

fn spent(tier: &Tier, limit: CallLimit, free_us: i64) -> Refusal {
    let retry_after = Duration::from_micros(free_us.max(1).unsigned_abs());
    Refusal::TierSpent { tier: tier.name.clone(), limit, retry_after }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: CallLimit = CallLimit { count: 3, window_seconds: 60 };

    fn meter() -> (tempfile::TempDir, Store, Arc<Meter>) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let meter = Meters::default().of(&"key:a".into(), &store);
        (folder, store, meter)
    }

    fn take(meter: &Meter, second: i64, limit: CallLimit) -> Option<u64> {
        match meter.take_at(second * SECOND_US, &Tier::nothing(), limit) {
            Ok(()) => None,
            Err(refusal) => Some(refusal.retry_after().unwrap().as_secs()),
        }
    }

    #[tokio::test]
    async fn a_window_holds_its_calls_and_says_when_the_next_one_fits() {
        let (_folder, _store, meter) = meter();
        for second in [100, 101, 110] {
            assert_eq!(take(&meter, second, LIMIT), None);
        }
        assert_eq!(take(&meter, 130, LIMIT), Some(30));
        assert_eq!(take(&meter, 159, LIMIT), Some(1));
        assert_eq!(take(&meter, 160, LIMIT), None);
        assert_eq!(take(&meter, 160, LIMIT), Some(1));
    }

    #[tokio::test]
    async fn nobody_calls_where_none_is_allowed() {
        let (_folder, _store, meter) = meter();
        assert_eq!(take(&meter, 100, CallLimit { count: 0, window_seconds: 60 }), Some(60));
    }

    #[tokio::test]
    async fn a_clock_set_back_gives_no_calls() {
        let (_folder, _store, meter) = meter();
        for second in [100, 101, 102] {
            assert_eq!(take(&meter, second, LIMIT), None);
        }
        assert!(take(&meter, 10, LIMIT).is_some());
    }

    #[tokio::test]
    async fn the_counts_outlive_the_process() {
        let (folder, store, meter) = meter();
        for second in [100, 101, 102] {
            take(&meter, second, LIMIT);
        }
        store.close().await.unwrap();
        let store = Store::open(folder.path()).unwrap();
        let meter = Meters::default().of(&"key:a".into(), &store);
        assert_eq!(take(&meter, 103, LIMIT), Some(57));
    }

    proptest::proptest! {
        /// However calls come, no window holds more than the limit.
        #[test]
        fn no_window_ever_has_more(gaps in proptest::collection::vec(0i64..40, 1..60), count in 1u32..6) {
            let (_folder, _store, meter) = meter();
            let limit = CallLimit { count, window_seconds: 60 };
            let (mut now, mut let_in) = (1_000, Vec::new());
            for gap in gaps {
                now += gap;
                if take(&meter, now, limit).is_none() {
                    let_in.push(now);
                }
            }
            for last in &let_in {
                let in_window = let_in.iter().filter(|&&one| one > last - 60 && one <= *last).count();
                proptest::prop_assert!(in_window <= count as usize);
            }
        }
    }
}

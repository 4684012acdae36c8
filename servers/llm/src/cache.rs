//! Whole answers that are kept for a while, where the owner wants that: the very same question of the same caller to the
//! same model gets the same answer again, at once and free of charge.
//!
//! Only what is asked with `temperature` 0 is kept, because everybody else asked for something new, and only whole answers
//! that came to their end. A caller never gets what another was answered, nor learns from the time it takes that somebody
//! asked the same.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::settings::CacheSettings;

/// A larger answer is not kept.
pub(crate) const ANSWER_BYTES_MAX: usize = 1 << 20;
/// What an entry takes besides its question and its answer, about.
const ENTRY_BYTES: usize = 200;

/// Everything that an answer depends on, whole: what has the same key is the same question.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) caller: Arc<str>,
    /// The route, and with it the words of the answer.
    pub(crate) path: Box<str>,
    /// As `provider/model`.
    pub(crate) model: Arc<str>,
    pub(crate) headers: Vec<(&'static str, Box<str>)>,
    /// The question as it came.
    pub(crate) body: Bytes,
}

/// The answers that are kept.
pub(crate) struct Cache {
    bytes_max: usize,
    age_max: Duration,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    answers: HashMap<Arc<Key>, (Instant, Bytes)>,
    /// From the oldest on, once each.
    order: VecDeque<Arc<Key>>,
    bytes: usize,
}

impl Cache {
    pub(crate) fn new(settings: &CacheSettings) -> Self {
        Self { bytes_max: settings.bytes_max, age_max: settings.age_max, kept: Mutex::default() }
    }

    /// Whether anything is kept at all.
    pub(crate) fn is_on(&self) -> bool {
        self.bytes_max > 0
    }

    /// The answer to a question that was answered before.
    pub(crate) fn get(&self, key: &Key, now: Instant) -> Option<Bytes> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.forget(now, self.age_max, self.bytes_max);
        kept.answers.get(key).map(|(_, answer)| answer.clone())
    }

    /// Keeps an answer, and lets the oldest ones go that there is no room for.
    pub(crate) fn put(&self, key: Key, answer: Bytes, now: Instant) {
        if answer.len() > ANSWER_BYTES_MAX || size(&key, &answer) > self.bytes_max {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        // Two who asked at once got an answer each; the first is kept.
        if !kept.answers.contains_key(&key) {
            let key = Arc::new(key);
            kept.bytes += size(&key, &answer);
            kept.order.push_back(key.clone());
            kept.answers.insert(key, (now, answer));
        }
        kept.forget(now, self.age_max, self.bytes_max);
    }
}

impl Kept {
    fn forget(&mut self, now: Instant, age_max: Duration, bytes_max: usize) {
        while let Some(oldest) = self.order.front() {
            let is_old = |(since, _): &(Instant, Bytes)| now.saturating_duration_since(*since) >= age_max;
            if self.bytes <= bytes_max && !self.answers.get(oldest).is_some_and(is_old) {
                return;
            }
            let removed = self.answers.remove(oldest).map_or(0, |(_, answer)| size(oldest, &answer));
            self.bytes = self.bytes.saturating_sub(removed);
            self.order.pop_front();
        }
    }
}

fn size(key: &Key, answer: &Bytes) -> usize {
    let headers: usize = key.headers.iter().map(|(_, value)| value.len()).sum();
    key.body.len() + headers + answer.len() + ENTRY_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGE: Duration = Duration::from_secs(60);

    fn cache(bytes_max: usize) -> Cache {
        Cache::new(&CacheSettings { bytes_max, age_max: AGE })
    }

    fn key(caller: &str, body: &str) -> Key {
        let (path, headers) = ("/v1/messages".into(), Vec::new());
        Key { caller: caller.into(), path, model: "p/m".into(), headers, body: body.to_owned().into() }
    }

    #[test]
    fn the_same_question_of_the_same_caller_has_the_same_answer_until_it_is_old() {
        let (cache, now) = (cache(1 << 20), Instant::now());
        cache.put(key("a", "q"), "first".into(), now);
        cache.put(key("a", "q"), "second".into(), now);
        let just_before = now + AGE - Duration::from_millis(1);
        assert_eq!(cache.get(&key("a", "q"), just_before).as_deref(), Some(&b"first"[..]));
        let beta = Key { headers: vec![("openai-beta", "x".into())], ..key("a", "q") };
        let other = Key { model: "p/n".into(), ..key("a", "q") };
        let route = Key { path: "/v1/responses".into(), ..key("a", "q") };
        for stranger in [key("b", "q"), key("a", "q "), beta, other, route] {
            assert_eq!(cache.get(&stranger, now), None, "{stranger:?}");
        }
        assert_eq!(cache.get(&key("a", "q"), now + AGE), None);
        assert_eq!(cache.kept.lock().unwrap().bytes, 0);
    }

    #[test]
    fn the_oldest_make_room_and_nothing_is_kept_beyond_the_bound() {
        let answer = Bytes::from(vec![b'x'; 1_000]);
        let one = size(&key("a", "1"), &answer);
        let (cache, now) = (cache(2 * one), Instant::now());
        for body in ["1", "2", "3"] {
            cache.put(key("a", body), answer.clone(), now);
        }
        let has = |body| cache.get(&key("a", body), now).is_some();
        assert_eq!([has("1"), has("2"), has("3")], [false, true, true]);
        cache.put(key("a", "4"), Bytes::from(vec![b'x'; 2 * one]), now);
        cache.put(key("a", "5"), Bytes::from(vec![b'x'; ANSWER_BYTES_MAX + 1]), now);
        assert_eq!([has("2"), has("4"), has("5")], [true, false, false], "too large to be kept");
    }
}

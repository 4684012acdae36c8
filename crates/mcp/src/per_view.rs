//! What is worked out from a view once, and kept for as long as the view is new.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use drawbridge_contract::View;

/// For how many views something is kept.
const VIEWS_KEPT_MAX: usize = 64;

/// A value for each view.
pub(crate) struct PerView<T>(Mutex<VecDeque<(u64, Arc<T>)>>);

impl<T> Default for PerView<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> PerView<T> {
    /// The value for this view, worked out with `find` the first time.
    pub(crate) fn of(&self, view: &View, find: impl FnOnce(&View) -> T) -> Arc<T> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = kept.iter().find(|(revision, _)| *revision == view.revision) {
            return known.clone();
        }
        let found = Arc::new(find(view));
        if kept.len() >= VIEWS_KEPT_MAX {
            kept.pop_front();
        }
        kept.push_back((view.revision, found.clone()));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_worked_out_once_and_what_is_kept_is_bounded() {
        let kept = PerView::default();
        let mut view = View::empty();
        let mut found = 0;
        for revision in [1, 1, 2, 1] {
            view.revision = revision;
            assert_eq!(
                *kept.of(&view, |view| {
                    found += 1;
                    view.revision
                }),
                revision
            );
        }
        assert_eq!(found, 2);
        for revision in 0..2 * VIEWS_KEPT_MAX as u64 {
            view.revision = revision;
            kept.of(&view, |view| view.revision);
        }
        assert_eq!(kept.0.lock().unwrap().len(), VIEWS_KEPT_MAX);
    }
}

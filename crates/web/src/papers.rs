//! What is rendered from a view is kept under its revision: lists and OpenAPI documents.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use drawbridge_contract::View;
use serde_json::Value;

use crate::limits::{PAPERS_KEPT_BYTES_MAX, PAPERS_KEPT_MAX};

/// What is rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paper {
    Tools,
    OpenApi,
}

/// The newest papers.
#[derive(Default)]
pub(crate) struct Papers(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    papers: VecDeque<((u64, Paper), Bytes)>,
    bytes: usize,
}

impl Papers {
    /// The paper of this view, rendered now if it is not kept.
    pub(crate) fn of(&self, view: &View, paper: Paper, render: impl FnOnce(&View) -> Value) -> Bytes {
        let key = (view.revision, paper);
        if let Some(kept) = self.kept(key) {
            return kept;
        }
        let rendered = Bytes::from(render(view).to_string());
        self.keep(key, rendered.clone());
        rendered
    }

    fn kept(&self, key: (u64, Paper)) -> Option<Bytes> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.papers.iter().find(|(known, _)| *known == key).map(|(_, paper)| paper.clone())
    }

    fn keep(&self, key: (u64, Paper), paper: Bytes) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bytes += paper.len();
        kept.papers.push_back((key, paper));
        while kept.papers.len() > PAPERS_KEPT_MAX || kept.bytes > PAPERS_KEPT_BYTES_MAX {
            let Some((_, oldest)) = kept.papers.pop_front() else { break };
            kept.bytes -= oldest.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(revision: u64) -> View {
        View { revision, ..View::empty() }
    }

    #[test]
    fn a_paper_is_rendered_once_for_each_view_and_kind() {
        let papers = Papers::default();
        let first = papers.of(&view(1), Paper::Tools, |_| Value::from("first"));
        assert_eq!(papers.of(&view(1), Paper::Tools, |_| unreachable!()), first);
        assert_ne!(papers.of(&view(2), Paper::Tools, |_| Value::from("second")), first);
        assert_ne!(papers.of(&view(1), Paper::OpenApi, |_| Value::from("other")), first);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let papers = Papers::default();
        for revision in 0..PAPERS_KEPT_MAX as u64 + 3 {
            papers.of(&view(revision), Paper::Tools, |_| Value::from("x"));
        }
        papers.of(&view(99), Paper::Tools, |_| Value::from("x".repeat(PAPERS_KEPT_BYTES_MAX)));
        let kept = papers.0.lock().unwrap();
        assert!(kept.papers.is_empty(), "larger than all that may be kept");
        assert_eq!(kept.bytes, 0);
    }
}

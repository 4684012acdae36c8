//! What stands before the cursor.

use std::borrow::Cow;
use std::sync::Arc;

use reedline::{Prompt, PromptEditMode, PromptHistorySearch, PromptHistorySearchStatus};

use crate::link::Client;
use crate::render::plain_line;
use crate::session::Shared;

/// Where we are, and whether the hub is there.
pub(crate) struct AtPlace {
    pub(crate) shared: Arc<Shared>,
    pub(crate) client: Client,
    /// The program's name where that is to be shown.
    pub(crate) name: Option<&'static str>,
}

impl Prompt for AtPlace {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        let away = if self.client.is_connected() { "" } else { "[hub away] " };
        let place = plain_line(&self.shared.place().shown());
        let name = self.name.map_or_else(String::new, |name| format!(" {name}"));
        format!("{away}{place}{name}").into()
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        "".into()
    }

    fn render_prompt_indicator(&self, _mode: PromptEditMode) -> Cow<'_, str> {
        "> ".into()
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        "… ".into()
    }

    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        searching(&search)
    }
}

/// A question that stands there itself.
pub(crate) struct Question(pub(crate) String);

impl Prompt for Question {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        (&*self.0).into()
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        "".into()
    }

    fn render_prompt_indicator(&self, _mode: PromptEditMode) -> Cow<'_, str> {
        "".into()
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        "… ".into()
    }

    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        searching(&search)
    }
}

fn searching(search: &PromptHistorySearch) -> Cow<'static, str> {
    let found = match search.status {
        PromptHistorySearchStatus::Passing => "search",
        PromptHistorySearchStatus::Failing => "nothing like",
    };
    format!("({found}: {}) ", plain_line(&search.term)).into()
}

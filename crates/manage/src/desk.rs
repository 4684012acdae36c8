//! The seam to whoever knows the hub.

use serde_json::Value;

/// Something that a person wants to see or have done.
#[derive(Debug, Clone, PartialEq)]
pub enum Wish {
    /// How the hub is.
    Status,
    /// Start a hub in the background.
    Start,
    /// End the hub that runs.
    Stop,
    /// End it, and start it again.
    Restart,
    /// Refuse every call, or let calls in again.
    Raise(bool),
    /// The newest lines of the log that hold this text; all when it is empty.
    Logs {
        /// What to look for.
        filter: String,
        /// How many lines at most.
        lines_max: usize,
    },
    /// The rows of a list.
    List(List),
    /// Everything about one dead letter.
    Inspect(String),
    /// Give a dead letter other arguments.
    Edit {
        /// The job.
        id: String,
        /// All of its arguments.
        arguments: Value,
    },
    /// Try a dead letter again; all of them without an id.
    Replay(Option<String>),
    /// Forget a dead letter.
    Discard(String),
    /// Start no more jobs of a queue, or start them again.
    Pause {
        /// The queue.
        queue: String,
        /// Whether it is to be paused.
        paused: bool,
    },
    /// Make a key.
    AddKey {
        /// What it is called.
        name: String,
        /// What it may use; everything when empty.
        scopes: Vec<String>,
        /// From when on it opens nothing, such as `30d`; never when empty.
        expires: String,
    },
    /// Revoke a key.
    Revoke(String),
}

/// A list that can be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// Each field of the configuration, and what is wrong with it.
    Settings,
    /// Queues of jobs.
    Queues,
    /// Jobs that were given up.
    DeadLetters,
    /// Keys of callers.
    Keys,
}

impl List {
    /// All of them, in the order of their numbers.
    pub(crate) const ALL: [Self; 4] = [Self::Settings, Self::Queues, Self::DeadLetters, Self::Keys];

    /// The heads of its columns, which the cells of a [`Row`] follow.
    pub fn heads(self) -> &'static [&'static str] {
        match self {
            Self::Settings => &["FIELD", "VALUE"],
            Self::Queues => &["QUEUE", "QUEUED", "RUNNING", "LATER", "DEAD", ""],
            Self::DeadLetters => &["ID", "TOOL", "STATE", "TRIED", "WHY"],
            Self::Keys => &["NAME", "KIND", "MAY USE", "EXPIRES", "LAST USED"],
        }
    }
}

/// How something is to be looked upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// As everything.
    #[default]
    Plain,
    /// It is well.
    Good,
    /// Look at it.
    Notice,
    /// It is not well.
    Bad,
}

/// A row of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Row {
    /// What it is called in wishes.
    pub id: String,
    /// As many as the list has heads.
    pub cells: Vec<String>,
    /// How it is.
    pub tone: Tone,
    /// What is shown of the row that is chosen.
    pub detail: Vec<String>,
}

/// A line about the hub.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fact {
    /// What it is about.
    pub name: String,
    /// What is so.
    pub value: String,
    /// How that is.
    pub tone: Tone,
}

/// What a desk answers.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// How the hub is.
    Status {
        /// Whether one runs.
        running: bool,
        /// Whether every call is refused.
        raised: bool,
        /// Everything else, in order.
        facts: Vec<Fact>,
    },
    /// Lines of the log, the oldest first.
    Logs(Vec<String>),
    /// The rows of a list.
    Rows(List, Vec<Row>),
    /// Everything about a dead letter.
    Letter {
        /// The job.
        id: String,
        /// Its arguments, as they may be seen.
        arguments: String,
        /// For people.
        lines: Vec<String>,
    },
    /// It was done.
    Done(String),
    /// It was done, and this is shown once and never again.
    Once {
        /// What it is.
        title: String,
        /// What is shown.
        lines: Vec<String>,
    },
    /// It could not be done.
    Failed(String),
}

/// Whoever knows the hub. Called on a thread of its own, one wish at a time.
pub trait Desk: Send + 'static {
    /// Does what is wished for. May take seconds.
    fn grant(&mut self, wish: Wish) -> News;
}

//! One step of an answer that is still coming.

use super::{Failure, ModelInfo, Runtime, Stats, StopReason, Usage};

/// One step of an answer. `Begin` comes first if it comes; after `Stop` come only `Usage` and `Facts`; after `Failed`
/// comes nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// The provider has begun; nothing is said yet.
    Begin {
        /// What the provider calls this answer.
        id: Option<String>,
        /// The model that answers, which may be another than was asked.
        model: Option<String>,
    },
    /// A local server is not yet at the answer.
    Progress {
        /// What it does instead.
        stage: Stage,
        /// How much of that is done, 0 to 1.
        done: f64,
    },
    /// Words of the answer.
    Text(String),
    /// Words of the reasoning before it.
    Reasoning(String),
    /// The provider's seal on the reasoning that just ended; on its own, of reasoning that is not shown.
    ReasoningSeal {
        /// The signature, or the thought encrypted.
        seal: String,
        /// Whether nothing of the thought was shown.
        redacted: bool,
    },
    /// A tool call begins. Calls are numbered from 0 without gaps.
    ToolCallStart {
        /// Its number.
        index: usize,
        /// Its id: the provider's, or made by us where the provider gives none.
        id: String,
        /// Which tool.
        name: String,
        /// Gemini's signature.
        seal: Option<String>,
    },
    /// More of a call's arguments.
    ToolCallArguments {
        /// Which call.
        index: usize,
        /// A piece of JSON text, cut anywhere.
        fragment: String,
    },
    /// What has been counted. Each replaces the one before; fields that are missing stay as they were.
    Usage(Usage),
    /// The provider used a tool of its own.
    OwnTool {
        /// Which, without its version.
        name: String,
        /// How often it did so far, where the provider says; else this is one more use.
        uses: Option<u64>,
    },
    /// What the provider tells about itself.
    Facts {
        /// How fast it was.
        stats: Stats,
        /// Which model that is.
        model_info: ModelInfo,
        /// What runs it.
        runtime: Runtime,
    },
    /// The answer is complete, and why it ends here.
    Stop(StopReason),
    /// The answer ends without being complete.
    Failed(Failure),
}

/// What a local server does before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It loads the model.
    Load,
    /// It reads the prompt.
    Prompt,
}

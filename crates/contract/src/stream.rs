//! Live streams: bytes both ways for as long as somebody looks, such as a terminal's screen and keys.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::BoxStream;
use serde_json::value::RawValue;
use tokio::sync::mpsc;

use crate::{Context, ToolError};

/// The streams of a server, each by an id that its tools give out.
pub trait Streams: Send + Sync + 'static {
    /// Finds one for a caller who passed the door. One of another caller is not found.
    ///
    /// # Errors
    /// [`ToolError::NotFound`], or [`ToolError::Refused`] when it takes no input from this caller now.
    fn open(&self, id: &str, mode: StreamMode, context: &Context) -> Result<StreamHandle, ToolError>;
}

/// What a viewer may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamMode {
    /// Look.
    Watch,
    /// Look and type.
    Type,
}

/// One stream that may be attached to; several viewers can be at once.
pub trait LiveStream: Send + Sync + 'static {
    /// Attaches a viewer. What it needs to see the present state comes first, then what happens.
    fn attach(self: Arc<Self>) -> Attachment;
}

/// A stream that the door let somebody reach.
#[derive(Clone)]
pub struct StreamHandle(pub Arc<dyn LiveStream>);

impl fmt::Debug for StreamHandle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("StreamHandle")
    }
}

/// One viewer's ends of a stream. Dropped, the viewer is gone.
pub struct Attachment {
    /// What the viewer sees; ends when the stream does. A viewer that reads too slowly is brought up to date with
    /// the present state instead of being sent everything.
    pub output: BoxStream<'static, StreamOutput>,
    /// Takes what the viewer types; `None` for one who only watches. Bounded: a full one makes the viewer wait.
    pub input: Option<mpsc::Sender<StreamInput>>,
}

/// What a viewer sees.
#[derive(Debug, Clone)]
pub enum StreamOutput {
    /// Bytes, as the program wrote them.
    Bytes(Bytes),
    /// A JSON object about the stream itself, such as its size or its end.
    Notice(Box<RawValue>),
}

/// What a viewer does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamInput {
    /// Types bytes.
    Bytes(Bytes),
    /// Says how large its window is.
    Resize {
        /// Characters in a line.
        columns: u16,
        /// Lines.
        rows: u16,
    },
    /// Stops programs from typing, or lets them again.
    Pause(bool),
}

//! Bringing what callers and workers say within its bounds. Every engine does this the same way, so that a job may go
//! from one to the other.

use sha2::{Digest, Sha256};

use crate::bounds::{
    ARGUMENTS_BYTES_MAX, ATTRIBUTES_BYTES_MAX, CHECKPOINT_BYTES_MAX, KEY_BYTES_MAX, MESSAGE_BYTES_MAX,
    NAME_BYTES_MAX, PRIORITY_MAX, RESULT_BYTES_MAX, URL_BYTES_MAX,
};
use crate::error::at_most;
use crate::{AttemptEnd, EngineError, Failure, NewJob, Progress, codes};

impl NewJob {
    /// Refuses a job of which something is too large, missing or out of its range.
    ///
    /// # Errors
    /// [`EngineError::TooLarge`] and [`EngineError::Invalid`].
    pub fn check(&self) -> Result<(), EngineError> {
        for (what, name, size_max) in [
            ("the queue's name", &self.queue, NAME_BYTES_MAX),
            ("the tool's name", &self.tool, NAME_BYTES_MAX),
            ("the caller's id", &self.caller, KEY_BYTES_MAX),
        ] {
            at_most(what, name.len(), size_max)?;
            if name.is_empty() {
                return Err(EngineError::Invalid { what, problem: "is empty; give one".into() });
            }
        }
        for key in [&self.idempotency_key, &self.deduplication_key].into_iter().flatten() {
            at_most("a key", key.len(), KEY_BYTES_MAX)?;
        }
        at_most("the arguments", self.arguments.get().len(), ARGUMENTS_BYTES_MAX)?;
        let attributes = self.attributes.as_ref().map_or(0, |attributes| attributes.get().len());
        at_most("the attributes", attributes, ATTRIBUTES_BYTES_MAX)?;
        check_callback(self.callback_url.as_deref())?;
        if self.priority.unsigned_abs() > PRIORITY_MAX.unsigned_abs() {
            let problem = format!("must be within {} and {PRIORITY_MAX}", -PRIORITY_MAX);
            return Err(EngineError::Invalid { what: "the priority", problem });
        }
        Ok(())
    }

    /// What an idempotency key holds fast: the same queue, tool and arguments give the same.
    pub fn fingerprint(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for part in [&*self.queue, &*self.tool, self.arguments.get()] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }
}

/// What can be said without asking the network; where it leads is checked when it is dialled.
fn check_callback(url: Option<&str>) -> Result<(), EngineError> {
    let Some(url) = url else { return Ok(()) };
    at_most("the callback's URL", url.len(), URL_BYTES_MAX)?;
    if url.starts_with("http://") || url.starts_with("https://") {
        return Ok(());
    }
    let problem = "must begin with http:// or https://".to_owned();
    Err(EngineError::Invalid { what: "the callback's URL", problem })
}

impl AttemptEnd {
    /// The same within its bounds. A result that is too large is a failure that says so.
    #[must_use]
    pub fn fitted(self) -> Self {
        match self {
            Self::Completed(result) if result.get().len() > RESULT_BYTES_MAX => {
                let bytes = result.get().len();
                Self::Failed(Failure::last(
                    codes::RESULT_TOO_LARGE,
                    format!(
                        "the result has {bytes} bytes, at most {RESULT_BYTES_MAX} are kept; let the tool write a file instead"
                    ),
                ))
            }
            Self::AskedInput(question) if question.get().len() > CHECKPOINT_BYTES_MAX => {
                let message = format!("it asked something of more than {CHECKPOINT_BYTES_MAX} bytes");
                Self::Failed(Failure::last(codes::RESULT_TOO_LARGE, message))
            }
            Self::Failed(failure) => Self::Failed(failure.fitted()),
            other => other,
        }
    }
}

impl Failure {
    /// The same, with its texts cut to their bounds.
    #[must_use]
    pub fn fitted(mut self) -> Self {
        self.message.truncate(self.message.floor_char_boundary(MESSAGE_BYTES_MAX));
        if self.code.len() > NAME_BYTES_MAX {
            self.code = self.code[..self.code.floor_char_boundary(NAME_BYTES_MAX)].into();
        }
        self
    }
}

impl Progress {
    /// The same, with its message cut to its bound.
    #[must_use]
    pub fn fitted(mut self) -> Self {
        if let Some(message) = &mut self.message {
            message.truncate(message.floor_char_boundary(MESSAGE_BYTES_MAX));
        }
        self
    }
}

//! Pieces made into a result.

use std::time::Duration;

use super::{
    ChatRequest, ChatResult, Failure, Measure, Message, ModelInfo, Part, Piece, Reasoning, Runtime, Stats,
    ToolCall, Usage, tokens_of,
};

/// The most bytes that an answer may have, reasoning and arguments included: the longest that models give is a
/// tenth of this.
pub const ANSWER_BYTES_MAX: usize = 16 << 20;
/// The most tools that an answer may want called.
pub const TOOL_CALLS_MAX: usize = 256;

/// Why an answer was not taken in to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooMuch {
    /// It has too many bytes.
    #[error("the answer has more than {ANSWER_BYTES_MAX} bytes; ask for less with max_tokens")]
    Bytes,
    /// It wants too many tools called.
    #[error("the answer wants more than {TOOL_CALLS_MAX} tools called")]
    ToolCalls,
}

/// Gathers the pieces of one answer, and measures what the provider does not say. It has no clock: every call brings
/// the time since the request was sent.
#[derive(Debug)]
pub struct Accumulator {
    result: ChatResult,
    /// Where in the message's parts each tool call is, by its number.
    calls: Vec<usize>,
    bytes: usize,
    prompt_tokens: u64,
    first: Option<Duration>,
    last: Duration,
    failure: Option<Failure>,
}

impl Accumulator {
    /// For the answer to `request`.
    #[must_use]
    pub fn new(request: &ChatRequest) -> Self {
        Self::with(request.model.clone(), request.estimated_prompt_tokens())
    }

    /// For the answer of `model` to a prompt of about `prompt_tokens` tokens.
    #[must_use]
    pub fn with(model: String, prompt_tokens: u64) -> Self {
        Self {
            result: ChatResult::empty(model),
            calls: Vec::new(),
            bytes: 0,
            prompt_tokens,
            first: None,
            last: Duration::ZERO,
            failure: None,
        }
    }

    /// Takes in one piece that came `elapsed` after the request was sent.
    ///
    /// # Errors
    /// [`TooMuch`] if the answer is larger than any; what came before stays.
    pub fn push(&mut self, piece: &Piece, elapsed: Duration) -> Result<(), TooMuch> {
        if let Some(bytes) = said(piece) {
            self.bytes += bytes;
            self.first.get_or_insert(elapsed);
            self.last = elapsed;
            if self.bytes > ANSWER_BYTES_MAX {
                return Err(TooMuch::Bytes);
            }
        }
        self.take(piece)
    }

    fn take(&mut self, piece: &Piece) -> Result<(), TooMuch> {
        match piece {
            Piece::Begin { id, model } => self.begin(id.as_ref(), model.as_ref()),
            // What a provider's own tools cost is counted where they can be asked for: in what goes on as it came.
            Piece::Progress { .. } | Piece::OwnTool { .. } => {}
            Piece::Text(text) => self.text(text),
            Piece::Reasoning(text) => self.thought(text),
            Piece::ReasoningSeal { seal, redacted } => self.seal(seal, *redacted),
            Piece::ToolCallStart { id, name, seal, .. } => return self.call(id, name, seal.as_ref()),
            Piece::ToolCallArguments { index, fragment } => self.arguments(*index, fragment),
            Piece::Usage(usage) => self.result.usage.update(*usage),
            Piece::Facts { stats, model_info, runtime } => self.facts(stats, model_info, runtime),
            Piece::Stop(reason) => self.result.stats.stop_reason = Some(reason.clone()),
            Piece::Failed(failure) => self.failure = Some(failure.clone()),
        }
        Ok(())
    }

    fn begin(&mut self, id: Option<&String>, model: Option<&String>) {
        self.result.id = id.cloned().or(self.result.id.take());
        if let Some(model) = model {
            self.result.model.clone_from(model);
        }
    }

    fn parts(&mut self) -> &mut Vec<Part> {
        &mut self.result.message.parts
    }

    fn text(&mut self, text: &str) {
        match self.parts().last_mut() {
            Some(Part::Text { text: before }) => before.push_str(text),
            _ if text.is_empty() => {}
            _ => self.parts().push(Part::text(text)),
        }
    }

    /// Sealed reasoning is not continued.
    fn thought(&mut self, text: &str) {
        match self.parts().last_mut() {
            Some(Part::Reasoning(open)) if open.seal.is_none() => open.text.push_str(text),
            _ => self
                .parts()
                .push(Part::Reasoning(Reasoning { text: text.to_owned(), ..Reasoning::default() })),
        }
    }

    fn seal(&mut self, seal: &str, redacted: bool) {
        let seal = Some(seal.to_owned());
        match self.parts().last_mut() {
            Some(Part::Reasoning(open)) if open.seal.is_none() && !redacted => open.seal = seal,
            _ => self.parts().push(Part::Reasoning(Reasoning { text: String::new(), seal, redacted })),
        }
    }

    fn call(&mut self, id: &str, name: &str, seal: Option<&String>) -> Result<(), TooMuch> {
        if self.calls.len() == TOOL_CALLS_MAX {
            return Err(TooMuch::ToolCalls);
        }
        let at = self.parts().len();
        self.calls.push(at);
        let call =
            ToolCall { id: id.into(), name: name.into(), arguments: String::new(), seal: seal.cloned() };
        self.parts().push(Part::ToolCall(call));
        Ok(())
    }

    fn arguments(&mut self, index: usize, fragment: &str) {
        let Some(&at) = self.calls.get(index) else { return };
        if let Some(Part::ToolCall(call)) = self.parts().get_mut(at) {
            call.arguments.push_str(fragment);
        }
    }

    fn facts(&mut self, stats: &Stats, model_info: &ModelInfo, runtime: &Runtime) {
        self.result.stats.update(stats.clone());
        if *model_info != ModelInfo::default() {
            self.result.model_info = model_info.clone();
        }
        if *runtime != Runtime::default() {
            self.result.runtime = runtime.clone();
        }
    }

    /// Why the answer is not complete, if it is not.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// What it has counted so far: the provider's numbers, and estimates in place of those that are missing.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let known = self.result.usage;
        let mut usage = known;
        usage.update(Usage {
            prompt_tokens: known.prompt_tokens.or(Some(self.prompt_tokens)),
            completion_tokens: known.completion_tokens.or(Some(self.estimated_completion())),
            ..known
        });
        usage
    }

    fn estimated_completion(&self) -> u64 {
        self.result.message.parts.iter().map(completion_tokens).sum()
    }

    /// The answer as far as it came, complete `elapsed` after the request was sent.
    #[must_use]
    pub fn finish(mut self, elapsed: Duration) -> ChatResult {
        let measured = self.measure(elapsed);
        self.result.measured_here = measured;
        self.result
    }

    fn measure(&mut self, elapsed: Duration) -> Vec<Measure> {
        let mut here = Vec::new();
        let known = self.result.usage;
        self.result.usage = self.usage();
        if known.prompt_tokens.is_none() {
            here.push(Measure::PromptTokens);
        }
        if known.completion_tokens.is_none() {
            here.push(Measure::CompletionTokens);
        }
        self.measure_times(elapsed, &mut here);
        here
    }

    fn measure_times(&mut self, elapsed: Duration, here: &mut Vec<Measure>) {
        let first = self.first.unwrap_or(elapsed);
        let generation = self.last.max(first).saturating_sub(first);
        let (_, completion) = self.result.usage.counts();
        let stats = &mut self.result.stats;
        let mut fill = |field: &mut Option<f64>, value: Option<f64>, measure| {
            if field.is_none() && value.is_some() {
                *field = value;
                here.push(measure);
            }
        };
        fill(
            &mut stats.time_to_first_token_s,
            self.first.map(|first| first.as_secs_f64()),
            Measure::TimeToFirstToken,
        );
        fill(
            &mut stats.generation_time_s,
            self.first.map(|_| generation.as_secs_f64()),
            Measure::GenerationTime,
        );
        let seconds = stats.generation_time_s.filter(|seconds| *seconds > 0.0);
        #[expect(clippy::cast_precision_loss, reason = "nobody answers with 2^52 tokens")]
        fill(
            &mut stats.tokens_per_second,
            seconds.map(|seconds| completion as f64 / seconds),
            Measure::TokensPerSecond,
        );
    }

    /// The message so far, for callers that go on with it.
    #[must_use]
    pub fn message(&self) -> &Message {
        &self.result.message
    }
}

/// How many bytes of the answer this is, if it is some of it.
fn said(piece: &Piece) -> Option<usize> {
    match piece {
        Piece::Text(text) | Piece::Reasoning(text) => Some(text.len()),
        Piece::ToolCallStart { id, name, .. } => Some(id.len() + name.len()),
        Piece::ToolCallArguments { fragment, .. } => Some(fragment.len()),
        Piece::ReasoningSeal { seal, .. } => Some(seal.len()),
        _ => None,
    }
}

fn completion_tokens(part: &Part) -> u64 {
    match part {
        Part::Text { text } => tokens_of(text),
        Part::Reasoning(thought) => tokens_of(&thought.text),
        Part::ToolCall(call) => tokens_of(&call.name) + tokens_of(&call.arguments),
        Part::Image(_) | Part::File(_) | Part::ToolResult(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Role, StopReason};
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn gathered(pieces: &[Piece]) -> ChatResult {
        let request = ChatRequest::new("m", vec![Message::text(Role::User, "hello")]);
        let mut accumulator = Accumulator::new(&request);
        for (at, piece) in (1u32..).zip(pieces) {
            accumulator.push(piece, MS * 100 * at).unwrap();
        }
        accumulator.finish(MS * 1_000)
    }

    fn start(index: usize) -> Piece {
        Piece::ToolCallStart { index, id: format!("c{index}"), name: "look".into(), seal: None }
    }

    fn arguments(index: usize, fragment: &str) -> Piece {
        Piece::ToolCallArguments { index, fragment: fragment.into() }
    }

    #[test]
    fn words_grow_together_and_calls_keep_their_arguments() {
        let result = gathered(&[
            Piece::Reasoning("h".into()),
            Piece::Reasoning("m".into()),
            Piece::Text("He".into()),
            Piece::Text("llo".into()),
            start(0),
            start(1),
            arguments(1, "{}"),
            arguments(0, r#"{"a""#),
            arguments(0, ":1}"),
            arguments(9, "lost"),
            Piece::Stop(StopReason::ToolCalls),
        ]);
        assert_eq!((result.message.words().as_str(), result.message.reasoning().as_str()), ("Hello", "hm"));
        let calls: Vec<_> = result.message.tool_calls().map(|call| call.arguments.as_str()).collect();
        assert_eq!(calls, [r#"{"a":1}"#, "{}"]);
    }

    #[test]
    fn sealed_reasoning_is_not_continued() {
        let seal = |seal: &str, redacted| Piece::ReasoningSeal { seal: seal.into(), redacted };
        let result = gathered(&[
            Piece::Reasoning("one".into()),
            seal("s1", false),
            Piece::Reasoning("two".into()),
            seal("s2", true),
        ]);
        let thoughts: Vec<_> = result.message.parts.iter().filter_map(Part::as_reasoning).collect();
        let seals: Vec<_> =
            thoughts.iter().map(|one| (one.text.as_str(), one.seal.as_deref(), one.redacted)).collect();
        assert_eq!(seals, [("one", Some("s1"), false), ("two", None, false), ("", Some("s2"), true)]);
    }

    #[test]
    fn what_the_provider_does_not_say_is_measured_and_marked() {
        let result = gathered(&[
            Piece::Text("12345678".into()),
            Piece::Text("1234".into()),
            Piece::Text("1234".into()),
        ]);
        assert_eq!(result.usage.completion_tokens, Some(4));
        assert_eq!(result.stats.time_to_first_token_s, Some(0.1));
        assert_eq!(result.stats.generation_time_s, Some(0.2));
        assert_eq!(result.stats.tokens_per_second, Some(20.0));
        assert_eq!(result.measured_here.len(), 5);
    }

    #[test]
    fn what_the_provider_says_is_believed() {
        let stats = Stats {
            tokens_per_second: Some(5.0),
            time_to_first_token_s: Some(0.5),
            generation_time_s: Some(0.7),
            stop_reason: None,
        };
        let facts = Piece::Facts { stats, model_info: ModelInfo::default(), runtime: Runtime::default() };
        let result = gathered(&[Piece::Text("a".into()), Piece::Usage(Usage::of(3, 2)), facts]);
        assert_eq!((result.usage, result.measured_here), (Usage::of(3, 2), vec![]));
    }

    #[test]
    fn an_answer_without_a_token_has_no_time_to_its_first() {
        let result = gathered(&[]);
        assert_eq!(result.stats, Stats::default());
        assert_eq!(result.measured_here, [Measure::PromptTokens, Measure::CompletionTokens]);
    }

    #[test]
    fn an_answer_is_bounded_in_bytes_and_calls() {
        let mut accumulator = Accumulator::with("m".into(), 0);
        assert_eq!(accumulator.push(&Piece::Text("a".repeat(ANSWER_BYTES_MAX)), MS), Ok(()));
        assert_eq!(accumulator.push(&Piece::Text("a".into()), MS), Err(TooMuch::Bytes));
        let mut accumulator = Accumulator::with("m".into(), 0);
        for index in 0..TOOL_CALLS_MAX {
            accumulator.push(&start(index), MS).unwrap();
        }
        assert_eq!(accumulator.push(&start(TOOL_CALLS_MAX), MS), Err(TooMuch::ToolCalls));
    }

    #[test]
    fn a_stream_that_is_cut_is_still_counted() {
        let mut accumulator = Accumulator::with("m".into(), 7);
        accumulator.push(&Piece::Text("12345".into()), MS).unwrap();
        accumulator.push(&Piece::Failed(Failure::cut()), MS).unwrap();
        assert!(accumulator.failure().is_some());
        assert_eq!(accumulator.usage().counts(), (7, 2));
    }
}

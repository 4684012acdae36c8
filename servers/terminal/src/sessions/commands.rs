//! Which commands ran in a terminal, where their output is and how they ended, from the shell's marks.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

use crate::screen::log::Log;
use crate::screen::mark::Mark;
use crate::screen::text;

/// How many commands are remembered.
const COMMANDS_MAX: usize = 200;
/// Longer command lines are cut.
const LINE_CHARACTERS_MAX: usize = 500;

/// What a shell marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marking {
    /// Nothing: the program is no shell of those that we know.
    Nothing,
    /// Prompts, and what ended before them.
    Prompts,
    /// Also where output begins.
    Commands,
}

/// A command that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Command {
    /// Counted from 1.
    pub(crate) number: u64,
    /// What was typed, as it was shown.
    pub(crate) line: String,
    /// Where its output is in the log.
    pub(crate) output: Range<u64>,
    pub(crate) exit_code: Option<i32>,
    pub(crate) duration: Duration,
}

/// What a shell is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doing {
    /// It has not shown a prompt yet, or never does.
    Unknown,
    /// It waits for a command.
    Prompt,
    /// It runs a command, or is about to show a prompt.
    Running,
}

/// Whether the commands are over that one waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    No,
    /// There is a prompt, but perhaps the shell is about to read what was typed before it.
    IfQuiet,
    Yes,
}

/// The commands of one terminal.
#[derive(Debug)]
pub(crate) struct Commands {
    marking: Marking,
    doing: Doing,
    ended: VecDeque<Command>,
    count: u64,
    running: Option<Running>,
    /// Where what is typed at the last prompt begins.
    typed_from: Option<u64>,
    /// When a line was last entered, until a command begins.
    entered: Option<Instant>,
}

#[derive(Debug)]
struct Running {
    line: String,
    output_from: u64,
    since: Instant,
}

impl Commands {
    /// No command yet, in a shell that marks this.
    pub(crate) fn new(marking: Marking) -> Self {
        let (ended, running, typed_from, entered) = Default::default();
        Self { marking, doing: Doing::Unknown, ended, count: 0, running, typed_from, entered }
    }

    /// Whether ends of commands are known at all.
    pub(crate) fn are_marked(&self) -> bool {
        self.marking != Marking::Nothing
    }

    /// Notes that a line was entered.
    pub(crate) fn entered(&mut self, now: Instant) {
        self.entered = Some(now);
    }

    /// Notes a mark at this place in the log.
    pub(crate) fn mark(&mut self, mark: Mark, at: Range<u64>, log: &Log, now: Instant) {
        match mark {
            Mark::PromptStart => self.running = None,
            Mark::PromptEnd => (self.typed_from, self.doing) = (Some(at.end), Doing::Prompt),
            Mark::OutputStart => self.started(at, log, now),
            Mark::Ended(exit_code) => self.ended(exit_code, at.start, log, now),
        }
    }

    /// What the shell is doing.
    pub(crate) fn doing(&self) -> Doing {
        let entered = self.marking == Marking::Prompts && self.entered.is_some();
        if self.doing == Doing::Prompt && entered { Doing::Running } else { self.doing }
    }

    /// Whether what ran at this place is over: its end has come, and a prompt after it.
    pub(crate) fn over_since(&self, place: u64) -> Over {
        let ended = self.ended.back().map(|last| last.output.end).filter(|end| *end >= place);
        // The prompt that was there already, and at which was typed, is no answer.
        let is_answer = |from: &u64| *from > place && ended.is_none_or(|end| *from >= end);
        match self.typed_from.filter(|from| self.doing == Doing::Prompt && is_answer(from)) {
            None => Over::No,
            Some(_) if ended.is_some() && self.entered.is_none() => Over::Yes,
            // An empty line, a prompt that was only drawn again, or input that a program has taken.
            Some(_) => Over::IfQuiet,
        }
    }

    /// The commands that ended after this place.
    pub(crate) fn since(&self, place: u64) -> impl Iterator<Item = &Command> {
        self.ended.iter().filter(move |command| command.output.end >= place)
    }

    /// A command by its number, if it has ended and is remembered.
    pub(crate) fn numbered(&self, number: u64) -> Option<&Command> {
        self.ended.iter().find(|command| command.number == number)
    }

    /// The number of the command that runs or comes next.
    pub(crate) fn next_number(&self) -> u64 {
        self.count + 1
    }

    /// Where the output of the command begins that runs now.
    pub(crate) fn running_from(&self) -> Option<u64> {
        self.running.as_ref().map(|running| running.output_from)
    }

    fn started(&mut self, at: Range<u64>, log: &Log, now: Instant) {
        let typed = log.between(self.typed_from.unwrap_or(at.start), at.start);
        (self.entered, self.doing) = (None, Doing::Running);
        self.running = Some(Running { line: line_of(&typed), output_from: at.end, since: now });
    }

    fn ended(&mut self, exit_code: Option<i32>, at: u64, log: &Log, now: Instant) {
        self.doing = if self.doing == Doing::Unknown { Doing::Unknown } else { Doing::Running };
        let running = match self.marking {
            Marking::Prompts => self.guess(at, log, now),
            _ => self.running.take(),
        };
        let Some(Running { line, output_from, since }) = running else { return };
        self.count += 1;
        let duration = now.saturating_duration_since(since);
        let output = output_from..at.max(output_from);
        self.ended.push_back(Command { number: self.count, line, output, exit_code, duration });
        if self.ended.len() > COMMANDS_MAX {
            self.ended.pop_front();
        }
    }

    /// Where a shell does not mark where output begins: after the line that was typed, if there is one.
    fn guess(&mut self, at: u64, log: &Log, now: Instant) -> Option<Running> {
        let since = self.entered.take().unwrap_or(now);
        let typed_from = self.typed_from.take()?;
        let typed = log.between(typed_from, at);
        let end = memchr::memchr(b'\n', &typed)?;
        let line = line_of(&typed[..end]);
        (!line.is_empty()).then(|| Running { line, output_from: typed_from + end as u64 + 1, since })
    }
}

fn line_of(typed: &[u8]) -> String {
    text::drawn(typed).trim().chars().take(LINE_CHARACTERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use Mark::{Ended, OutputStart, PromptEnd, PromptStart};

    /// A terminal in which this was shown: text, and marks of no length.
    struct Shown {
        log: Log,
        commands: Commands,
        now: Instant,
    }

    impl Shown {
        fn new(marking: Marking) -> Self {
            Self { log: Log::new(1000), commands: Commands::new(marking), now: Instant::now() }
        }

        fn text(&mut self, text: &str) -> &mut Self {
            self.log.push(text.as_bytes());
            self
        }

        fn mark(&mut self, mark: Mark) -> &mut Self {
            let at = self.log.end();
            self.commands.mark(mark, at..at, &self.log, self.now);
            self
        }

        fn prompt(&mut self) -> &mut Self {
            self.mark(PromptStart).text("$ ").mark(PromptEnd)
        }

        fn enter(&mut self, line: &str) -> &mut Self {
            self.commands.entered(self.now);
            self.text(line).text("\r\n")
        }

        fn pass(&mut self, seconds: u64) -> &mut Self {
            self.now += Duration::from_secs(seconds);
            self
        }
    }

    #[test]
    fn a_command_has_its_line_output_code_and_duration() {
        let mut shown = Shown::new(Marking::Commands);
        assert_eq!(shown.commands.doing(), Doing::Unknown);
        shown.prompt();
        assert_eq!(shown.commands.doing(), Doing::Prompt);
        let before = shown.log.end();
        shown.enter("make").mark(OutputStart).pass(3).text("done\r\n");
        assert_eq!((shown.commands.doing(), shown.commands.over_since(before)), (Doing::Running, Over::No));
        shown.mark(Ended(Some(2)));
        // Who types before the prompt is there would be answered by that prompt.
        assert_eq!(shown.commands.over_since(before), Over::No);
        shown.prompt();
        assert_eq!(shown.commands.over_since(before), Over::Yes);
        let command = shown.commands.numbered(1).unwrap();
        assert_eq!((command.line.as_str(), command.exit_code), ("make", Some(2)));
        assert_eq!(shown.log.between(command.output.start, command.output.end), b"done\r\n");
        assert_eq!(command.duration, Duration::from_secs(3));
        assert_eq!(shown.commands.over_since(shown.log.end() + 1), Over::No);
    }

    #[test]
    fn an_empty_line_is_no_command_and_over_when_it_is_quiet() {
        let mut shown = Shown::new(Marking::Commands);
        shown.mark(Ended(Some(0))).prompt();
        let before = shown.log.end();
        assert_eq!(shown.commands.since(0).count(), 0);
        shown.enter("");
        shown.mark(Ended(Some(0))).prompt();
        assert_eq!((shown.commands.over_since(before), shown.commands.next_number()), (Over::IfQuiet, 1));
    }

    #[test]
    fn a_line_entered_before_the_prompt_is_waited_for() {
        let mut shown = Shown::new(Marking::Commands);
        shown.enter("late");
        shown.mark(Ended(Some(0))).prompt();
        assert_eq!(shown.commands.over_since(0), Over::IfQuiet);
        shown.mark(OutputStart).text("x");
        assert_eq!(shown.commands.over_since(0), Over::No);
        shown.enter("typed ahead, or taken by the command").mark(Ended(Some(0))).prompt();
        assert_eq!(shown.commands.over_since(0), Over::IfQuiet);
        shown.mark(OutputStart).mark(Ended(Some(0))).prompt();
        assert_eq!(shown.commands.over_since(0), Over::Yes);
    }

    #[test]
    fn a_shell_that_marks_only_prompts_is_understood() {
        let mut shown = Shown::new(Marking::Prompts);
        shown.mark(Ended(Some(0))).prompt();
        let before = shown.log.end();
        shown.enter("false").pass(1);
        assert_eq!(shown.commands.doing(), Doing::Running);
        shown.text("out\r\n").mark(Ended(Some(1))).prompt();
        let command = shown.commands.since(before).next().unwrap();
        assert_eq!((command.line.as_str(), command.exit_code), ("false", Some(1)));
        assert_eq!(shown.log.between(command.output.start, command.output.end), b"out\r\n");
        assert_eq!(command.duration, Duration::from_secs(1));
        shown.enter("").mark(Ended(Some(1))).prompt();
        assert_eq!(shown.commands.next_number(), 2);
    }

    #[test]
    fn only_the_last_commands_are_remembered() {
        let mut shown = Shown::new(Marking::Commands);
        for _ in 0..=COMMANDS_MAX {
            shown.prompt().mark(OutputStart).mark(Ended(None));
        }
        assert_eq!(shown.commands.since(0).count(), COMMANDS_MAX);
        assert!(shown.commands.numbered(1).is_none() && shown.commands.numbered(2).is_some());
    }
}

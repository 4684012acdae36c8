//! What only the program can tell or do: it knows the configuration's fields, and where things are.

use std::path::PathBuf;

use drawbridge_connect::Entry;
use drawbridge_contract::Timetable;
use drawbridge_gateway::{Effect, Ongoing, RuleSettings};
use drawbridge_licence::Tiers;
use serde::Serialize;
use serde_json::Value;

/// The program, as the console sees it. What fails is told in words for the owner.
pub trait Program: Send + Sync + 'static {
    /// How the hub is, as `GET /api/status` tells it.
    fn status(&self) -> Value;

    /// Who has models: names, kinds and addresses, never a key; and how each is as far as is known, without asking it.
    fn providers(&self) -> Value;

    /// How many tokens language models used in the last hour: the minute's number since 1970, those of prompts, those of
    /// answers. Blocks while it reads.
    fn tokens_of_the_hour(&self) -> Vec<(i64, u64, u64)>;

    /// Where the configuration is. It need not be there.
    fn config_path(&self) -> PathBuf;

    /// The rules in a configuration's text.
    ///
    /// # Errors
    /// Each field at fault, those of all other parts included.
    fn read_config(&self, text: &str) -> Result<Vec<RuleSettings>, Vec<Fault>>;

    /// What these rules would say of each caller and tool; without rules, what holds.
    ///
    /// # Errors
    /// A pattern that is none.
    fn effects(&self, rules: Option<&[RuleSettings]>) -> Result<Vec<Effect>, String>;

    /// Has these rules hold from now on.
    ///
    /// # Errors
    /// A pattern that is none.
    fn apply_rules(&self, rules: &[RuleSettings]) -> Result<(), String>;

    /// Where the tiers are, and which hold. Blocks while it reads.
    fn tiers(&self) -> TiersPlace;

    /// The tiers in a text of `tiers.toml`.
    ///
    /// # Errors
    /// What is wrong with it, its patterns included.
    fn read_tiers(&self, text: &str) -> Result<Tiers, String>;

    /// What would be said of each caller and tool if these were the tiers.
    ///
    /// # Errors
    /// The state cannot be read.
    fn effects_of_tiers(&self, tiers: Tiers) -> Result<Vec<Effect>, String>;

    /// The next times of a timetable that is no schedule yet (RFC 3339, on the clocks of its time zone).
    ///
    /// # Errors
    /// What is wrong with it.
    fn next_times(&self, when: &Timetable, count: usize) -> Result<Vec<Box<str>>, String>;

    /// A call that goes on and may have no record yet; `None` for any other.
    fn ongoing(&self, call: &str) -> Option<Ongoing>;

    /// The names of the secrets that are kept.
    ///
    /// # Errors
    /// They cannot be read.
    fn secrets(&self) -> Result<Vec<String>, String>;

    /// Keeps a secret; `None` forgets it. Says whether there was one of that name.
    ///
    /// # Errors
    /// A name or a value that is none, or they cannot be written.
    fn keep_secret(&self, name: &str, value: Option<&str>) -> Result<bool, String>;

    /// How a host is to start this program.
    ///
    /// # Errors
    /// Its own path cannot be found.
    fn entry(&self) -> Result<Entry, String>;
}

/// The file of tiers, and what holds by it.
#[derive(Debug, Clone)]
pub struct TiersPlace {
    /// The file that counts; where there is none, the one that would. It need not be there.
    pub path: PathBuf,
    /// It is llmbasedos' `licence_tiers.yaml`, in either of its layouts.
    pub is_old: bool,
    /// Why it is not used.
    pub problem: Option<String>,
    /// The licence: whose, which tier, until when, and what is wrong with it; `None` where there is none.
    pub licence: Option<Value>,
    /// The tiers that hold; without a file, those that a licence brings along.
    pub holds: Tiers,
}

/// One field of a configuration at fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Such as `files.roots[0].path`; empty when the text is not TOML at all.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

//! How much each caller may use, and how much each has used.
//!
//! ```text
//! books   today's counts and reservations, in memory; pure
//! log     the same on disk, in batches; other processes' too
//! price   tokens made into money
//! error   why a request is not sent
//! ```

mod books;
mod bounds;
mod error;
mod log;
mod minutes;
mod price;

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use drawbridge_contract::Caller;
use globset::{Glob, GlobSet, GlobSetBuilder};

pub(crate) use books::Use;
use books::{Books, Claim, DayLimit};
use bounds::{Bounds, Compiled};
pub(crate) use error::{
    MODEL_NOT_ALLOWED, MODEL_WITHOUT_PRICE, QUOTA_EXCEEDED, QuotaError, TOOL_WITHOUT_PRICE,
};
use log::{Entry, Log, What, day_of};
use minutes::Minutes;
use price::{Prices, micros};

use crate::chat::{OWN_TOOL_USES_ASSUMED, OwnTool, OwnToolUses, Usage};
use crate::settings::{LlmSettings, QuotaSettings};

/// How many tokens an answer is taken to have at most, where neither the request nor a quota says.
pub(crate) const ANSWER_TOKENS_ASSUMED: u64 = 4_096;
/// How often requests look at what other processes wrote: they write it down a tenth of a second late themselves.
const REFRESH_EVERY: Duration = Duration::from_millis(25);
/// How many days one question about usage may reach back.
pub(crate) const DAYS_ASKED_MAX: u32 = log::DAYS_KEPT as u32;

fn now_s() -> i64 {
    drawbridge_store::now_us() / 1_000_000
}

/// Why the books cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The folder cannot be made.
    #[error("usage cannot be written to {folder}: {source}")]
    Folder {
        /// Where.
        folder: String,
        /// What went wrong.
        source: io::Error,
    },
    /// A pattern is wrong.
    #[error("in [llm]: {0}")]
    Pattern(#[from] globset::Error),
}

/// Who may use how much, and who has.
pub(crate) struct Ledger {
    prices: Prices,
    quotas: Vec<Quota>,
    compiled: Compiled,
    open: Mutex<Open>,
    /// Tells this process's lines from those of others.
    by: u64,
    requests: AtomicU64,
}

struct Open {
    books: Books,
    minutes: Minutes,
    log: Log,
    day: i64,
    /// When the lines of other processes were last read.
    refreshed: Option<Instant>,
    /// Requests of other processes that began and did not end.
    others: HashMap<(u64, u64), (Arc<str>, Claim)>,
}

struct Quota {
    callers: GlobSet,
    models: Option<GlobSet>,
    tokens_per_request: Option<u64>,
    day: DayLimit,
}

impl Quota {
    fn of(settings: &QuotaSettings) -> Result<Self, globset::Error> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a float becomes the nearest number there is"
        )]
        let micros = settings.money_per_day.map(|money| (money * 1e6) as u64);
        Ok(Self {
            callers: patterns(&settings.callers)?,
            models: settings.models.as_deref().map(patterns).transpose()?,
            tokens_per_request: settings.tokens_per_request,
            day: DayLimit { tokens: settings.tokens_per_day, micros },
        })
    }
}

fn patterns(texts: &[String]) -> Result<GlobSet, globset::Error> {
    let mut set = GlobSetBuilder::new();
    for text in texts {
        set.add(Glob::new(text)?);
    }
    set.build()
}

/// What a request is about to use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// Of its prompt, about.
    pub(crate) prompt_tokens: u64,
    /// Of its answer, where the request says.
    pub(crate) max_tokens: Option<u64>,
    /// Tools that the provider may run itself and charge for; empty where [`Ledger::counts_tools`] says that nobody asks.
    pub(crate) own_tools: &'a [OwnTool],
    /// Whether it goes to a server of the owner's own, which costs nothing where no price says otherwise.
    pub(crate) is_local: bool,
}

impl Wanted<'_> {
    /// A question without tools of the provider's own, to a provider that may charge for it.
    pub(crate) fn of(prompt_tokens: u64, max_tokens: Option<u64>) -> Self {
        Self { prompt_tokens, max_tokens, own_tools: &[], is_local: false }
    }
}

impl Ledger {
    /// Opens the books of `settings.state`.
    ///
    /// # Errors
    /// [`LedgerError`] names the folder or the pattern.
    pub(crate) fn open(settings: &LlmSettings) -> Result<Arc<Self>, LedgerError> {
        let folder: &Path = &settings.state;
        let by = rand::random();
        let log = Log::open(folder, by)
            .map_err(|source| LedgerError::Folder { folder: folder.display().to_string(), source })?;
        let ledger = Self {
            prices: Prices::of(&settings.prices)?,
            compiled: Compiled::default(),
            quotas: settings.quotas.iter().map(Quota::of).collect::<Result<_, _>>()?,
            open: Mutex::new(Open::with(log)),
            by,
            requests: AtomicU64::new(0),
        };
        drop(ledger.now());
        Ok(Arc::new(ledger))
    }

    /// Whether a caller may use a model at all, by any of its names.
    ///
    /// # Errors
    /// [`QuotaError::Model`].
    pub(crate) fn check_model(&self, caller: &Caller, names: &[&str]) -> Result<(), QuotaError> {
        self.bounds(caller).allow(names)
    }

    /// Reserves what a request may use at most. What comes back must be settled; dropped, nothing was used.
    ///
    /// # Errors
    /// [`QuotaError`] when that is too much.
    pub(crate) fn reserve(
        self: &Arc<Self>,
        caller: &Caller,
        model: &Arc<str>,
        wanted: Wanted<'_>,
    ) -> Result<Reservation, QuotaError> {
        let bounds = self.bounds(caller);
        let (account, day) = (bounds.account(), bounds.day());
        let max_tokens = max_tokens(bounds.tokens_per_request(), wanted)?;
        let tools = self.micros_of_tools(model, wanted.own_tools, day.micros.is_some())?;
        if day.micros.is_some() && !wanted.is_local && !self.prices.has(model) {
            return Err(QuotaError::ModelWithoutPrice { model: model.to_string() });
        }
        let claim = self.claim(model, wanted.prompt_tokens, max_tokens.or(wanted.max_tokens), tools);
        let is_limited = day != DayLimit::default();
        let mut open = self.guard();
        if !open.log.works() {
            return Err(QuotaError::Uncounted);
        }
        let mut reservation = Reservation {
            ledger: self.clone(),
            caller: account.clone(),
            model: model.clone(),
            claim: None,
            request: 0,
            max_tokens,
            prompt_tokens: wanted.prompt_tokens,
            own_tools: wanted.own_tools.iter().filter(|tool| !tool.is_told).cloned().collect(),
            sent: None,
        };
        if is_limited {
            open.refresh_in_time();
            open.books.reserve(account, claim, day)?;
            reservation.claim = Some(claim);
            reservation.request = self.requests.fetch_add(1, Ordering::Relaxed);
            open.log.write(reservation.entry(What::Began { tokens: claim.tokens, micros: claim.micros }));
        }
        Ok(reservation)
    }

    /// Counts a request that got an answer that was kept: it is on record, and costs nothing.
    pub(crate) fn count_cached(&self, caller: &Arc<str>, model: &Arc<str>) {
        let request = self.requests.fetch_add(1, Ordering::Relaxed);
        let (caller, model) = (caller.clone(), model.clone());
        let entry = Entry { at: now_s(), by: self.by, request, caller, model, what: What::Cached };
        let mut open = self.guard();
        open.turn();
        open.books.count(&entry.caller, &Use { requests: 1, cached: 1, ..Use::default() });
        open.log.write(entry);
    }

    fn claim(&self, model: &str, prompt_tokens: u64, max_tokens: Option<u64>, tools: u64) -> Claim {
        let completion = max_tokens.unwrap_or(ANSWER_TOKENS_ASSUMED);
        let micros = micros(self.prices.price(model), &Usage::of(prompt_tokens, completion));
        Claim { tokens: prompt_tokens.saturating_add(completion), micros: micros.saturating_add(tools) }
    }

    /// Whether it matters for a caller which tools of the provider's own a question has.
    pub(crate) fn counts_tools(&self, caller: &Caller) -> bool {
        self.prices.have_tools() || self.bounds(caller).day().micros.is_some()
    }

    /// What tools of the provider's own may cost at most. With `is_limited`, each has to have a price.
    fn micros_of_tools(&self, model: &str, tools: &[OwnTool], is_limited: bool) -> Result<u64, QuotaError> {
        let priceless = tools.iter().find(|tool| self.prices.tool(model, &tool.name).is_none());
        if let Some(tool) = priceless.filter(|_| is_limited) {
            return Err(QuotaError::ToolWithoutPrice { tool: tool.name.clone(), model: model.to_owned() });
        }
        let uses = |tool: &OwnTool| tool.uses_max.unwrap_or(OWN_TOOL_USES_ASSUMED);
        let uses = tools.iter().map(|tool| (tool.name.as_str(), uses(tool)));
        Ok(self.prices.micros_of_tools(model, uses))
    }

    /// What bounds a caller; of the owner's quotas the first that fits.
    fn bounds<'a>(&'a self, caller: &'a Caller) -> Bounds<'a> {
        let quota = self.quotas.iter().find(|quota| quota.callers.is_match(&*caller.id));
        Bounds { caller, quota, compiled: &self.compiled }
    }

    /// Under which name a caller's use is counted.
    pub(crate) fn account<'a>(&'a self, caller: &'a Caller) -> &'a Arc<str> {
        self.bounds(caller).account()
    }

    /// What one caller used today, what is reserved, and what may be used in a day.
    pub(crate) fn today(&self, caller: &Caller) -> Today {
        let open = self.now();
        let bounds = self.bounds(caller);
        let (used, reserved) = open.books.of(bounds.account());
        let limit = bounds.day();
        Today {
            used,
            reserved_tokens: reserved.tokens,
            tokens_per_day: limit.tokens,
            micros_per_day: limit.micros,
        }
    }

    /// Waits until what was counted so far is on disk, or cannot be written; blocks meanwhile.
    pub(crate) fn flush(&self) {
        let flush = self.guard().log.flusher();
        flush();
    }

    /// What callers used on the last `days` days, today included, by day, caller and model.
    pub(crate) fn history(&self, days: u32, is_wanted: impl Fn(&str) -> bool) -> Vec<UsedOnDay> {
        self.flush();
        let today = day_of(now_s());
        let mut rows: std::collections::BTreeMap<(i64, Arc<str>, Arc<str>), Use> = Default::default();
        self.guard().log.history(today - i64::from(days.clamp(1, DAYS_ASKED_MAX)) + 1, today, |entry| {
            if let (Some(used), true) = (used_in(&entry.what), is_wanted(&entry.caller)) {
                rows.entry((day_of(entry.at), entry.caller, entry.model)).or_default().add(&used);
            }
        });
        rows.into_iter().map(|((day, caller, model), used)| UsedOnDay { day, caller, model, used }).collect()
    }

    /// What everybody used in the last hour: minute, tokens of prompts, tokens of answers.
    pub(crate) fn last_hour(&self) -> Vec<(i64, u64, u64)> {
        self.now().minutes.of_the_hour(now_s())
    }

    fn now(&self) -> MutexGuard<'_, Open> {
        let mut open = self.guard();
        open.refresh();
        open
    }

    fn guard(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, reservation: &mut Reservation, what: What) {
        let claim = reservation.claim.take();
        let mut open = self.guard();
        open.turn();
        if let Some(claim) = claim {
            open.books.release(&reservation.caller, claim);
        }
        if let Some(used) = used_in(&what) {
            open.books.count(&reservation.caller, &used);
            open.minutes.count(now_s(), &used);
        } else if claim.is_none() {
            return;
        }
        open.log.write(reservation.entry(what));
    }
}

/// How many tokens the answer may have, where a quota bounds a request.
fn max_tokens(limit: Option<u64>, wanted: Wanted<'_>) -> Result<Option<u64>, QuotaError> {
    let Some(limit) = limit else { return Ok(None) };
    let total = wanted.prompt_tokens.saturating_add(wanted.max_tokens.unwrap_or(1));
    if total > limit {
        return Err(QuotaError::TokensPerRequest { limit, wanted: total });
    }
    let left = limit - wanted.prompt_tokens;
    Ok(Some(wanted.max_tokens.map_or(left, |max| max.min(left))))
}

fn used_in(what: &What) -> Option<Use> {
    match *what {
        What::Ended { prompt_tokens, completion_tokens, micros, .. } => {
            Some(Use { requests: 1, prompt_tokens, completion_tokens, micros, cached: 0 })
        }
        What::Cached => Some(Use { requests: 1, cached: 1, ..Use::default() }),
        What::Began { .. } | What::Dropped => None,
    }
}

impl Open {
    fn with(log: Log) -> Self {
        Self {
            books: Books::default(),
            minutes: Minutes::default(),
            log,
            day: 0,
            refreshed: None,
            others: HashMap::new(),
        }
    }

    /// Begins a new page if it is time.
    fn turn(&mut self) {
        let day = day_of(now_s());
        if self.day != day {
            for (caller, claim) in self.others.drain().map(|(_, other)| other) {
                self.books.release(&caller, claim);
            }
            self.day = day;
            self.books.turn_to(day);
        }
    }

    /// Takes in what other processes wrote, unless that was done a moment ago.
    fn refresh_in_time(&mut self) {
        if self.refreshed.is_none_or(|at| at.elapsed() >= REFRESH_EVERY) {
            self.refresh();
        }
        self.turn();
    }

    /// Takes in what other processes wrote.
    fn refresh(&mut self) {
        self.turn();
        self.refreshed = Some(Instant::now());
        for entry in self.log.news(self.day) {
            self.take(&entry);
        }
    }

    fn take(&mut self, entry: &Entry) {
        let key = (entry.by, entry.request);
        if let What::Began { tokens, micros } = entry.what {
            let claim = Claim { tokens, micros };
            // Another process let it in: it counts, whatever our limits say.
            let _ = self.books.reserve(&entry.caller, claim, DayLimit::default());
            self.others.insert(key, (entry.caller.clone(), claim));
            return;
        }
        if let Some((caller, claim)) = self.others.remove(&key) {
            self.books.release(&caller, claim);
        }
        if let Some(used) = used_in(&entry.what) {
            self.books.count(&entry.caller, &used);
            self.minutes.count(entry.at, &used);
        }
    }
}

/// One caller's day.
#[derive(Debug, Clone)]
pub(crate) struct Today {
    pub(crate) used: Use,
    pub(crate) reserved_tokens: u64,
    pub(crate) tokens_per_day: Option<u64>,
    pub(crate) micros_per_day: Option<u64>,
}

/// What one caller used of one model on one day.
#[derive(Debug, Clone)]
pub(crate) struct UsedOnDay {
    /// Days since 1970-01-01.
    pub(crate) day: i64,
    pub(crate) caller: Arc<str>,
    pub(crate) model: Arc<str>,
    pub(crate) used: Use,
}

/// How an answer comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coming {
    /// Piece by piece: whoever no longer listens ends it.
    InPieces,
    /// At once, when it is made: a provider goes on making it for one who has left.
    Whole,
}

/// What a request may use. Dropped without [`Self::settle`], it was given up: if it was not sent, nothing counts.
pub(crate) struct Reservation {
    ledger: Arc<Ledger>,
    caller: Arc<str>,
    model: Arc<str>,
    /// Where a limit of the day holds.
    claim: Option<Claim>,
    request: u64,
    /// How many tokens the answer may have, where a quota says so.
    pub(crate) max_tokens: Option<u64>,
    prompt_tokens: u64,
    /// Tools of the provider's own of whose uses no answer tells: each counts once.
    own_tools: Vec<OwnTool>,
    /// How its answer comes, where the provider may have seen it.
    sent: Option<Coming>,
}

impl Reservation {
    /// Counts what was used, `estimated` where the provider did not say.
    pub(crate) fn settle(self, usage: &Usage, estimated: bool) -> u64 {
        self.settle_with(usage, &OwnToolUses::default(), estimated)
    }

    /// The same, with the tools that the provider ran itself.
    pub(crate) fn settle_with(mut self, usage: &Usage, tools: &OwnToolUses, estimated: bool) -> u64 {
        let (prompt_tokens, completion_tokens) = usage.counts();
        let prices = &self.ledger.prices;
        let untold = self.own_tools.iter().map(|tool| (tool.name.as_str(), 1));
        let tools = prices.micros_of_tools(&self.model, tools.iter().chain(untold));
        let micros = micros(prices.price(&self.model), usage).saturating_add(tools);
        self.sent = None;
        let ledger = self.ledger.clone();
        ledger.end(&mut self, What::Ended { prompt_tokens, completion_tokens, micros, estimated });
        micros
    }

    /// It is on its way. Given up from here on, it counts with its prompt; where the answer would have come at once, also
    /// with all that it may have, where that is limited: to leave early would make it free otherwise.
    pub(crate) fn sending(&mut self, coming: Coming) {
        self.sent = Some(coming);
    }

    /// The provider refused it, or never saw it.
    pub(crate) fn unsent(&mut self) {
        self.sent = None;
    }

    /// What giving it up now comes to.
    fn given_up(&self) -> Option<What> {
        let Some(coming) = self.sent else { return self.claim.map(|_| What::Dropped) };
        let prompt_tokens = self.prompt_tokens;
        let completion_tokens = match (coming, self.claim) {
            (Coming::Whole, Some(claim)) => claim.tokens.saturating_sub(prompt_tokens),
            _ => 0,
        };
        let micros = match (coming, self.claim) {
            (Coming::Whole, Some(claim)) => claim.micros,
            _ => micros(self.ledger.prices.price(&self.model), &Usage::of(prompt_tokens, 0)),
        };
        Some(What::Ended { prompt_tokens, completion_tokens, micros, estimated: true })
    }

    fn entry(&self, what: What) -> Entry {
        let (caller, model) = (self.caller.clone(), self.model.clone());
        Entry { at: now_s(), by: self.ledger.by, request: self.request, caller, model, what }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some(what) = self.given_up() {
            let ledger = self.ledger.clone();
            ledger.end(self, what);
        }
    }
}

#[cfg(test)]
mod tests {
    use drawbridge_contract::{CallerKind, Grade, LlmLimits, Tier};

    use super::*;
    use crate::settings::Price;

    fn price() -> Price {
        let tools = [("web_search".to_owned(), 0.25)].into();
        Price { input: 1.0, output: 10.0, tools, ..Price::default() }
    }

    fn settings(folder: &Path) -> LlmSettings {
        let quota = QuotaSettings {
            callers: vec!["key:*".to_owned()],
            models: Some(vec!["p/small*".to_owned(), "mine".to_owned()]),
            tokens_per_request: Some(500),
            tokens_per_day: Some(1_000),
            money_per_day: Some(1.0),
        };
        let prices = [("p/*".to_owned(), price())].into();
        LlmSettings { quotas: vec![quota], prices, ..LlmSettings::new(folder) }
    }

    fn reserve(
        ledger: &Arc<Ledger>,
        prompt_tokens: u64,
        max_tokens: Option<u64>,
    ) -> Result<Reservation, QuotaError> {
        ledger.reserve(&key("a"), &"p/small".into(), Wanted::of(prompt_tokens, max_tokens))
    }

    fn key(name: &str) -> Caller {
        Caller::new(format!("key:{name}"), CallerKind::Key)
    }

    /// A key of a tier, counted under an account.
    fn graded(name: &str, account: &str, models: &str, tokens_per_day: u64) -> Caller {
        let models = vec![models.into()];
        let llm = LlmLimits { models, tokens_per_request: None, tokens_per_day: Some(tokens_per_day) };
        let tier = Arc::new(Tier { llm: Some(llm), ..Tier::nothing() });
        let grade = Grade { tier, account: account.into(), until_us: None, fault: None };
        Caller { grade: Some(grade), ..key(name) }
    }

    #[test]
    fn a_tier_bounds_besides_the_quota_and_those_who_share_a_licence_share_its_tokens() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&settings(folder.path())).unwrap();
        let (one, two) = (graded("one", "licence:1", "p/*", 150), graded("two", "licence:1", "p/*", 150));
        ledger.check_model(&one, &["p/small"]).unwrap();
        ledger.check_model(&one, &["p/large"]).expect_err("the quota forbids it");
        ledger.check_model(&graded("x", "key:x", "q/*", 9), &["p/small"]).expect_err("the tier forbids it");
        let none = Grade { tier: Arc::new(Tier::nothing()), ..one.grade.clone().unwrap() };
        let none = Caller { grade: Some(none), ..key("none") };
        ledger.check_model(&none, &["p/small"]).expect_err("a tier without models has none");
        let wanted = Wanted::of(50, Some(50));
        ledger.reserve(&one, &"p/small".into(), wanted).unwrap().settle(&Usage::of(50, 50), false);
        let refused = ledger.reserve(&two, &"p/small".into(), wanted).err().unwrap();
        assert!(matches!(refused, QuotaError::TokensToday { limit: 150, left: 50, .. }), "{refused}");
        assert_eq!(ledger.today(&two).used.tokens(), 100);
    }

    #[test]
    fn j4_a_thousand_at_once_stay_below_the_limit_together() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&settings(folder.path())).unwrap();
        let let_in: Vec<Reservation> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        (0..125).filter_map(|_| reserve(&ledger, 10, Some(40)).ok()).collect::<Vec<_>>()
                    })
                })
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(let_in.len(), 20, "1000 tokens are room for 20 requests of 50");
        for reservation in let_in {
            reservation.settle(&Usage::of(10, 40), false);
        }
        assert!(matches!(reserve(&ledger, 1, Some(1)), Err(QuotaError::TokensToday { left: 0, .. })));
        assert_eq!(
            ledger.today(&key("a")).used,
            Use { requests: 20, prompt_tokens: 200, completion_tokens: 800, micros: 8_200, cached: 0 }
        );
    }

    #[test]
    fn j4_who_leaves_before_a_whole_answer_pays_for_all_that_it_may_have_had() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&settings(folder.path())).unwrap();
        let leave = |coming: Coming| {
            let mut under_way = reserve(&ledger, 100, Some(300)).unwrap();
            under_way.sending(coming);
            drop(under_way);
            ledger.today(&key("a")).used.tokens()
        };
        assert_eq!(leave(Coming::InPieces), 100, "a stream ends with who listens");
        assert_eq!(leave(Coming::Whole), 500);
        let mut refused = reserve(&ledger, 100, Some(300)).unwrap();
        refused.sending(Coming::Whole);
        refused.unsent();
        drop(refused);
        assert_eq!(leave(Coming::Whole), 900, "what was refused costs nothing");
        assert!(reserve(&ledger, 100, Some(1)).is_err());
    }

    #[test]
    fn a_model_without_a_price_is_refused_where_money_is_limited_and_it_is_not_local() {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = settings(folder.path());
        let free = || ("q/free".to_owned(), Price::default());
        settings.prices.extend([free()]);
        let ledger = Ledger::open(&settings).unwrap();
        let ask = |caller: &Caller, model: &str, is_local: bool| {
            let wanted = Wanted { is_local, ..Wanted::of(10, Some(10)) };
            ledger.reserve(caller, &model.into(), wanted).map(drop)
        };
        let refused = ask(&key("a"), "q/other", false).unwrap_err();
        assert_eq!((refused.status(), refused.code()), (403, Some(MODEL_WITHOUT_PRICE)));
        assert!(refused.to_string().contains("[llm.price.\"q/other\"]"), "{refused}");
        for (caller, model, is_local) in [
            (key("a"), "q/other", true),
            (key("a"), "q/free", false),
            (Caller::new("owner", CallerKind::Owner), "q/other", false),
        ] {
            assert_eq!(ask(&caller, model, is_local), Ok(()), "{model}");
        }
        settings.quotas[0].money_per_day = None;
        let ledger = Ledger::open(&settings).unwrap();
        let tokens_only = ledger.reserve(&key("a"), &"q/other".into(), Wanted::of(10, Some(10)));
        assert!(tokens_only.is_ok(), "tokens can be counted without a price");
    }

    fn with_tool(
        ledger: &Arc<Ledger>,
        caller: &Caller,
        tool: &str,
        uses_max: Option<u64>,
    ) -> Result<Reservation, QuotaError> {
        let own_tools = &[OwnTool { name: tool.to_owned(), uses_max, is_told: true }];
        ledger.reserve(caller, &"p/small".into(), Wanted { own_tools, ..Wanted::of(10, Some(10)) })
    }

    #[test]
    fn tools_of_the_provider_are_reserved_counted_and_refused_without_a_price_where_money_is_limited() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&settings(folder.path())).unwrap();
        let limited = key("a");
        let refused = with_tool(&ledger, &limited, "code_execution", None).err().unwrap();
        assert_eq!((refused.status(), refused.code()), (403, Some(TOOL_WITHOUT_PRICE)));
        assert!(refused.to_string().contains("tools.code_execution in [llm.price.\"p/small\"]"), "{refused}");
        let owner = Caller::new("owner", CallerKind::Owner);
        assert!(with_tool(&ledger, &owner, "code_execution", None).is_ok(), "without a limit it is allowed");
        // 1.0 of money a day: five uses at 0.25 are too many, three fit.
        assert!(matches!(
            with_tool(&ledger, &limited, "web_search", None),
            Err(QuotaError::MoneyToday { .. })
        ));
        let asked = with_tool(&ledger, &limited, "web_search", Some(3)).unwrap();
        let mut uses = OwnToolUses::default();
        uses.tell("web_search", 2);
        let micros = asked.settle_with(&Usage::of(10, 10), &uses, false);
        assert_eq!((micros, ledger.today(&limited).used.micros), (500_110, 500_110));
        assert!(with_tool(&ledger, &limited, "web_search", Some(2)).is_err());
    }

    #[test]
    fn a_tool_of_whose_uses_no_answer_tells_counts_once() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&settings(folder.path())).unwrap();
        let own_tools = &[OwnTool { name: "web_search".to_owned(), uses_max: Some(1), is_told: false }];
        let wanted = Wanted { own_tools, ..Wanted::of(10, Some(10)) };
        let asked = ledger.reserve(&key("a"), &"p/small".into(), wanted).unwrap();
        assert_eq!(asked.settle(&Usage::of(10, 10), false), 250_110);
    }

    #[test]
    fn what_was_used_counts_after_a_restart_and_what_was_under_way_in_a_crash_too() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&settings(folder.path())).unwrap();
        reserve(&ledger, 100, Some(100)).unwrap().settle(&Usage::of(100, 50), false);
        drop(reserve(&ledger, 100, Some(100)).unwrap());
        // As a crash leaves it: begun and never ended.
        let under_way = reserve(&ledger, 100, Some(200)).unwrap();
        let tokens = |ledger: &Ledger| {
            let today = ledger.today(&key("a"));
            (today.used.tokens(), today.reserved_tokens)
        };
        // What is written arrives in batches, and late where the machine is busy.
        let patience = std::time::Instant::now() + Duration::from_secs(60);
        let soon = |now: &dyn Fn() -> (u64, u64), expected: (u64, u64)| {
            while now() != expected {
                assert!(std::time::Instant::now() < patience, "{:?} and not {expected:?}", now());
                std::thread::sleep(log::BATCH_DELAY);
            }
        };
        soon(&|| tokens(&Ledger::open(&settings(folder.path())).unwrap()), (150, 300));
        let after = Ledger::open(&settings(folder.path())).unwrap();
        under_way.settle(&Usage::of(100, 1), true);
        soon(&|| tokens(&after), (251, 0)); // another process's end is heard
        assert_eq!(after.history(2, |_| true).len(), 1);
        let hour: u64 = after.last_hour().iter().map(|(_, prompt, answer)| prompt + answer).sum();
        assert_eq!(hour, 251, "charts know of it too");
    }

    #[test]
    fn one_request_has_its_own_bound_and_is_told_how_much_it_may_say() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&settings(folder.path())).unwrap();
        assert_eq!(reserve(&ledger, 400, None).unwrap().max_tokens, Some(100));
        assert_eq!(reserve(&ledger, 400, Some(100)).unwrap().max_tokens, Some(100));
        let error = reserve(&ledger, 400, Some(101)).err().unwrap();
        assert_eq!(error, QuotaError::TokensPerRequest { limit: 500, wanted: 501 });
        assert!(reserve(&ledger, 500, None).is_err(), "not one token is left for the answer");
    }

    #[test]
    fn models_are_allowed_by_any_of_their_names_and_the_owner_has_no_quota() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&settings(folder.path())).unwrap();
        assert!(ledger.check_model(&key("a"), &["p/small-2"]).is_ok());
        assert!(ledger.check_model(&key("a"), &["mine", "p/large"]).is_ok());
        assert!(ledger.check_model(&key("a"), &["p/large"]).is_err());
        let owner = Caller::new("owner", CallerKind::Owner);
        assert!(ledger.check_model(&owner, &["p/large"]).is_ok());
        let wanted = Wanted::of(1 << 40, None);
        assert!(ledger.reserve(&owner, &"p/large".into(), wanted).is_ok());
    }

    #[test]
    fn money_is_reserved_at_its_price() {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = settings(folder.path());
        settings.quotas[0].money_per_day = Some(0.001);
        let ledger = Ledger::open(&settings).unwrap();
        assert!(matches!(reserve(&ledger, 0, Some(101)), Err(QuotaError::MoneyToday { limit: 1_000, .. })));
        assert!(reserve(&ledger, 0, Some(100)).is_ok());
    }
}

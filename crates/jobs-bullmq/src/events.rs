//! What happened, from the streams of events that BullMQ keeps for each queue.
//!
//! Our scripts add to each event what we call it, the attempt and the token, where these do not follow from the rest; those
//! of BullMQ's own workers are translated as far as they go. The streams are shortened: to 100,000 entries by us, to 10,000 by BullMQ's clients.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use drawbridge_contract::broadcast;
use drawbridge_jobs::{Change, EngineError, Happened, Happening, JobId, Lease};
use redis::streams::{StreamId, StreamRangeReply, StreamReadReply};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::arrivals::Arrivals;
use crate::link::{Link, away};
use crate::names::outer;
use crate::{scripts, view};

const DOING: &str = "read what happened";

/// How long one look waits for news, in milliseconds: new queues are seen after this time at the latest.
const LOOK_MS: u64 = 5_000;
/// How many entries one look brings.
const LOOK_MAX: usize = 2_000;
/// When more entries than this came within [`BUSY_WINDOW`], the next ones gather for [`GATHER`], and are read together.
const BUSY_ENTRIES: usize = 64;
const BUSY_WINDOW: Duration = Duration::from_millis(20);
const GATHER: Duration = Duration::from_millis(3);
/// How often the list of queues is read, at most.
const QUEUES_READ: Duration = Duration::from_millis(250);
/// How long to wait after a failure.
const PAUSE: Duration = Duration::from_millis(500);

/// The start of the time that numbers of the history count from: 2020.
const EPOCH_MS: u64 = 1_577_836_800_000;
/// In a number of the history: how many bits tell the queue, and how many the place within a millisecond.
const QUEUE_BITS: u32 = 6;
const PLACE_BITS: u32 = 18;

/// A number of the history: grows with time, and differs between queues.
fn pack(stream_id: &str, queue: usize) -> Option<(u64, i64)> {
    let (ms, place) = stream_id.split_once('-')?;
    let (ms, place): (u64, u64) = (ms.parse().ok()?, place.parse().ok()?);
    let place = place.min((1 << PLACE_BITS) - 1);
    let queue = (queue as u64).min((1 << QUEUE_BITS) - 1);
    let seq = (ms.saturating_sub(EPOCH_MS) << (PLACE_BITS + QUEUE_BITS)) | (place << QUEUE_BITS) | queue;
    Some((seq, i64::try_from(ms).ok()?))
}

/// The first entry of a stream that may come after a number.
fn first_after(seq: u64) -> String {
    if seq == 0 { "-".into() } else { place_of(seq) }
}

/// The entry that a number stands for.
pub(crate) fn place_of(seq: u64) -> String {
    let ms = (seq >> (PLACE_BITS + QUEUE_BITS)) + EPOCH_MS;
    let place = (seq >> QUEUE_BITS) & ((1 << PLACE_BITS) - 1);
    format!("{ms}-{place}")
}

/// One entry, in our words.
enum Entry {
    Happened(Happened),
    Progress(Change),
    /// A worker is to stop.
    Stop(Happened),
}

fn entry(queue: &str, index: usize, id: &StreamId) -> Option<Entry> {
    let text = |field: &str| id.get::<String>(field);
    let job = outer(queue, &text("jobId")?);
    if text("event")? == "progress" {
        let progress = view::progress(&text("data")?)?;
        return Some(Entry::Progress(Change::Progress { job, progress }));
    }
    let what = match text("db") {
        Some(word) => ours(&word)?,
        None => theirs(&text("event")?, text("prev").as_deref())?,
    };
    let (seq, at_ms) = pack(&id.id, index)?;
    let number = |field: &str| text(field).and_then(|text| text.parse::<u64>().ok());
    let token = number("t").unwrap_or(0);
    let attempt = u32::try_from(number("n").unwrap_or(token)).unwrap_or(0);
    let happened = Happened { seq, at_ms, job, what, attempt, token };
    Some(if what == Happening::Stopping { Entry::Stop(happened) } else { Entry::Happened(happened) })
}

fn ours(word: &str) -> Option<Happening> {
    Happening::ALL.into_iter().find(|what| drawbridge_contract::raw(what).get().trim_matches('"') == word)
}

/// What an event of BullMQ's own workers means to us.
fn theirs(event: &str, before: Option<&str>) -> Option<Happening> {
    match (event, before) {
        ("added", _) => Some(Happening::Submitted),
        ("active", _) => Some(Happening::Started),
        ("completed", _) => Some(Happening::Completed),
        ("failed", _) => Some(Happening::Failed),
        ("stalled", _) => Some(Happening::Stalled),
        ("waiting", Some("delayed" | "waiting-children")) => Some(Happening::Ready),
        ("waiting", Some("failed" | "completed")) => Some(Happening::Retried),
        ("waiting-children", _) => Some(Happening::AwaitsChildren),
        _ => None,
    }
}

/// Every queue there is, in the order of their first jobs.
pub(crate) async fn queues(link: &Link) -> Result<Vec<String>, EngineError> {
    let mut all = redis::cmd("ZRANGE");
    all.arg(link.ours("queues")).arg(0).arg(-1);
    link.command(&all, DOING).await
}

/// What happened after a number, oldest first.
pub(crate) async fn history(
    link: &Link,
    arrivals: &Arrivals,
    after: u64,
    job: Option<&JobId>,
    limit: usize,
) -> Result<Vec<Happened>, EngineError> {
    let mut found = match job {
        Some(_) => {
            let mut found = Vec::new();
            for (index, queue) in queues(link).await?.iter().enumerate() {
                if job.is_some_and(|job| crate::names::inner(job).0 == queue) {
                    found.extend(history_of(link, queue, index, after, job, limit).await?);
                }
            }
            found
        }
        None => history_of_all(link, arrivals, after).await?,
    };
    found.sort_unstable_by_key(|happened| happened.seq);
    found.truncate(limit);
    Ok(found)
}

/// Some of what happened in all queues after a number; nothing only if there is nothing more.
async fn history_of_all(link: &Link, arrivals: &Arrivals, after: u64) -> Result<Vec<Happened>, EngineError> {
    let mut from = after;
    loop {
        let mut script = link.script(&scripts::HISTORY);
        script.arg(first_after(from)).arg(LOOK_MAX);
        let streams: Vec<(String, StreamRangeReply)> = link.run(&script, DOING).await?;
        for (queue, page) in &streams {
            page.ids.iter().for_each(|entry| arrivals.note(queue, entry));
        }
        // Of a queue that has more, nothing is known beyond: there the others end, too.
        let ends = streams.iter().enumerate().filter(|(_, (_, page))| page.ids.len() >= LOOK_MAX);
        let cut = ends.filter_map(|(index, (_, page))| Some(pack(&page.ids.last()?.id, index)?.0)).min();
        let entries = streams.iter().enumerate().flat_map(|(index, (queue, page))| {
            page.ids.iter().filter_map(move |id| match entry(queue, index, id) {
                Some(Entry::Happened(happened) | Entry::Stop(happened)) => Some(happened),
                _ => None,
            })
        });
        let is_sure = |seq: u64| seq > after && cut.is_none_or(|cut| seq <= cut);
        let found: Vec<Happened> = entries.filter(|happened| is_sure(happened.seq)).collect();
        match cut {
            Some(cut) if found.is_empty() && cut > from => from = cut,
            _ => return Ok(found),
        }
    }
}

async fn history_of(
    link: &Link,
    queue: &str,
    index: usize,
    after: u64,
    job: Option<&JobId>,
    limit: usize,
) -> Result<Vec<Happened>, EngineError> {
    let (mut found, mut from) = (Vec::new(), first_after(after));
    loop {
        let mut range = redis::cmd("XRANGE");
        range.arg(link.key(queue, "events")).arg(&from).arg("+").arg("COUNT").arg(LOOK_MAX);
        let page: StreamRangeReply = link.command(&range, DOING).await?;
        for id in &page.ids {
            if let Some(Entry::Happened(happened) | Entry::Stop(happened)) = entry(queue, index, id)
                && happened.seq > after
                && job.is_none_or(|job| happened.job == *job)
            {
                found.push(happened);
            }
        }
        match page.ids.last() {
            Some(last) if page.ids.len() >= LOOK_MAX && found.len() < limit => from = format!("({}", last.id),
            _ => return Ok(found),
        }
    }
}

/// Who hears of what happens.
pub(crate) struct Ears {
    pub(crate) changes: broadcast::Sender<Change>,
    pub(crate) stops: broadcast::Sender<Lease>,
    /// Workers who wait for jobs.
    pub(crate) wake: Arc<Notify>,
    /// Where the listener is, once it is there.
    pub(crate) listening: tokio::sync::watch::Sender<bool>,
}

/// Reads all streams from now on, and tells. Never ends.
pub(crate) async fn listen(link: Arc<Link>, ears: Arc<Ears>) {
    let mut places = HashMap::new();
    loop {
        if let Err(error) = listen_until_it_fails(&link, &ears, &mut places).await {
            tracing::warn!(%error, "what happens to jobs is not heard; trying again");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

async fn listen_until_it_fails(
    link: &Link,
    ears: &Ears,
    places: &mut HashMap<String, String>,
) -> Result<(), EngineError> {
    let mut connection = link.waiting_connection(DOING).await?;
    let (mut known, mut known_since, mut pace) = (Vec::new(), None, Pace::default());
    loop {
        if known_since.is_none_or(|since: Instant| since.elapsed() >= QUEUES_READ) {
            known = queues(link).await?;
            known_since = Some(Instant::now());
            for queue in &known {
                if !places.contains_key(queue) {
                    places.insert(queue.clone(), end_of(link, queue, ears).await?);
                }
            }
        }
        ears.listening.send_replace(true);
        let news: Option<StreamReadReply> = news_after(link, &known, places)
            .query_async(&mut connection)
            .await
            .map_err(|error| away(DOING, &error))?;
        let mut heard = 0;
        for stream in news.into_iter().flat_map(|news| news.keys) {
            let Some(index) = known.iter().position(|queue| link.key(queue, "events") == stream.key) else {
                continue;
            };
            heard += stream.ids.len();
            hear(ears, &known[index], index, &stream.ids);
            if let Some(last) = stream.ids.last() {
                places.insert(known[index].clone(), last.id.clone());
            }
        }
        if pace.is_busy(heard) {
            tokio::time::sleep(GATHER).await;
        }
    }
}

/// The command that waits for what comes after these places.
fn news_after(link: &Link, queues: &[String], places: &HashMap<String, String>) -> redis::Cmd {
    let mut read = redis::cmd("XREAD");
    read.arg("BLOCK").arg(LOOK_MS).arg("COUNT").arg(LOOK_MAX).arg("STREAMS");
    for queue in queues {
        read.arg(link.key(queue, "events"));
    }
    for queue in queues {
        read.arg(&places[queue]);
    }
    read
}

fn hear(ears: &Ears, queue: &str, index: usize, entries: &[StreamId]) {
    // Most of the time only workers listen, and what is for them is rare.
    let is_told = ears.changes.receiver_count() > 0;
    let mut brings_work = false;
    for id in entries {
        let event = id.get::<String>("event").unwrap_or_default();
        brings_work |= !matches!(&*event, "active" | "progress" | "stopping");
        if is_told || event == "stopping" {
            tell(ears, entry(queue, index, id));
        }
    }
    if brings_work {
        ears.wake.notify_waiters();
    }
}

/// How fast entries come.
#[derive(Default)]
struct Pace {
    since: Option<Instant>,
    entries: usize,
}

impl Pace {
    /// Counts entries that came. Says whether so many came that it pays to let the next ones gather.
    fn is_busy(&mut self, entries: usize) -> bool {
        if self.since.is_none_or(|since| since.elapsed() > BUSY_WINDOW) {
            *self = Self { since: Some(Instant::now()), entries: 0 };
        }
        self.entries += entries;
        self.entries > BUSY_ENTRIES
    }
}

/// Where to begin with a stream: at its end on the start, at its beginning when the queue is new.
async fn end_of(link: &Link, queue: &str, ears: &Ears) -> Result<String, EngineError> {
    if *ears.listening.borrow() {
        return Ok("0".into());
    }
    let mut last = redis::cmd("XREVRANGE");
    last.arg(link.key(queue, "events")).arg("+").arg("-").arg("COUNT").arg(1);
    let last: StreamRangeReply = link.command(&last, DOING).await?;
    Ok(last.ids.first().map_or("0".into(), |id| id.id.clone()))
}

// Nobody may be listening: then nothing is lost that anybody wanted.
fn tell(ears: &Ears, entry: Option<Entry>) {
    match entry {
        Some(Entry::Happened(happened)) => drop(ears.changes.send(Change::Happened(happened))),
        Some(Entry::Progress(progress)) => drop(ears.changes.send(progress)),
        Some(Entry::Stop(happened)) => {
            drop(ears.stops.send(Lease { id: happened.job.clone(), token: happened.token }));
            drop(ears.changes.send(Change::Happened(happened)));
        }
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_grow_with_time_and_differ_between_queues() {
        let of = |id, queue| pack(id, queue).unwrap().0;
        let ordered = [
            of("1763673996123-0", 0),
            of("1763673996123-0", 1),
            of("1763673996123-1", 0),
            of("1763673996124-0", 0),
        ];
        assert!(ordered.is_sorted_by(|one, next| one < next));
        assert_eq!(first_after(of("1763673996123-17", 3)), "1763673996123-17");
        assert_eq!(first_after(0), "-");
        assert!(of("4102444800000-262143", 63) < u64::MAX >> 1, "until 2100");
        assert_eq!(pack("nonsense", 0), None);
    }

    #[test]
    fn many_entries_gather_and_few_do_not() {
        let mut pace = Pace { since: Some(Instant::now() + Duration::from_secs(60)), entries: 0 };
        assert!(!pace.is_busy(BUSY_ENTRIES) && pace.is_busy(1), "one more than so many");
        pace.since = None;
        assert!(!pace.is_busy(1), "another window begins at nothing");
    }

    #[test]
    fn every_word_of_ours_is_understood() {
        for what in Happening::ALL {
            let word = serde_json::to_string(&what).unwrap();
            assert_eq!(ours(word.trim_matches('"')), Some(what));
        }
        assert_eq!(ours(""), None);
    }

    #[test]
    fn what_bullmq_says_twice_is_heard_once() {
        assert_eq!(theirs("waiting", None), None, "`added` said so");
        assert_eq!(theirs("waiting", Some("active")), None, "`stalled` says so");
        assert_eq!(theirs("waiting", Some("delayed")), Some(Happening::Ready));
        assert_eq!(theirs("drained", None), None);
    }
}

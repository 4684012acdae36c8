//! `drawbridge jobs`: work in the background. Every command is the call of a tool of the server `jobs`, through the running
//! hub if there is one; without one, jobs can be submitted and looked at, and wait for a hub.

mod answer;
mod show;
mod watch;

use std::io::Read as _;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

pub(crate) use show::load as load_in_words;

use super::span_us;
use crate::client::Client;
use crate::output;

/// The exit status when the door, not the tool, said no.
const REFUSED: u8 = 3;
/// How many jobs are listed, unless said otherwise.
const LIMIT_DEFAULT: usize = 50;

#[derive(Debug, Subcommand)]
pub(crate) enum JobsCommand {
    /// Run a tool in the background, and print the job's id.
    #[command(
        after_help = "Example:\n  drawbridge jobs submit terminal_run '{\"command\": \"sleep 30; echo done\"}' --retry-safe --watch"
    )]
    Submit(Submit),
    /// List jobs, the newest first.
    List(List),
    /// Show where a job is.
    Status {
        /// The job.
        id: String,
    },
    /// Print what a job's tool answered.
    Result {
        /// The job.
        id: String,
    },
    /// Wait for a job, and print what its tool answered.
    Wait {
        /// The job.
        id: String,
        /// No longer than this, such as `90s` or `2h`; the exit status is 1 then.
        #[arg(long = "for", value_name = "TIME", value_parser = span_us)]
        span: Option<i64>,
    },
    /// Show what a job does, live; without a job, all that have not ended.
    Watch {
        /// The job.
        id: Option<String>,
    },
    /// Print what a job's tool logged.
    Log {
        /// The job.
        id: String,
    },
    /// Stop a job.
    Cancel {
        /// The job.
        id: String,
    },
    /// Try a job again that failed or is dead, or one that waits for its time, now.
    Retry {
        /// The job.
        id: String,
    },
    /// List jobs that were given up.
    DeadLetters {
        /// Also those that failed in a way that no further attempt mends.
        #[arg(long)]
        failed: bool,
        #[command(flatten)]
        page: Page,
    },
    /// Try dead letters again.
    Replay {
        /// This one.
        #[arg(required_unless_present_any = ["all", "tool", "queue"])]
        id: Option<String>,
        /// All of them.
        #[arg(long, conflicts_with = "id")]
        all: bool,
        /// All of this tool.
        #[arg(long, conflicts_with = "id")]
        tool: Option<String>,
        /// All in this queue.
        #[arg(long, conflicts_with = "id")]
        queue: Option<String>,
    },
    /// Give a job that failed or is dead other arguments; `retry` has it run.
    Edit {
        /// The job.
        id: String,
        /// All of its arguments, as a JSON object; `-` reads them from standard input.
        arguments: String,
    },
    /// Answer what a job asks in the middle of its work.
    #[command(after_help = "Example:\n  drawbridge jobs answer 1-8c7360f91582a652 '{\"name\": \"Ada\"}'")]
    Answer {
        /// The job.
        id: String,
        /// The fields of its form, as a JSON object; you are asked for them if they are not given.
        answer: Option<String>,
        /// Say no.
        #[arg(long, conflicts_with = "answer")]
        decline: bool,
    },
    /// Show how many jobs there are of each state, in each queue.
    Queues,
    /// Start no more jobs of a queue; what runs goes on.
    Pause {
        /// The queue.
        #[arg(default_value = "default")]
        queue: String,
    },
    /// Start jobs of a queue again.
    Resume {
        /// The queue.
        #[arg(default_value = "default")]
        queue: String,
    },
    /// Forget a job that has ended.
    Discard {
        /// The job.
        id: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Submit {
    /// The tool's name.
    tool: String,
    /// Its arguments, as a JSON object; `-` reads them from standard input. Put no secret into them.
    #[arg(default_value = "{}")]
    arguments: String,
    /// Run it later: `90s`, `15m`, `12h`.
    #[arg(long, value_name = "TIME", value_parser = span_us)]
    delay: Option<i64>,
    /// It must have ended by then, or fails.
    #[arg(long, value_name = "TIME", value_parser = span_us)]
    deadline: Option<i64>,
    /// How long one attempt may take.
    #[arg(long, value_name = "TIME", value_parser = span_us)]
    timeout: Option<i64>,
    /// The greater, the sooner.
    #[arg(long, allow_negative_numbers = true)]
    priority: Option<i32>,
    /// Where it waits.
    #[arg(long)]
    queue: Option<String>,
    /// How often it is tried.
    #[arg(long)]
    attempts: Option<u32>,
    /// It does no harm to run this twice.
    #[arg(long)]
    retry_safe: bool,
    /// Say it once, however often this is typed.
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Begin no second one with this key before this one has ended.
    #[arg(long, value_name = "KEY")]
    deduplication_key: Option<String>,
    /// An address that is told what becomes of it.
    #[arg(long, value_name = "URL")]
    callback: Option<String>,
    /// Print the job's id, and nothing else.
    #[arg(long, short)]
    quiet: bool,
    /// Show what it does until it has ended, then its result.
    #[arg(long, conflicts_with = "quiet")]
    watch: bool,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only in this state, such as `running` or `dead`; may be given several times.
    #[arg(long)]
    state: Vec<String>,
    /// Only of this caller, such as `key:laptop`.
    #[arg(long)]
    caller: Option<String>,
    #[command(flatten)]
    page: Page,
}

#[derive(Debug, Args)]
pub(crate) struct Page {
    /// Only of this tool.
    #[arg(long)]
    tool: Option<String>,
    /// Only in this queue.
    #[arg(long)]
    queue: Option<String>,
    /// How many at most.
    #[arg(long, default_value_t = LIMIT_DEFAULT)]
    limit: usize,
    /// Those after a page, which says with which word.
    #[arg(long, value_name = "WORD")]
    cursor: Option<String>,
}

impl Page {
    /// What is asked for besides, as the tools read it.
    fn and(self, mut wanted: Value) -> Value {
        wanted["limit"] = self.limit.into();
        insert(&mut wanted, "tool", self.tool);
        insert(&mut wanted, "queue", self.queue);
        insert(&mut wanted, "cursor", self.cursor);
        wanted
    }
}

/// Runs one of them.
pub(crate) async fn run(command: JobsCommand, json: bool) -> Result<ExitCode> {
    if let JobsCommand::Answer { id, answer, decline } = command {
        let given = answer.as_deref().map(object).transpose()?;
        return answer::run(&id, given, decline).await;
    }
    let mut desk = Desk { client: Client::open_for_jobs().await?, json };
    let done = tokio::select! {
        done = serve(&mut desk, command) => done,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("left; the job goes on")),
    };
    desk.client.close().await?;
    match done {
        Ok(code) => Ok(code),
        Err(error) => match error.downcast::<ToolFailed>() {
            Ok(failed) => {
                eprintln!("{}", output::plain(&failed.0));
                Ok(ExitCode::FAILURE)
            }
            Err(error) => Err(error),
        },
    }
}

async fn serve(desk: &mut Desk, command: JobsCommand) -> Result<ExitCode> {
    match command {
        JobsCommand::Submit(submit) => desk.submit(submit).await,
        JobsCommand::List(List { state, caller, page }) => {
            let mut wanted = page.and(json!({ "states": state }));
            insert(&mut wanted, "caller", caller);
            desk.table("jobs_list", wanted).await
        }
        JobsCommand::DeadLetters { failed, page } => {
            desk.table("jobs_dead_letters", page.and(json!({ "failed": failed }))).await
        }
        JobsCommand::Status { id } => desk.say("jobs_status", json!({ "id": id })).await,
        JobsCommand::Result { id } => desk.result(&id).await,
        JobsCommand::Wait { id, span } => watch::wait(desk, &id, span).await,
        JobsCommand::Watch { id: Some(id) } => watch::one(desk, &id).await,
        JobsCommand::Watch { id: None } => watch::all(desk).await,
        JobsCommand::Log { id } => desk.log(&id).await,
        JobsCommand::Cancel { id } => desk.say("jobs_cancel", json!({ "id": id })).await,
        JobsCommand::Retry { id } => desk.say("jobs_retry", json!({ "id": id })).await,
        JobsCommand::Replay { id, tool, queue, .. } => {
            let mut wanted = json!({});
            insert(&mut wanted, "id", id);
            insert(&mut wanted, "tool", tool);
            insert(&mut wanted, "queue", queue);
            desk.say("jobs_replay", wanted).await
        }
        JobsCommand::Edit { id, arguments } => {
            let arguments = object(&arguments)?;
            desk.say("jobs_edit", json!({ "id": id, "arguments": arguments })).await
        }
        // Answered before: it is no tool, so that no model answers for a person.
        JobsCommand::Answer { .. } => Ok(ExitCode::SUCCESS),
        JobsCommand::Queues => {
            let load = desk.call("jobs_queues", json!({})).await?["structuredContent"].take();
            if desk.json {
                output::json(&load)?;
            } else {
                output::line(show::load(&load))?;
            }
            Ok(ExitCode::SUCCESS)
        }
        JobsCommand::Pause { queue } => desk.say("jobs_pause", json!({ "queue": queue })).await,
        JobsCommand::Resume { queue } => {
            desk.say("jobs_pause", json!({ "queue": queue, "paused": false })).await
        }
        JobsCommand::Discard { id } => desk.say("jobs_discard", json!({ "id": id })).await,
    }
}

fn insert(object: &mut Value, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        object[name] = value.into();
    }
}

fn object(text: &str) -> Result<Map<String, Value>> {
    let mut read = text.to_owned();
    if text == "-" {
        read.clear();
        std::io::stdin().read_to_string(&mut read).context("standard input cannot be read")?;
    }
    let wrong =
        || format!("the arguments are not a JSON object such as '{{\"path\": \"notes.md\"}}': {read}");
    serde_json::from_str(&read).with_context(wrong)
}

/// The tool, not the door, said no.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct ToolFailed(String);

/// Where commands are served.
struct Desk {
    client: Client,
    json: bool,
}

impl Desk {
    /// Calls a tool of the server.
    ///
    /// # Errors
    /// [`ToolFailed`] with what it says.
    async fn call(&mut self, tool: &str, arguments: Value) -> Result<Value> {
        let result = self.ask(tool, arguments).await?;
        if result["isError"] == true { bail!(ToolFailed(show::text(&result))) } else { Ok(result) }
    }

    /// The same, where an error is a result.
    async fn ask(&mut self, tool: &str, arguments: Value) -> Result<Value> {
        let result =
            super::call::call(&mut self.client, tool, arguments.as_object().cloned().unwrap_or_default());
        match result.await? {
            Some(result) => Ok(result),
            None => bail!("you said no, so nothing was done"),
        }
    }

    /// Calls a tool and prints what it says.
    async fn say(&mut self, tool: &str, arguments: Value) -> Result<ExitCode> {
        let result = self.call(tool, arguments).await?;
        if self.json && result["structuredContent"].is_object() {
            output::json(&result["structuredContent"])?;
        } else {
            output::line(output::plain(&show::text(&result)))?;
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn submit(&mut self, submit: Submit) -> Result<ExitCode> {
        let arguments = object(&submit.arguments)?;
        let wanted = json!({ "tool": submit.tool, "arguments": arguments, "options": options(&submit) });
        let result = self.call("jobs_submit", wanted).await?;
        let job = &result["structuredContent"]["job"];
        let id = job["id"].as_str().context("the hub named no job")?.to_owned();
        if submit.watch && self.client.is_hub() {
            return watch::one(self, &id).await;
        }
        if submit.quiet {
            output::line(output::plain_line(&id))?;
            return Ok(ExitCode::SUCCESS);
        }
        if self.json {
            output::json(job)?;
            return Ok(ExitCode::SUCCESS);
        }
        output::line(output::plain(&show::text(&result)))?;
        if self.client.is_hub() {
            output::line(format!(
                "`drawbridge jobs watch {id}` shows it, `drawbridge jobs result {id}` what came of it."
            ))?;
        } else {
            output::line("No hub runs; it waits until `drawbridge serve` starts one.")?;
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn table(&mut self, tool: &str, wanted: Value) -> Result<ExitCode> {
        let result = self.call(tool, wanted).await?;
        let page = &result["structuredContent"];
        if self.json {
            output::json(page)?;
        } else {
            show::jobs(page["jobs"].as_array().map_or(&[], Vec::as_slice))?;
            if let Some(next) = page["next"].as_str() {
                output::line(format!("There are more: --cursor {}", output::plain_line(next)))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    /// What the job's tool answered, as `drawbridge call` would print it.
    async fn result(&mut self, id: &str) -> Result<ExitCode> {
        let result = self.ask("jobs_result", json!({ "id": id })).await?;
        super::call::show(&result, self.json)
    }

    async fn log(&mut self, id: &str) -> Result<ExitCode> {
        let mut after = 0;
        loop {
            let result = self.call("jobs_log", json!({ "id": id, "after": after })).await?;
            let lines = result["structuredContent"]["lines"].as_array().cloned().unwrap_or_default();
            for line in &lines {
                show::log_line(line, self.json)?;
            }
            match lines.last().and_then(|line| line["number"].as_u64()) {
                Some(last) => after = last,
                None => return Ok(ExitCode::SUCCESS),
            }
        }
    }

    fn refuse_without_hub(&self) -> Result<ExitCode> {
        eprintln!("No hub runs, so no job does; `drawbridge serve` starts one.");
        Ok(ExitCode::from(REFUSED))
    }
}

fn options(submit: &Submit) -> Value {
    let ms = |us: Option<i64>| us.map(|us| us / 1000);
    let mut options = json!({ "retry_safe": submit.retry_safe });
    insert(&mut options, "delay_ms", ms(submit.delay));
    insert(&mut options, "deadline_ms", ms(submit.deadline));
    insert(&mut options, "timeout_ms", ms(submit.timeout));
    insert(&mut options, "priority", submit.priority);
    insert(&mut options, "queue", submit.queue.clone());
    insert(&mut options, "attempts", submit.attempts);
    insert(&mut options, "idempotency_key", submit.idempotency_key.clone());
    insert(&mut options, "deduplication_key", submit.deduplication_key.clone());
    insert(&mut options, "callback_url", submit.callback.clone());
    options
}

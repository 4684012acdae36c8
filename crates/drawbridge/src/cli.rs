//! The command line: what can be typed. Each command's code is in `commands/`.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::commands::approvals::ApprovalsCommand;
use crate::commands::audit::AuditCommand;
use crate::commands::config::ConfigCommand;
#[cfg(unix)]
use crate::commands::daemon::DaemonCommand;
use crate::commands::jobs::JobsCommand;
use crate::commands::keys::KeysCommand;
use crate::commands::licence::LicenceCommand;
use crate::commands::llm::LlmCommand;
use crate::commands::logs::LogsArguments;
use crate::commands::schedule::ScheduleCommand;
use crate::commands::secrets::SecretsCommand;
use crate::commands::service::ServiceCommand;
use crate::commands::shell::{LUCA, ShellArguments};
use crate::commands::terminal::TerminalCommand;
use crate::commands::webhooks::WebhooksCommand;

/// Puts what your own machine can do within reach of any AI application, and keeps you in charge.
#[derive(Debug, Parser)]
#[command(
    version,
    arg_required_else_help = true,
    max_term_width = 100,
    after_help = "\
Start here:
  drawbridge connect claude-desktop   let Claude Desktop use this machine's files
  drawbridge serve                    serve other hosts over HTTP; prints a key at the first start
  drawbridge shell                    look around yourself; `help` teaches it
  drawbridge raise                    stop every call at once

State and configuration are in one folder; `drawbridge config path` says where."
)]
pub(crate) struct Cli {
    /// Print JSON, for programs.
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Reads the command line. A program that is called `luca` is the shell.
pub(crate) fn parse() -> Cli {
    let mut words: Vec<OsString> = std::env::args_os().collect();
    let is_luca = words.first().and_then(|word| Path::new(word).file_stem()).is_some_and(|name| name == LUCA);
    if is_luca {
        words.insert(1, "shell".into());
    }
    let mut cli = Cli::parse_from(words);
    if let (Command::Shell(shell), true) = (&mut cli.command, is_luca) {
        shell.name = Some(LUCA);
    }
    cli
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve MCP over HTTP until Ctrl-C.
    #[command(after_help = "Example:\n  drawbridge serve --listen 127.0.0.1:4747")]
    Serve(Serve),
    /// Serve MCP on standard input and output, for the host that started this; the host is then the owner.
    Stdio,
    /// Type commands: files, tools, language models and jobs, with completion; or run a script.
    #[command(
        after_help = "Examples:\n  drawbridge shell\n  drawbridge shell -c 'cd notes; grep milk | json'\n  drawbridge shell < script\n\nExit status: 0 done, 1 a tool failed, 2 a line means nothing, 3 refused, 4 the hub is away, 130 Ctrl-C."
    )]
    Shell(ShellArguments),
    /// List the tools, or show one with its arguments and examples.
    #[command(after_help = "Example:\n  drawbridge tools files_search")]
    Tools {
        /// A tool's name.
        name: Option<String>,
    },
    /// Call a tool, through the running hub if there is one.
    #[command(
        after_help = "Example:\n  drawbridge call files_read '{\"path\": \"Drawbridge/notes.md\"}'\n\nExit status: 0 done, 1 the tool failed, 3 refused."
    )]
    Call {
        /// The tool's name.
        name: String,
        /// Its arguments, as a JSON object; `-` reads them from standard input.
        #[arg(default_value = "{}")]
        arguments: String,
    },
    /// Write Drawbridge into the configuration of a host; without a name, list the hosts.
    #[command(after_help = "Example:\n  drawbridge connect vscode --dry-run")]
    Connect(Connect),
    /// Say what works, what does not, and what to do.
    Doctor,
    /// Show, check or find the configuration.
    #[command(subcommand, after_help = "Example:\n  drawbridge config check")]
    Config(ConfigCommand),
    /// Add, list and revoke the keys of callers.
    #[command(
        subcommand,
        after_help = "Example:\n  drawbridge keys add laptop --scope 'files_*' --expires 30d"
    )]
    Keys(KeysCommand),
    /// Say what the licence gives, or sign one.
    #[command(subcommand, after_help = "Example:\n  drawbridge licence check")]
    Licence(LicenceCommand),
    /// List what waits for your decision, and decide.
    #[command(subcommand, after_help = "Example:\n  drawbridge approvals approve 7k3q-9x2m --for 1h")]
    Approvals(ApprovalsCommand),
    /// Raise the bridge: refuse every call at once, everywhere, until it is lowered.
    Raise,
    /// Lower the bridge: let calls in again.
    Lower,
    /// Follow, show and verify what was done.
    #[command(subcommand, after_help = "Example:\n  drawbridge audit tail --follow")]
    Audit(AuditCommand),
    /// Ask language models, on this machine or of services; see which there are and what they used.
    #[command(subcommand, after_help = "Example:\n  drawbridge llm chat 'Why is the sky blue?'")]
    Llm(LlmCommand),
    /// Keep keys of services, encrypted, for the configuration to name.
    #[command(subcommand, after_help = "Example:\n  drawbridge secrets set openai < key.txt")]
    Secrets(SecretsCommand),
    /// Run tools in the background, and see what came of it.
    #[command(
        subcommand,
        after_help = "Example:\n  drawbridge jobs submit terminal_run '{\"command\": \"make\"}' --watch"
    )]
    Jobs(JobsCommand),
    /// Begin jobs again and again, at the times of a cron pattern or after a while.
    #[command(subcommand, after_help = "Example:\n  drawbridge schedule list")]
    Schedule(ScheduleCommand),
    /// Tell programs elsewhere what becomes of jobs, by signed requests.
    #[command(subcommand, after_help = "Example:\n  drawbridge webhooks log --given-up")]
    Webhooks(WebhooksCommand),
    /// Run jobs in a process of its own until Ctrl-C: those of the hub on this machine, or on Redis from anywhere.
    #[command(
        after_help = "Example:\n  drawbridge worker --tools 'mail_*' --concurrency 4 --health 127.0.0.1:4748"
    )]
    Worker(WorkerArguments),
    /// Open the console in a browser, signed in: see and steer everything from there.
    #[command(after_help = "Example:\n  drawbridge console --no-open")]
    Console {
        /// Only print the link.
        #[arg(long)]
        no_open: bool,
    },
    /// List the programs of this machine whose methods are tools; restart those that the hub runs, and read their logs.
    #[cfg(unix)]
    #[command(subcommand, after_help = "Example:\n  drawbridge daemon logs weather")]
    Daemon(DaemonCommand),
    /// Join the terminals that programs use, and list them.
    #[command(subcommand, after_help = "Example:\n  drawbridge terminal attach build")]
    Terminal(TerminalCommand),
    /// Say how the hub is.
    Status,
    /// Start a hub in the background, and wait until it serves.
    #[command(after_help = "Example:\n  drawbridge start")]
    Start(StartArguments),
    /// End the hub that runs, and wait until everything is written.
    Stop(Ending),
    /// End the hub that runs, and start it again in the background, as configured.
    Restart {
        #[command(flatten)]
        start: StartArguments,
        #[command(flatten)]
        ending: Ending,
    },
    /// Manage everything in a full-screen menu: hub, logs, configuration, queues, dead letters, keys.
    Manage,
    /// Show what the hub wrote into its log.
    #[command(after_help = "Example:\n  drawbridge logs --follow --filter webhook")]
    Logs(LogsArguments),
    /// Have the operating system start the hub with your session.
    #[command(subcommand, after_help = "Example:\n  drawbridge service install --print")]
    Service(ServiceCommand),
    /// Print completions for a shell.
    #[command(
        after_help = "Example:\n  drawbridge completions bash > ~/.local/share/bash-completion/completions/drawbridge"
    )]
    Completions {
        /// Which shell.
        shell: Shell,
    },
    /// Write man pages into a folder.
    #[command(after_help = "Example:\n  drawbridge man ~/.local/share/man/man1")]
    Man {
        /// The folder; it is made when it is missing.
        folder: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Where to listen; may be given several times. Beyond loopback, everyone who reaches it and has a key may call.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Vec<SocketAddr>,
    /// Leave the terminal that started us: for `drawbridge start`.
    #[arg(long, hide = true)]
    pub(crate) background: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StartArguments {
    /// Where to listen; may be given several times. As configured, if not given.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Vec<SocketAddr>,
}

/// How patiently a hub is ended.
#[derive(Debug, Args)]
pub(crate) struct Ending {
    /// How many seconds it may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(0..=3600))]
    pub(crate) seconds: u64,
    /// Kill it then.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct WorkerArguments {
    /// Only jobs of these tools; `*` at the end stands for the rest. May be given several times.
    #[arg(long, value_name = "PATTERN")]
    pub(crate) tools: Vec<String>,
    /// How many jobs run at once; by the machine's cores if not given.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) concurrency: Option<u16>,
    /// Where to answer `GET /health` and `GET /ready`; nowhere if not given.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) health: Option<SocketAddr>,
    /// How many seconds jobs that run may go on when it is asked to end; then they are tried again elsewhere.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(0..=3600))]
    pub(crate) grace: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Connect {
    /// The host, such as `claude-desktop`, `vscode`, `codex`.
    pub(crate) host: Option<String>,
    /// Show what would change, and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Take Drawbridge out of the host's configuration again.
    #[arg(long, requires = "host")]
    pub(crate) remove: bool,
}

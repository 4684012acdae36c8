//! Terminals over WebSocket: Drawbridge's and ttyd's, driven by the same script and the same client.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::http::Connection;
use crate::peers::program;
use crate::process::{HttpServer, Process, log_end};
use crate::section::Bench;

/// Bytes of the file that is shown.
pub const FILE_BYTES: usize = 50_000_000;
/// Bytes of each of its lines, the end of the line included.
const LINE_BYTES: usize = 80;
/// What of it arrives: a terminal makes two characters of each end of a line.
pub const SHOWN_BYTES: usize = FILE_BYTES + FILE_BYTES / LINE_BYTES;

/// What runs in both terminals: it waits for a line, then shows the file, or lets the kernel echo what is typed, and ends
/// when it is told to. It does not end by itself, because ttyd then cuts the connection without another word.
const SCRIPT: &str = "\
stty -echo
printf READY
read -r what
case $what in
  flood) cat file; printf END ;;
  echo) stty echo; printf ECHO ;;
esac
read -r end
";
/// The last that comes of the file; not within it.
const END: &[u8] = b"END";

/// How long one answer of a server may take before the run fails.
const ANSWER_MAX: Duration = Duration::from_secs(120);
/// How long ttyd may take to listen.
const START_MAX: Duration = Duration::from_secs(10);

/// A server of terminals that runs.
pub enum Server {
    /// `drawbridge serve`.
    Drawbridge {
        /// It.
        server: HttpServer,
        /// Its owner's key.
        key: String,
    },
    /// ttyd.
    Ttyd {
        /// It.
        process: Process,
        /// Where it listens.
        address: SocketAddr,
    },
}

impl Server {
    /// Starts Drawbridge as people run it, but that terminals are opened without asking.
    ///
    /// # Errors
    ///
    /// When it has not been built or does not come up.
    pub fn drawbridge(bench: &Bench) -> anyhow::Result<Self> {
        let (home, state) = (bench.home("terminal")?, bench.home("terminal-state")?);
        write_files(&home.join("Drawbridge"))?;
        std::fs::write(state.join("config.toml"), "[[rules]]\ntools = [\"terminal_*\"]\nthen = \"allow\"\n")?;
        let mut command = Command::new(program(&bench.programs, "drawbridge")?);
        command.args(["serve", "--listen", "127.0.0.1:0"]).env("HOME", home);
        command.env("DRAWBRIDGE_HOME", state).env("DRAWBRIDGE_OWNER_KEY", &bench.key);
        let server = HttpServer::start(command, &bench.log("terminal"))?;
        Ok(Self::Drawbridge { server, key: bench.key.clone() })
    }

    /// Starts ttyd.
    ///
    /// # Errors
    ///
    /// When it cannot be had or does not come up.
    pub fn ttyd(bench: &Bench) -> anyhow::Result<Self> {
        let folder = bench.home("ttyd")?;
        write_files(&folder)?;
        // It has no way to say which port it was given, so it is told one that was free a moment ago.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = bench.setup.ttyd()?;
        command.args([
            "--interface",
            "127.0.0.1",
            "--port",
            &address.port().to_string(),
            "--writable",
            "-d",
            "3",
        ]);
        command.args(["sh", "script"]).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null());
        let process = Process::start(command, &bench.log("ttyd"))?;
        let begun = Instant::now();
        while std::net::TcpStream::connect(address).is_err() {
            ensure!(
                begun.elapsed() < START_MAX,
                "it does not listen. The end of its log:\n{}",
                log_end(&bench.log("ttyd"))
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(Self::Ttyd { process, address })
    }

    /// Its process.
    pub fn process(&self) -> &Process {
        match self {
            Self::Drawbridge { server, .. } => &server.process,
            Self::Ttyd { process, .. } => process,
        }
    }

    /// Opens a terminal with the script in it, and joins it.
    ///
    /// # Errors
    ///
    /// When it refuses.
    pub async fn open(&self) -> anyhow::Result<Viewer> {
        let mut viewer = match self {
            Self::Drawbridge { server, key } => join_drawbridge(server.address, key).await?,
            Self::Ttyd { address, .. } => join_ttyd(*address).await?,
        };
        viewer.until("READY").await?;
        Ok(viewer)
    }
}

/// The script and the file that it shows.
fn write_files(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("script"), SCRIPT)?;
    let line: String = ('!'..='~').cycle().take(LINE_BYTES - 1).chain(['\n']).collect();
    Ok(std::fs::write(folder.join("file"), line.repeat(FILE_BYTES / LINE_BYTES))?)
}

async fn join_drawbridge(address: SocketAddr, key: &str) -> anyhow::Result<Viewer> {
    let opened = call(address, key, "terminal_open", &json!({"argv": ["sh", "script"]})).await?;
    let id = opened["structured"]["session"].as_str().context("a terminal was opened without a name")?;
    let url = format!("ws://{address}/api/terminals/{id}/stream");
    let headers = [
        ("authorization", format!("Bearer {key}")),
        ("sec-websocket-protocol", "drawbridge.terminal.v1".into()),
    ];
    let socket = connect(address, &url, &headers).await?;
    Ok(Viewer { socket, dialect: Dialect::Drawbridge, held: Vec::new() })
}

async fn join_ttyd(address: SocketAddr) -> anyhow::Result<Viewer> {
    let headers = [("sec-websocket-protocol", "tty".to_owned())];
    let mut socket = connect(address, &format!("ws://{address}/ws"), &headers).await?;
    socket.send(Message::binary(&br#"{"AuthToken":"","columns":80,"rows":24}"#[..])).await?;
    Ok(Viewer { socket, dialect: Dialect::Ttyd, held: Vec::new() })
}

async fn connect(
    address: SocketAddr,
    url: &str,
    headers: &[(&'static str, String)],
) -> anyhow::Result<WebSocketStream<TcpStream>> {
    let mut request = url.into_client_request()?;
    for (name, value) in headers {
        request.headers_mut().insert(*name, HeaderValue::from_str(value)?);
    }
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (socket, _) =
        tokio_tungstenite::client_async(request, stream).await.context("no WebSocket opened")?;
    Ok(socket)
}

/// Calls a tool of Drawbridge through REST.
///
/// # Errors
///
/// When the tool fails or is refused; what the hub said is in the error.
pub async fn call(address: SocketAddr, key: &str, tool: &str, arguments: &Value) -> anyhow::Result<Value> {
    let mut connection = Connection::open(address).await?;
    let answer = connection.exchange(&encode(address, key, tool, arguments)).await?;
    check(answer.status, answer.body)
}

/// A call of a tool, as an HTTP request.
pub fn encode(address: SocketAddr, key: &str, tool: &str, arguments: &Value) -> Vec<u8> {
    let body = arguments.to_string();
    format!(
        "POST /api/tools/{tool} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// What a tool answered.
///
/// # Errors
///
/// When it failed or was refused.
pub fn check(status: u16, body: &[u8]) -> anyhow::Result<Value> {
    let answer: Value = serde_json::from_slice(body).context("the answer is no JSON")?;
    ensure!(status == 200 && answer["is_error"] == false, "refused with {status}: {answer}");
    Ok(answer)
}

/// How terminals are spoken to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dialect {
    /// Bytes in binary frames, everything else in text frames.
    Drawbridge,
    /// Everything in binary frames; the first byte says what it is, and `0` is input and output.
    Ttyd,
}

/// Somebody who watches a terminal and types in it.
pub struct Viewer {
    socket: WebSocketStream<TcpStream>,
    dialect: Dialect,
    /// What has come, until it is looked for.
    held: Vec<u8>,
}

impl Viewer {
    /// Types.
    ///
    /// # Errors
    ///
    /// When the connection is gone.
    pub async fn type_in(&mut self, text: &str) -> anyhow::Result<()> {
        let frame = match self.dialect {
            Dialect::Drawbridge => text.to_owned(),
            Dialect::Ttyd => format!("0{text}"),
        };
        Ok(self.socket.send(Message::Binary(frame.into())).await?)
    }

    /// Reads until this has come.
    ///
    /// # Errors
    ///
    /// When it does not come.
    pub async fn until(&mut self, text: &str) -> anyhow::Result<()> {
        while !self.held.windows(text.len()).any(|part| part == text.as_bytes()) {
            let piece = self.next().await?.with_context(|| format!("it ended before {text:?} came"))?;
            self.held.extend_from_slice(&piece);
        }
        self.held.clear();
        Ok(())
    }

    /// Reads until the file is over; gives how many bytes came.
    ///
    /// # Errors
    ///
    /// When it does not come to its end.
    pub async fn file(&mut self) -> anyhow::Result<usize> {
        let (mut bytes, mut last) = (0, Vec::new());
        while last != END {
            let piece = self.next().await?.with_context(|| format!("it ended after {bytes} bytes"))?;
            bytes += piece.len();
            last.extend_from_slice(&piece[piece.len().saturating_sub(END.len())..]);
            last.drain(..last.len().saturating_sub(END.len()));
        }
        Ok(bytes - END.len())
    }

    /// Lets what runs end, and waits until the server has said all it has to say.
    pub async fn leave(mut self) {
        if self.type_in("\r").await.is_ok() {
            // ttyd breaks the connection at the end.
            while let Ok(Some(_)) = self.next().await {}
        }
    }

    /// The next piece of output; `None` at the end.
    async fn next(&mut self) -> anyhow::Result<Option<Bytes>> {
        loop {
            let message = tokio::time::timeout(ANSWER_MAX, self.socket.next()).await;
            match message.context("nothing came any more")? {
                None => return Ok(None),
                Some(Ok(Message::Close(_))) => return Ok(None),
                Some(Ok(Message::Binary(bytes))) if self.dialect == Dialect::Drawbridge => {
                    return Ok(Some(bytes));
                }
                Some(Ok(Message::Binary(bytes))) if bytes.first() == Some(&b'0') => {
                    return Ok(Some(bytes.slice(1..)));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => bail!("the stream broke: {error}"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A viewer of a server that sends these frames and hangs up.
    async fn viewer(dialect: Dialect, frames: &'static [&'static str]) -> Viewer {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
            for frame in frames {
                socket.send(Message::binary(frame.as_bytes())).await.unwrap();
            }
            socket.send(Message::text("{}")).await.unwrap();
        });
        let socket = connect(address, &format!("ws://{address}/"), &[]).await.unwrap();
        Viewer { socket, dialect, held: Vec::new() }
    }

    #[tokio::test]
    async fn the_end_of_the_file_is_found_however_it_is_cut() {
        let mut ours = viewer(Dialect::Drawbridge, &["REA", "DY", "ab", "cE", "N", "D"]).await;
        ours.until("READY").await.unwrap();
        assert_eq!(ours.file().await.unwrap(), 3);
        let mut theirs = viewer(Dialect::Ttyd, &["1title", "0READY", "0a", "2{}", "0bEND"]).await;
        theirs.until("READY").await.unwrap();
        assert_eq!(theirs.file().await.unwrap(), 2);
    }

    #[tokio::test]
    async fn a_file_that_stops_short_ends_the_measurement() {
        let mut viewer = viewer(Dialect::Drawbridge, &["abEN"]).await;
        assert!(viewer.file().await.is_err());
    }

    #[test]
    fn a_refused_call_ends_the_measurement() {
        assert!(check(200, br#"{"is_error": false, "structured": {}}"#).is_ok());
        for (status, body) in
            [(200, &br#"{"is_error": true}"#[..]), (403, br#"{"detail": "no"}"#), (200, b"no")]
        {
            assert!(check(status, body).is_err());
        }
    }

    #[test]
    fn the_file_has_its_size_and_no_end_in_it() {
        let folder = tempfile::tempdir().unwrap();
        write_files(folder.path()).unwrap();
        let file = std::fs::read(folder.path().join("file")).unwrap();
        assert_eq!(file.len(), FILE_BYTES);
        assert!(!file[..10 * LINE_BYTES].windows(END.len()).any(|part| part == END));
        assert_eq!(file.iter().filter(|byte| **byte == b'\n').count(), SHOWN_BYTES - FILE_BYTES);
    }
}

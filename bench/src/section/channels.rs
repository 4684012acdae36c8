//! The same call over Streamable HTTP, a WebSocket and the unix socket, in both dialects.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;

use super::{Bench, runtime};
use crate::http::Connection;
use crate::process::HttpServer;
use crate::report::{Table, figure};
use crate::stats::{median_of, micros, percentile};

/// How many of one connection's requests are under way at once, where several are.
const AT_ONCE: usize = 32;
/// What every answer holds: there is no value under the key.
const NOTHING: &str = "null";

/// One way to make the call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Http,
    WebSocket,
    Socket,
}

/// What one round brought.
struct Round {
    calls_per_second: f64,
    p50_us: f64,
    p99_us: f64,
}

/// Measures.
pub(super) fn run(bench: &Bench) -> anyhow::Result<Table> {
    let about = format!(
        "`drawbridge serve` as people run it, and a look-up in its keys and values (`kv_get`, or `mcp.kv.get` of the older dialect), {} \
         connections, each calling as soon as it is answered; every answer is checked. With {AT_ONCE} at once, each connection \
         sends so many requests before it reads their answers. {}",
        bench.connections,
        bench.rounds_text()
    );
    let mut table = Table::new("Calls over each channel", about, &["", "calls/s", "p50, µs", "p99, µs"]);
    let hub = Hub::start(bench)?;
    let runtime = runtime()?;
    let ways = [
        ("Streamable HTTP, MCP", Way::Http, false, 1),
        ("WebSocket, MCP", Way::WebSocket, false, 1),
        ("WebSocket, older dialect", Way::WebSocket, true, 1),
        ("WebSocket, MCP, 32 at once", Way::WebSocket, false, AT_ONCE),
        ("unix socket, MCP", Way::Socket, false, 1),
        ("unix socket, older dialect", Way::Socket, true, 1),
        ("unix socket, MCP, 32 at once", Way::Socket, false, AT_ONCE),
    ];
    let mut rounds: Vec<Vec<Round>> = ways.iter().map(|_| Vec::new()).collect();
    for _ in 0..bench.rounds {
        for ((name, way, is_older, at_once), rounds) in ways.iter().zip(&mut rounds) {
            let round = runtime.block_on(hub.round(bench, *way, *is_older, *at_once));
            rounds.push(round.with_context(|| format!("while {name} was measured"))?);
        }
    }
    for ((name, ..), rounds) in ways.iter().zip(&rounds) {
        let median = |of: fn(&Round) -> f64| median_of(rounds, of).map_or_else(|| "–".into(), figure);
        let figures = [
            median(|round| round.calls_per_second),
            median(|round| round.p50_us),
            median(|round| round.p99_us),
        ];
        table.rows.push([vec![(*name).to_owned()], figures.to_vec()].concat());
    }
    Ok(table)
}

struct Hub {
    server: HttpServer,
    socket: PathBuf,
    key: String,
}

impl Hub {
    fn start(bench: &Bench) -> anyhow::Result<Self> {
        let (home, state) = (bench.home("channels")?, bench.home("channels-state")?);
        let mut command = Command::new(bench.program("drawbridge")?);
        command.args(["serve", "--listen", "127.0.0.1:0"]).env("HOME", home);
        command.env("DRAWBRIDGE_HOME", &state).env("DRAWBRIDGE_OWNER_KEY", &bench.key);
        let server = HttpServer::start(command, &bench.log("channels"))?;
        Ok(Self { server, socket: state.join("run/gateway.sock"), key: bench.key.clone() })
    }

    async fn round(&self, bench: &Bench, way: Way, is_older: bool, at_once: usize) -> anyhow::Result<Round> {
        let mut connections = Vec::new();
        for _ in 0..bench.connections {
            connections.push(self.open(way, is_older).await?);
        }
        let begun = Instant::now();
        let turns =
            connections.into_iter().map(|connection| tokio::spawn(connection.calls(bench.turn, at_once)));
        let mut latencies = Vec::new();
        for turn in turns.collect::<Vec<_>>() {
            latencies.extend(turn.await??);
        }
        let seconds = begun.elapsed().as_secs_f64();
        latencies.sort_unstable();
        Ok(Round {
            calls_per_second: latencies.len() as f64 / seconds,
            p50_us: micros(percentile(&latencies, 50.0)),
            p99_us: micros(percentile(&latencies, 99.0)),
        })
    }

    async fn open(&self, way: Way, is_older: bool) -> anyhow::Result<Channel> {
        let request = if is_older { older() } else { modern() };
        Ok(match way {
            Way::Http => {
                let request = over_http(self.server.address, &self.key, &request.to_string());
                Channel::Http { connection: Connection::open(self.server.address).await?, request }
            }
            Way::WebSocket => {
                let mut opening = format!("ws://{}/ws", self.server.address).into_client_request()?;
                opening
                    .headers_mut()
                    .insert("authorization", HeaderValue::from_str(&format!("Bearer {}", self.key))?);
                let stream = TcpStream::connect(self.server.address).await?;
                stream.set_nodelay(true)?;
                let (stream, _) = tokio_tungstenite::client_async(opening, stream).await?;
                Channel::WebSocket { stream: Box::new(stream), request }
            }
            Way::Socket => {
                let stream = UnixStream::connect(&self.socket).await?;
                Channel::Socket { stream, request, rest: Vec::new() }
            }
        })
    }
}

fn modern() -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
        "name": "kv_get", "arguments": {"key": "x"}, "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        },
    }})
}

fn older() -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": "mcp.kv.get", "params": ["x"]})
}

fn over_http(address: SocketAddr, key: &str, body: &str) -> Vec<u8> {
    format!(
        "POST /mcp HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n\
         accept: application/json, text/event-stream\r\nmcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call\r\n\
         mcp-name: kv_get\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// One connection, and the request that it sends again and again.
enum Channel {
    Http { connection: Connection, request: Vec<u8> },
    WebSocket { stream: Box<WebSocketStream<TcpStream>>, request: Value },
    Socket { stream: UnixStream, request: Value, rest: Vec<u8> },
}

impl Channel {
    /// Calls for so long, so many at once; gives how long each call took.
    async fn calls(mut self, turn: Duration, at_once: usize) -> anyhow::Result<Vec<Duration>> {
        let (begun, mut latencies) = (Instant::now(), Vec::new());
        while begun.elapsed() < turn {
            let asked = Instant::now();
            self.send(at_once).await?;
            for _ in 0..at_once {
                self.receive().await?;
                latencies.push(asked.elapsed());
            }
        }
        Ok(latencies)
    }

    async fn send(&mut self, at_once: usize) -> anyhow::Result<()> {
        match self {
            Self::Http { .. } => {}
            Self::WebSocket { stream, request } => {
                for number in 0..at_once {
                    request["id"] = number.into();
                    stream.feed(Message::Text(request.to_string().into())).await?;
                }
                stream.flush().await?;
            }
            Self::Socket { stream, request, .. } => {
                let mut bytes = Vec::new();
                for number in 0..at_once {
                    request["id"] = number.into();
                    bytes.extend_from_slice(request.to_string().as_bytes());
                    bytes.push(0);
                }
                stream.write_all(&bytes).await?;
            }
        }
        Ok(())
    }

    async fn receive(&mut self) -> anyhow::Result<()> {
        match self {
            Self::Http { connection, request } => {
                let answer = connection.exchange(request).await?;
                check(answer.body)
            }
            Self::WebSocket { stream, .. } => loop {
                match stream.next().await.context("it was closed")?? {
                    Message::Text(text) => return check(text.as_bytes()),
                    Message::Ping(_) => {}
                    other => anyhow::bail!("{other:?} came"),
                }
            },
            Self::Socket { stream, rest, .. } => loop {
                if let Some(end) = rest.iter().position(|byte| *byte == 0) {
                    let message: Vec<u8> = rest.drain(..=end).collect();
                    return check(&message);
                }
                ensure!(stream.read_buf(rest).await? > 0, "it was closed");
            },
        }
    }
}

/// An answer must be one that there is no value.
fn check(answer: &[u8]) -> anyhow::Result<()> {
    let text = String::from_utf8_lossy(answer);
    ensure!(text.contains("\"result\"") && text.contains(NOTHING), "an answer is wrong: {text}");
    Ok(())
}

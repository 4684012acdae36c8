//! Joining a terminal of the running hub: a WebSocket on one side, this terminal on the other.

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::signal::unix::{SignalKind, signal};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::keyboard::{Keyboard, Pressed};
use super::screen::Screen;
use crate::client::SessionKey;
use crate::hub::configured;
use crate::{output, running};

/// What a viewer of terminals speaks, as the hub names it.
const PROTOCOL: &str = "drawbridge.terminal.v1";

type Wire = WebSocketStream<TcpStream>;

/// Joins until the terminal ends, or the person leaves it.
pub(super) async fn run(name: &str, watch: bool) -> Result<ExitCode> {
    let (state, _) = configured()?;
    let hub = running::find(&state)
        .context("no hub runs, and terminals live in a hub: `drawbridge serve` starts one")?;
    let address = hub.address().context("the hub says no address")?;
    let key = SessionKey::open(&state).await?;
    let joined = join(name, watch, &address.to_string(), &key.secret).await;
    key.close().await?;
    joined
}

async fn join(name: &str, watch: bool, address: &str, secret: &str) -> Result<ExitCode> {
    let wire = connect(&request(name, watch, address, secret)?, address).await?;
    let screen =
        Screen::take().context("joining needs a terminal: standard input and output have to be one")?;
    let left = Joined { wire, screen, watch, paused: false }.run().await;
    // The terminal is given back before anything is said in it.
    let how = left?;
    output::line(how)?;
    Ok(ExitCode::SUCCESS)
}

fn request(name: &str, watch: bool, address: &str, secret: &str) -> Result<Request> {
    let is_name = |one: char| one.is_ascii_alphanumeric() || "-_.".contains(one);
    if name.is_empty() || !name.chars().all(is_name) {
        bail!("{name:?} is no terminal's name: those have letters, digits, - _ and . only");
    }
    let mode = if watch { "watch" } else { "type" };
    let mut request =
        format!("ws://{address}/api/terminals/{name}/stream?mode={mode}").into_client_request()?;
    let headers = request.headers_mut();
    headers.insert("Authorization", format!("Bearer {secret}").parse()?);
    headers.insert("Sec-WebSocket-Protocol", PROTOCOL.parse()?);
    Ok(request)
}

async fn connect(request: &Request, address: &str) -> Result<Wire> {
    let stream =
        TcpStream::connect(address).await.with_context(|| format!("the hub at {address} does not answer"))?;
    stream.set_nodelay(true)?;
    match tokio_tungstenite::client_async(request.clone(), stream).await {
        Ok((wire, _)) => Ok(wire),
        Err(Error::Http(response)) => bail!("{}", refusal(&response)),
        Err(error) => Err(error).context("the hub does not let us join"),
    }
}

/// What the hub says (RFC 9457), or at least its status.
fn refusal(response: &hyper::Response<Option<Vec<u8>>>) -> String {
    let body = response.body().as_deref().unwrap_or_default();
    let problem: Value = serde_json::from_slice(body).unwrap_or_default();
    problem["detail"]
        .as_str()
        .map_or_else(|| format!("the hub refused with {}", response.status()), str::to_owned)
}

struct Joined {
    wire: Wire,
    screen: Screen,
    watch: bool,
    /// Whether programs are kept from typing.
    paused: bool,
}

impl Joined {
    /// Gives what to say at the end.
    async fn run(mut self) -> Result<String> {
        let mut keyboard = Keyboard::start();
        let mut resized = signal(SignalKind::window_change())?;
        self.resize().await?;
        loop {
            tokio::select! {
                message = self.wire.next() => {
                    if let Some(how) = self.show(message)? {
                        return Ok(how);
                    }
                }
                _ = resized.recv() => self.resize().await?,
                pressed = keyboard.next() => match pressed {
                    None | Some(Pressed::Leave) => return Ok("Left; it goes on.".to_owned()),
                    Some(Pressed::Pause) => self.pause().await?,
                    Some(Pressed::Keys(keys)) if !self.watch => self.wire.send(Message::Binary(keys.into())).await?,
                    Some(Pressed::Keys(_)) => {}
                },
            }
        }
    }

    async fn resize(&mut self) -> Result<()> {
        match self.screen.size() {
            Some((columns, rows)) if !self.watch => {
                self.say(&json!({ "resize": { "columns": columns, "rows": rows } })).await
            }
            _ => Ok(()),
        }
    }

    async fn pause(&mut self) -> Result<()> {
        if self.watch { Ok(()) } else { self.say(&json!({ "pause": !self.paused })).await }
    }

    async fn say(&mut self, message: &Value) -> Result<()> {
        Ok(self.wire.send(Message::Text(message.to_string().into())).await?)
    }

    /// Shows what came; gives what to say if it was the last.
    fn show(&mut self, message: Option<Result<Message, Error>>) -> Result<Option<String>> {
        match message {
            Some(Ok(Message::Binary(bytes))) => self.screen.write(&bytes)?,
            Some(Ok(Message::Text(text))) => return self.hear(&text),
            Some(Ok(Message::Close(frame))) => {
                let why = frame.map(|frame| frame.reason.to_string()).unwrap_or_default();
                return Ok(Some(output::plain(&format!("The hub ended it. {why}"))));
            }
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return Ok(Some("The hub went away.".to_owned())),
        }
        Ok(None)
    }

    fn hear(&mut self, notice: &str) -> Result<Option<String>> {
        let notice: Value = serde_json::from_str(notice).unwrap_or_default();
        if let Some(paused) = notice["paused"].as_bool() {
            if paused != self.paused {
                self.screen.tell(if paused {
                    "programs do not type now"
                } else {
                    "programs may type again"
                })?;
            }
            self.paused = paused;
        }
        let ended = &notice["ended"];
        Ok(match (ended["exit_code"].as_i64(), ended["signal"].as_i64()) {
            (Some(code), _) => Some(format!("It ended with exit code {code}.")),
            (None, Some(signal)) => Some(format!("It was ended by signal {signal}.")),
            (None, None) if ended.is_object() => Some("It ended.".to_owned()),
            _ => None,
        })
    }
}

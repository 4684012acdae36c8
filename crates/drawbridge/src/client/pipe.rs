//! A pipe to the running hub: what a host says to us on standard input goes there, and what the hub says comes back, byte
//! for byte. Cancelling, progress, subscriptions and questions are the hub's and the host's business.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use drawbridge_web::{STDIO_PATH, STDIO_PROTOCOL, WORKER_PATH, WORKER_PROTOCOL};
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1::handshake;
use hyper::upgrade::Upgraded;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, copy, split};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::session::SessionKey;
use crate::running::Running;

/// How long the hub may take to open a pipe.
const OPENING_MAX: std::time::Duration = std::time::Duration::from_secs(5);

/// An open pipe, and the key that keeps it open.
pub(crate) struct HubPipe {
    pipe: TokioIo<Upgraded>,
    key: SessionKey,
}

impl HubPipe {
    /// Opens a pipe to this hub, with a key for this one stay.
    ///
    /// # Errors
    /// When the hub does not answer, or opens no pipes.
    pub(crate) async fn open(state: &Path, hub: &Running) -> Result<Self> {
        let key = SessionKey::for_stdio(state).await?;
        match Entrance::STDIO.open(hub, &key.secret).await {
            Ok(pipe) => Ok(Self { pipe, key }),
            Err(error) => {
                key.close().await?;
                Err(error)
            }
        }
    }

    /// Passes on everything until the host or the hub goes away. What the hub still says after the host's last word
    /// is passed on, too.
    ///
    /// # Errors
    /// When reading or writing fails.
    pub(crate) async fn forward(
        self,
        mut input: impl AsyncRead + Unpin,
        mut output: impl AsyncWrite + Unpin,
    ) -> Result<()> {
        let (mut from_hub, mut to_hub) = split(self.pipe);
        let up = async {
            copy(&mut input, &mut to_hub).await?;
            to_hub.shutdown().await?;
            // The end is the hub's to say.
            std::future::pending::<std::io::Result<u64>>().await
        };
        let ended = tokio::select! {
            ended = copy(&mut from_hub, &mut output) => ended,
            failed = up => failed,
        };
        let written = output.flush().await;
        self.key.close().await?;
        ended.and(written).context("the pipe to the hub broke")
    }
}

/// Where a pipe is opened, and what is spoken in it.
pub(crate) struct Entrance {
    path: &'static str,
    protocol: &'static str,
}

impl Entrance {
    /// For hosts.
    pub(crate) const STDIO: Self = Self { path: STDIO_PATH, protocol: STDIO_PROTOCOL };
    /// For workers.
    pub(crate) const WORKER: Self = Self { path: WORKER_PATH, protocol: WORKER_PROTOCOL };

    /// Opens a pipe to this hub.
    ///
    /// # Errors
    /// When the hub does not answer in time, or opens no pipes.
    pub(crate) async fn open(&self, hub: &Running, secret: &str) -> Result<TokioIo<Upgraded>> {
        let opened = timeout(OPENING_MAX, self.connect(hub, secret)).await;
        opened.context("the hub did not answer in time").flatten()
    }

    async fn connect(&self, hub: &Running, secret: &str) -> Result<TokioIo<Upgraded>> {
        let address = hub.address().context("the hub says no address")?;
        let stream = TcpStream::connect(address)
            .await
            .with_context(|| format!("the hub at {address} does not answer"))?;
        stream.set_nodelay(true)?;
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection.with_upgrades());
        let request = Request::get(self.path)
            .header(header::HOST, address.to_string())
            .header(header::AUTHORIZATION, format!("Bearer {secret}"))
            .header(header::CONNECTION, "upgrade")
            .header(header::UPGRADE, self.protocol)
            .body(Empty::<Bytes>::new())?;
        let response = sender.send_request(request).await.context("the hub went away")?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            bail!("the hub opens no pipe: it answered {}", response.status());
        }
        Ok(TokioIo::new(hyper::upgrade::on(response).await?))
    }
}

//! Channels of messages: who is let in, what is served beside MCP, and slow or broken ends.

use std::sync::Arc;
use std::time::Duration;

use drawbridge_contract::{Authenticator, Caller, CallerKind, CancellationToken, RawValue, Unauthenticated};
use drawbridge_mcp::channel::{Channels, End, Who};
use drawbridge_mcp::frames::{FrameReader, FrameWriter};
use drawbridge_mcp::unix::SocketListener;
use drawbridge_mcp::{Asked, Dialect, Told};
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf};
use tokio::task::JoinHandle;

use crate::http_host::modern;
use crate::world::World;

struct Keys;

impl Authenticator for Keys {
    fn authenticate(&self, secret: &str) -> Result<Arc<Caller>, Unauthenticated> {
        (secret == "good").then(|| Arc::new(owner())).ok_or(Unauthenticated::Unknown)
    }
}

fn owner() -> Caller {
    Caller::new("owner", CallerKind::Owner)
}

/// `old.count` tells as many results as it is asked for, `old.never` none.
struct Counting;

impl Dialect for Counting {
    fn has(&self, method: &str, _: &Caller) -> bool {
        method.starts_with("old.")
    }

    fn serve(&self, asked: Asked) -> BoxStream<'static, Told> {
        let params = asked.params.map_or(Value::Null, |raw| serde_json::from_str(raw.get()).unwrap());
        let told = |number: u64| Told::Result(RawValue::from_string(number.to_string()).unwrap());
        match &*asked.method {
            "old.count" => stream::iter((0..params[0].as_u64().unwrap_or(1)).map(told)).boxed(),
            "old.never" => stream::pending().boxed(),
            _ => stream::iter([Told::Error { code: -32601, message: "no".to_owned() }]).boxed(),
        }
    }
}

/// The other end of a channel.
struct Other {
    read: ReadHalf<DuplexStream>,
    write: WriteHalf<DuplexStream>,
    served: JoinHandle<End>,
    rest: Vec<u8>,
}

impl Other {
    fn open(world: &World, who: Who) -> Self {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let channels = Channels::new(world.handler(), Arc::new(Keys), Arc::new(Counting));
        let served = tokio::spawn(async move {
            let (read, write) = tokio::io::split(far);
            let (reader, writer) = (FrameReader::new(read), FrameWriter::new(write));
            channels.serve(who, "test", reader, writer, &CancellationToken::new()).await
        });
        let (read, write) = tokio::io::split(near);
        Self { read, write, served, rest: Vec::new() }
    }

    fn known(world: &World) -> Self {
        Self::open(world, Who::Known(Arc::new(owner())))
    }

    async fn say(&mut self, message: impl ToString) {
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.write.write_all(&bytes).await.unwrap();
    }

    async fn hear(&mut self) -> Value {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == 0) {
                let message: Vec<u8> = self.rest.drain(..=end).take(end).collect();
                return serde_json::from_slice(&message).unwrap();
            }
            assert!(self.read.read_buf(&mut self.rest).await.unwrap() > 0, "nothing more came");
        }
    }

    async fn ask(&mut self, message: impl ToString) -> Value {
        self.say(message).await;
        self.hear().await
    }
}

fn old(id: u64, method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

#[tokio::test]
async fn both_eras_and_the_other_dialect_share_a_channel() {
    let mut other = Other::known(&World::new());
    let listed = other.ask(modern("tools/list", json!({}))).await;
    assert!(listed["result"]["tools"].is_array(), "{listed}");
    assert_eq!(
        other.ask(old(7, "old.count", json!([1]))).await,
        json!({"jsonrpc": "2.0", "id": 7, "result": 0})
    );
    let hello = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let begun = other.ask(old(8, "initialize", hello)).await;
    assert_eq!(begun["result"]["protocolVersion"], "2025-06-18");
    assert!(other.ask(old(9, "tools/list", json!({}))).await["result"]["tools"].is_array());
    assert_eq!(other.ask(old(10, "old.nothing", json!([]))).await["error"]["code"], -32601);
}

#[tokio::test]
async fn a_stranger_is_let_in_by_its_first_message() {
    let mut other = Other::open(&World::new(), Who::Stranger);
    let welcome = other.ask(old(0, "mcp.auth", json!({"key": "good"}))).await;
    assert_eq!(welcome, json!({"jsonrpc": "2.0", "id": 0, "result": {"caller": "owner"}}));
    assert!(other.ask(modern("tools/list", json!({}))).await["result"].is_object());
    assert_eq!(other.ask(old(1, "mcp.auth", json!(["good"]))).await["result"]["caller"], "owner");
    assert_eq!(other.ask(old(2, "mcp.auth", json!(["bad"]))).await["error"]["code"], -32000);
}

#[tokio::test]
async fn a_stranger_without_a_good_key_is_told_so_and_leaves() {
    for first in [
        old(1, "mcp.auth", json!({"key": "bad"})).to_string(),
        old(1, "mcp.auth", json!({"Key": "good"})).to_string(),
        old(1, "mcp.auth", json!({"key": "good", "more": 1})).to_string(),
        old(1, "mcp.auth", json!([])).to_string(),
        modern("tools/list", json!({})).to_string(),
        old(1, "old.count", json!([1])).to_string(),
        format!("[{}]", old(1, "mcp.auth", json!(["good"]))),
        "{".to_owned(),
    ] {
        let mut other = Other::open(&World::new(), Who::Stranger);
        let refused = other.ask(&first).await;
        assert_eq!(refused["error"]["code"], -32000, "{first}: {refused}");
        assert!(matches!(other.served.await.unwrap(), End::NotAuthenticated(_)), "{first}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stranger_has_so_much_time_and_so_many_bytes() {
    let silent = Other::open(&World::new(), Who::Stranger);
    assert!(matches!(silent.served.await.unwrap(), End::NotAuthenticated(why) if why.contains("in time")));
    let mut long = Other::open(&World::new(), Who::Stranger);
    long.say(old(0, "mcp.auth", json!(["x".repeat(drawbridge_mcp::AUTH_BYTES_MAX)]))).await;
    assert!(matches!(long.served.await.unwrap(), End::NotAuthenticated(why) if why.contains("too long")));
}

#[tokio::test]
async fn results_of_one_request_come_in_their_order_and_others_are_served_meanwhile() {
    let world = World::new();
    let mut other = Other::known(&world);
    other.say(old(1, "old.never", json!([]))).await;
    other.say(old(2, "old.count", json!([500]))).await;
    for number in 0..500 {
        assert_eq!(other.hear().await, json!({"jsonrpc": "2.0", "id": 2, "result": number}));
    }
    let again = other.ask(old(1, "old.count", json!([1]))).await;
    assert_eq!(again["error"]["code"], -32600, "the first one still runs");
    other
        .say(json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}))
        .await;
    loop {
        let answer = other.ask(old(1, "old.count", json!([1]))).await;
        if answer["result"] == 0 {
            break;
        }
        assert_eq!(answer["error"]["code"], -32600, "it is being cancelled");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn batches_are_answered_whole_and_notifications_not_at_all() {
    let mut other = Other::known(&World::new());
    other.say(json!({"jsonrpc": "2.0", "method": "old.count", "params": [3]})).await;
    let notice = json!({"jsonrpc": "2.0", "method": "old.count", "params": [3]});
    let batch = json!([old(1, "old.count", json!([2])), notice, old(2, "old.gone", json!([])), 1]);
    let answers = other.ask(batch).await;
    let ids: Vec<&Value> = answers.as_array().unwrap().iter().map(|answer| &answer["id"]).collect();
    assert_eq!(ids, [&json!(1), &json!(2), &json!(null)], "{answers}");
    assert_eq!(other.ask("[]").await["error"]["code"], -32600);
    assert_eq!(
        other.ask("nonsense").await,
        json!({"jsonrpc": "2.0", "id": null, "error": {"code": -32700, "message": "not JSON: expected ident at line 1 column 2"}})
    );
}

#[tokio::test(start_paused = true)]
async fn one_that_does_not_read_is_cut_off_after_a_time() {
    let mut other = Other::known(&World::new());
    other.say(old(1, "old.count", json!([1_000_000]))).await;
    let end = other.served.await.unwrap();
    assert_eq!(end, End::DoesNotRead);
}

#[tokio::test]
async fn a_right_that_ends_ends_the_channel() {
    let gone = CancellationToken::new();
    let mut other = Other::open(&World::new(), Who::Until(Arc::new(owner()), gone.clone()));
    assert_eq!(other.ask(old(1, "old.count", json!([1]))).await["result"], 0);
    gone.cancel();
    assert_eq!(other.served.await.unwrap(), End::KeyGone);
}

#[tokio::test]
async fn a6_the_socket_is_private_and_its_owner_needs_no_key() {
    use std::os::unix::fs::PermissionsExt as _;
    let (folder, world) = (tempfile::tempdir().unwrap(), World::new());
    let place = folder.path().join("run/gateway.sock");
    let listener = SocketListener::bind(&place).unwrap();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&place), mode(place.parent().unwrap())), (0o600, 0o700));
    let taken = SocketListener::bind(&place).err().unwrap().to_string();
    assert!(taken.contains("another hub serves"), "{taken}");

    let shutdown = CancellationToken::new();
    let channels = Channels::new(world.handler(), Arc::new(Keys), Arc::new(Counting));
    let serving = tokio::spawn(listener.serve(channels, Arc::new(owner()), shutdown.clone()));
    let mut stream = tokio::net::UnixStream::connect(&place).await.unwrap();
    stream.write_all(format!("{}\0", old(1, "old.count", json!([1]))).as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).await.unwrap();
    assert_eq!(said, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":0}\0");
    shutdown.cancel();
    serving.await.unwrap();
    assert!(!place.exists(), "the file goes with its hub");
}

#[test]
fn a6_what_an_earlier_hub_left_is_replaced_and_nothing_else() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let _entered = runtime.enter();
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("gateway.sock");
    drop(std::os::unix::net::UnixListener::bind(&place).unwrap());
    assert!(place.exists(), "left behind");
    drop(SocketListener::bind(&place).unwrap());
    std::fs::write(&place, "mine").unwrap();
    assert!(SocketListener::bind(&place).err().unwrap().to_string().contains("is no socket"));
    assert_eq!(std::fs::read_to_string(&place).unwrap(), "mine");
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(folder.path().join("elsewhere"), &link).unwrap();
    assert!(SocketListener::bind(&link.join("gateway.sock")).is_err());
}

//! A program elsewhere that is told what becomes of jobs.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};

use serde_json::Value;

use super::PATIENCE;

/// One request, as it came.
pub(crate) struct Told {
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Told {
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(one, _)| one.eq_ignore_ascii_case(name));
        found.map_or_else(|| panic!("it has no {name}: {:?}", self.headers), |(_, value)| value)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Takes every request, and answers that it was taken. Listens until the test ends.
pub(crate) struct Hook {
    pub(crate) address: SocketAddr,
    told: Receiver<Told>,
}

impl Hook {
    pub(crate) fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, told) = mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let sender = sender.clone();
                std::thread::spawn(move || {
                    let mut stream = BufReader::new(stream);
                    while let Some(request) = read(&mut stream) {
                        let taken = stream.get_mut().write_all(b"HTTP/1.1 204 No Content\r\n\r\n");
                        if taken.is_err() || sender.send(request).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self { address, told }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// The next request.
    pub(crate) fn next(&self) -> Told {
        self.told.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("nothing was told within {PATIENCE:?}"))
    }

    /// Whether nothing came that was not given yet.
    pub(crate) fn is_silent(&self) -> bool {
        self.told.try_recv().is_err()
    }

    /// The next request about `event`; those before it are given, too.
    pub(crate) fn until(&self, event: &str) -> Vec<Told> {
        let mut all = Vec::new();
        loop {
            all.push(self.next());
            if all.last().unwrap().json()["event"] == event {
                return all;
            }
        }
    }
}

/// A request of HTTP/1.1 with a declared length; `None` at the end of the connection.
fn read(stream: &mut BufReader<TcpStream>) -> Option<Told> {
    let mut headers = Vec::new();
    let mut line = String::new();
    stream.read_line(&mut line).ok().filter(|&read| read > 0)?;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let mut body = vec![0; length?.1.parse().ok()?];
    stream.read_exact(&mut body).ok()?;
    Some(Told { headers, body })
}

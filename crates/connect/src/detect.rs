//! Which hosts are here, and which of them know Drawbridge already.

use std::path::{Path, PathBuf};

use crate::{ConnectError, HOSTS, Host, Places, write};

/// Whether a host has our entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connection {
    /// There is no entry of ours.
    No,
    /// There is one.
    Yes,
    /// The file cannot be read; the text says why and what to do.
    Unclear(String),
}

/// One host on this machine.
#[derive(Debug)]
pub struct Found {
    /// The host.
    pub host: &'static Host,
    /// Its configuration file, which need not exist.
    pub path: PathBuf,
    /// Whether it seems to be installed here.
    pub installed: bool,
    /// Whether it has our entry.
    pub connection: Connection,
}

/// Every host of [`HOSTS`], in that order, as it is on this machine. Changes nothing.
pub fn detect(places: &Places) -> Vec<Found> {
    HOSTS.iter().map(|host| found(host, places)).collect()
}

fn found(host: &'static Host, places: &Places) -> Found {
    let path = host.file(places);
    let connection = match write::read(&path) {
        Ok(None) => Connection::No,
        Ok(Some(text)) => connection(host, &path, &text),
        Err(error) => Connection::Unclear(error.to_string()),
    };
    Found { host, installed: host.is_installed(places), path, connection }
}

fn connection(host: &'static Host, path: &Path, text: &str) -> Connection {
    match host.layout().entry(text) {
        Ok(Some(_)) => Connection::Yes,
        Ok(None) => Connection::No,
        Err(error) => Connection::Unclear(ConnectError::editing(error, host, path, String::new).to_string()),
    }
}

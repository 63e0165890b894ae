//! A server with its Patroni, and its own way to etcd.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use serde_json::{Value, json};

use super::guard::{kill_inside, signal_inside};
use super::program::{Program, Programs, start};
use super::{Replication, write};
use crate::proxy::Proxy;
use crate::server::free_port;
use crate::trouble::Outcome;

pub(super) struct Node {
    pub(super) name: String,
    /// Of the server.
    pub(super) port: u16,
    /// Of Patroni's REST interface.
    pub(super) rest: u16,
    pub(super) way: Proxy,
    /// Patroni; `None` while the node is down.
    pub(super) program: Option<Program>,
    folder: PathBuf,
    log: PathBuf,
    programs: Programs,
}

/// How long the leader's key lives without the leader, in seconds. A leader that cannot renew it gives up before.
const TTL: u32 = 8;
const LOOP_WAIT: u32 = 1;
const RETRY_TIMEOUT: u32 = 3;

impl Node {
    pub(super) fn new(programs: &Programs, parent: &Path, number: usize, etcd: SocketAddr) -> Outcome<Self> {
        let name = format!("node{number}");
        let folder = programs.own_folder(parent, &name)?;
        let log = parent.join(format!("{name}.log"));
        let (port, rest, way) = (free_port()?, free_port()?, Proxy::to(etcd));
        Ok(Self { name, port, rest, way, program: None, folder, log, programs: programs.clone() })
    }

    /// Writes Patroni's file.
    pub(super) fn configure(&self, password: &str, replication: Replication) -> Outcome<()> {
        let config = json!({
            "scope": "chaos",
            "name": self.name,
            "restapi": {"listen": local(self.rest), "connect_address": local(self.rest)},
            // Patroni would learn the address of etcd from etcd, and go there without the proxy.
            "etcd3": {"host": local(self.way.port()), "use_proxies": true},
            "bootstrap": bootstrap(replication),
            "postgresql": self.postgresql(password),
        });
        let file = write(&self.file(), &config.to_string())?;
        self.programs.hand_over(&file)
    }

    fn file(&self) -> PathBuf {
        self.folder.join("patroni.yml")
    }

    fn postgresql(&self, password: &str) -> Value {
        let role = json!({"username": "postgres", "password": password});
        json!({
            "listen": local(self.port),
            "connect_address": local(self.port),
            "data_dir": self.folder.join("data"),
            "bin_dir": self.programs.postgres,
            "pgpass": self.folder.join("pgpass"),
            "authentication": {"superuser": role, "replication": role, "rewind": role},
            "parameters": {
                "unix_socket_directories": "",
                // What the kernel has been given survives the death of the server. No scenario cuts the power.
                "fsync": "off",
                "shared_buffers": "64MB",
                "log_min_messages": "fatal",
            },
        })
    }

    pub(super) fn start(&mut self) -> Outcome<()> {
        let mut patroni = self.programs.command(&self.programs.patroni, &self.folder);
        patroni.arg(self.file());
        self.program = Some(start(patroni, &self.log)?);
        Ok(())
    }

    /// Kills Patroni and its server.
    pub(super) fn kill(&mut self) {
        kill_inside(&self.folder);
        self.program = None;
    }

    pub(super) fn signal(&self, signal: Signal) {
        signal_inside(&self.folder, signal);
    }
}

fn local(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

/// What Patroni writes into etcd for all nodes.
fn bootstrap(replication: Replication) -> Value {
    json!({
        "dcs": {
            "ttl": TTL,
            "loop_wait": LOOP_WAIT,
            "retry_timeout": RETRY_TIMEOUT,
            "synchronous_mode": replication == Replication::Synchronous,
            "postgresql": {"use_pg_rewind": true, "use_slots": true, "parameters": {"max_connections": 100}},
        },
        "initdb": [{"encoding": "UTF8"}, {"locale": "C"}, {"auth-host": "scram-sha-256"}],
        "pg_hba": [
            "host all all 127.0.0.1/32 scram-sha-256",
            "host replication all 127.0.0.1/32 scram-sha-256",
        ],
    })
}

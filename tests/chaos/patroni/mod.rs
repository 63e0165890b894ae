//! Two servers under Patroni, with an etcd and an HAProxy of their own. All of it listens on loopback, and ends with the harness.

mod guard;
mod haproxy;
mod http;
mod node;
mod probe;
mod program;

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use self::guard::Guard;
pub use self::guard::{FOLDER, run_guard};
use self::node::Node;
use self::program::{Program, Programs, start};
use crate::proxy::Mode;
use crate::server::{Server, free_port};
use crate::trouble::{Outcome, Trouble};

/// How processes reach the primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address {
    /// By a list of both servers. libpq looks for the primary.
    Hosts,
    /// By one address. HAProxy looks for the primary.
    HaProxy,
}

/// Whether a commit waits for the standby.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replication {
    Synchronous,
    Asynchronous,
}

/// Fields are dropped in their order: first the guard, which ends what Patroni has started.
pub struct Cluster {
    guard: Guard,
    nodes: Vec<Node>,
    replication: Replication,
    password: String,
    haproxy: u16,
    _programs: [Program; 2],
}

const POLL: Duration = Duration::from_millis(20);
const LIMIT: Duration = Duration::from_secs(90);
const NODES: usize = 2;

impl Cluster {
    /// Starts everything, and returns when the standby has caught up.
    pub fn open(folder: &Path, replication: Replication) -> Outcome<Self> {
        let programs = Programs::find()?;
        let guard = Guard::of(folder)?;
        let password = format!("{:016x}", fastrand::u64(..));
        let (etcd, etcd_port) = start_etcd(&programs, folder)?;
        let mut nodes = Vec::new();
        for number in 0..NODES {
            let etcd = (Ipv4Addr::LOCALHOST, etcd_port).into();
            nodes.push(Node::new(&programs, folder, number, etcd)?);
        }
        for node in &mut nodes {
            node.configure(&password, replication)?;
            node.start()?;
        }
        let (haproxy, program) = haproxy::start_haproxy(&programs, folder, &nodes)?;
        let cluster = Self { guard, nodes, replication, password, haproxy, _programs: [etcd, program] };
        cluster.await_standby()?;
        Ok(cluster)
    }

    pub fn url(&self, address: Address) -> String {
        let hosts = match address {
            Address::Hosts => {
                let hosts = self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port));
                hosts.collect::<Vec<_>>().join(",")
            }
            Address::HaProxy => format!("127.0.0.1:{}", self.haproxy),
        };
        // What chooses the primary of several hosts is left to the scheduler.
        format!("postgres://postgres:{}@{hosts}/postgres", self.password)
    }

    /// The server of the node.
    pub fn server(&self, node: usize) -> Server {
        Server::of_another(self.nodes[node].port, &self.password)
    }

    /// A node whose server is no standby, if there is one.
    pub fn primary(&self) -> Option<usize> {
        (0..NODES).find(|node| self.is_primary(*node))
    }

    pub fn is_primary(&self, node: usize) -> bool {
        self.nodes[node].program.is_some() && probe::is_primary(&self.server(node))
    }

    pub fn other(&self, node: usize) -> usize {
        NODES - 1 - node
    }

    /// Returns the leader when the standby streams from it and may take its place.
    pub fn await_standby(&self) -> Outcome<usize> {
        let deadline = Instant::now() + LIMIT;
        while Instant::now() < deadline {
            if let Some(leader) = self.leader_with_standby() {
                return Ok(leader);
            }
            sleep(POLL * 5);
        }
        Err(Trouble::failed(format!("no leader with a standby, see {}", self.guard.folder().display())))
    }

    fn leader_with_standby(&self) -> Option<usize> {
        let leader = self.primary()?;
        let state = http::get(self.nodes[leader].rest, "/cluster").ok()?;
        let state: serde_json::Value = serde_json::from_str(&state).ok()?;
        let wanted = match self.replication {
            Replication::Synchronous => "sync_standby",
            Replication::Asynchronous => "replica",
        };
        let standby = &self.nodes[self.other(leader)].name;
        let is_standby =
            |member: &&serde_json::Value| member["name"] == **standby && member["role"] == wanted;
        state["members"].as_array()?.iter().find(is_standby)?;
        probe::has_standby(&self.server(leader)).then_some(leader)
    }

    /// The machine of the node is gone at once: Patroni and the server.
    pub fn kill(&mut self, node: usize) {
        self.nodes[node].kill();
    }

    /// Patroni of the node is gone, and the server lives on.
    pub fn kill_patroni(&mut self, node: usize) {
        self.nodes[node].program = None;
    }

    /// Stops or continues all processes of the node.
    pub fn signal(&self, node: usize, signal: rustix::process::Signal) {
        self.nodes[node].signal(signal);
    }

    /// Stops the process that sends the node's changes to the standby.
    pub fn stop_sending(&self, node: usize) -> Outcome<()> {
        probe::stop_sending(&self.server(node))
    }

    /// Starts Patroni of the node, which starts the server.
    pub fn start(&mut self, node: usize) -> Outcome<()> {
        self.nodes[node].start()
    }

    /// What happens on the way between Patroni of the node and etcd.
    pub fn set_way_to_etcd(&self, node: usize, mode: Mode) {
        self.nodes[node].way.set(mode);
    }

    /// Asks Patroni to change the roles, and does not wait for it.
    pub fn switch_over(&self, from: usize) {
        let rest = self.nodes[from].rest;
        let (leader, candidate) = (&self.nodes[from].name, &self.nodes[self.other(from)].name);
        let body = serde_json::json!({"leader": leader, "candidate": candidate}).to_string();
        // The reply comes when all is over.
        std::thread::spawn(move || http::post(rest, "/switchover", &body));
    }
}

fn start_etcd(programs: &Programs, folder: &Path) -> Outcome<(Program, u16)> {
    let home = programs.own_folder(folder, "etcd")?;
    let (port, peer_port) = (free_port()?, free_port()?);
    let (clients, peers) = (format!("http://127.0.0.1:{port}"), format!("http://127.0.0.1:{peer_port}"));
    let mut etcd = programs.command(&programs.etcd, &home);
    etcd.args(["--name", "one", "--data-dir", "data", "--initial-cluster", &format!("one={peers}")]);
    etcd.args(["--listen-client-urls", &clients, "--advertise-client-urls", &clients]);
    etcd.args(["--listen-peer-urls", &peers, "--initial-advertise-peer-urls", &peers]);
    let program = start(etcd, &folder.join("etcd.log"))?;
    await_version(port)?;
    Ok((program, port))
}

// Until etcd has agreed with itself on its version, Patroni ends with an error.
fn await_version(port: u16) -> Outcome<()> {
    let deadline = Instant::now() + LIMIT;
    let is_decided = |text: &str| {
        let version: Option<serde_json::Value> = serde_json::from_str(text).ok();
        version.is_some_and(|found| found["etcdcluster"].as_str().is_some_and(|text| text.starts_with('3')))
    };
    while !http::get(port, "/version").is_ok_and(|text| is_decided(&text)) {
        if Instant::now() > deadline {
            return Err(Trouble::failed(format!("etcd on port {port} does not reply")));
        }
        sleep(POLL);
    }
    Ok(())
}

fn await_port(port: u16) -> Outcome<()> {
    let deadline = Instant::now() + LIMIT;
    while std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        if Instant::now() > deadline {
            return Err(Trouble::failed(format!("nothing listens on port {port}")));
        }
        sleep(POLL);
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Outcome<PathBuf> {
    fs::write(path, text)?;
    Ok(path.to_owned())
}

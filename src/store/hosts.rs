//! Connects to one host of a list after the other, as libpq does, and remembers which of them were silent: the time-out of a
//! dead machine would otherwise delay each new connection. Knows no scheduler.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use diesel::Connection;
use diesel::pg::PgConnection;

use super::conninfo::Host;
use crate::lock::lock;

// A host that takes so long to fail is silent. A standby, or a machine without a server, refuses at once.
const SILENT: Duration = Duration::from_secs(1);

/// The hosts that were silent when they were last asked, by their names. All schedulers of the process share what one of them
/// has found out.
static SILENT_HOSTS: LazyLock<Mutex<HashMap<String, Asked>>> = LazyLock::new(Mutex::default);

/// Whether a connection waits for a silent host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Now,
    Before,
}

/// Connects to the first host that accepts a connection. Hosts that were silent come last, and one connection at a time waits for
/// them. The error has the reasons of all hosts, a line each.
pub(super) fn connect(hosts: &[Host]) -> Result<PgConnection, String> {
    let (silent, loud): (Vec<&Host>, Vec<&Host>) = hosts.iter().partition(|host| is_silent(host));
    if loud.is_empty() {
        return first(&silent, ask);
    }
    let reasons = match first(&loud, ask) {
        Ok(connection) => return Ok(connection),
        Err(reasons) => reasons,
    };
    first(&silent, ask_alone).map_err(|more| format!("{reasons}\n{more}"))
}

fn first(hosts: &[&Host], ask: fn(&Host) -> Result<PgConnection, String>) -> Result<PgConnection, String> {
    let mut reasons = Vec::new();
    for host in hosts {
        match ask(host) {
            Ok(connection) => return Ok(connection),
            Err(reason) => reasons.push(reason),
        }
    }
    Err(reasons.join("\n"))
}

fn ask_alone(host: &Host) -> Result<PgConnection, String> {
    if lock(&SILENT_HOSTS).insert(host.name.clone(), Asked::Now) == Some(Asked::Now) {
        return Err(format!("{} is silent", host.name));
    }
    ask(host)
}

fn ask(host: &Host) -> Result<PgConnection, String> {
    let began = Instant::now();
    let connected = PgConnection::establish(&host.text);
    if connected.is_err() && began.elapsed() >= SILENT {
        lock(&SILENT_HOSTS).insert(host.name.clone(), Asked::Before);
    } else {
        lock(&SILENT_HOSTS).remove(&host.name);
    }
    connected.map_err(|error| error.to_string())
}

fn is_silent(host: &Host) -> bool {
    lock(&SILENT_HOSTS).contains_key(&host.name)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;
    use crate::store::conninfo::hosts;

    #[test]
    fn one_connection_at_a_time_waits_for_a_silent_host() {
        // Its queue accepts connections, and nobody replies.
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let text =
            format!("host=127.0.0.1,127.0.0.1 port={port},1 connect_timeout=2 target_session_attrs=primary");
        let hosts = hosts(&text);
        assert!(connect(&hosts).err().unwrap().contains("timeout"));
        assert_eq!(hosts.iter().map(is_silent).collect::<Vec<_>>(), [true, false]);
        let note = |asked| lock(&SILENT_HOSTS).insert(hosts[0].name.clone(), asked);
        note(Asked::Now);
        assert!(connect(&hosts).err().unwrap().contains("is silent"));
        note(Asked::Before);
        assert!(connect(&hosts).err().unwrap().contains("timeout"));
        // Where no other is left, all wait as they would without a list.
        assert!(connect(&hosts[..1]).err().unwrap().contains("timeout"));
        drop(listener);
        let refuses_at_once = || connect(&hosts).is_err() && !is_silent(&hosts[0]);
        assert!((0..10).any(|_| refuses_at_once()));
    }
}

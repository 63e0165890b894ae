//! One address for the primary. docs/OPERATIONS.md recommends these lines.

use std::path::Path;

use super::node::Node;
use super::program::{Program, Programs, start};
use super::{await_port, write};
use crate::server::free_port;
use crate::trouble::Outcome;

const CONFIG: &str = "global
    maxconn 1000
defaults
    mode tcp
    timeout connect 2s
    timeout client 1h
    timeout server 1h
    timeout check 1s
";

/// Returns the port that leads to the primary.
pub(super) fn start_haproxy(programs: &Programs, folder: &Path, nodes: &[Node]) -> Outcome<(u16, Program)> {
    let port = free_port()?;
    let home = programs.own_folder(folder, "haproxy")?;
    let file = write(&home.join("haproxy.cfg"), &config(port, nodes))?;
    programs.hand_over(&file)?;
    let mut haproxy = programs.command(&programs.haproxy, &home);
    haproxy.args(["-db", "-f"]).arg(&file);
    let program = start(haproxy, &folder.join("haproxy.log"))?;
    await_port(port)?;
    Ok((port, program))
}

fn config(port: u16, nodes: &[Node]) -> String {
    let servers = nodes.iter().map(|Node { name, port, rest, .. }| {
        format!("    server {name} 127.0.0.1:{port} maxconn 300 check port {rest}\n")
    });
    format!(
        "{CONFIG}listen primary
    bind 127.0.0.1:{port}
    option httpchk GET /primary
    http-check expect status 200
    default-server inter 1s fall 2 rise 1 on-marked-down shutdown-sessions
{}",
        servers.collect::<String>()
    )
}

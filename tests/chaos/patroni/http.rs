//! Requests to Patroni's REST interface: one a connection.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::trouble::{Outcome, Trouble};

const CONNECT_LIMIT: Duration = Duration::from_secs(1);
const READ_LIMIT: Duration = Duration::from_secs(5);
const ACT_LIMIT: Duration = Duration::from_secs(60);

/// The body of a reply with status 200.
pub(super) fn get(port: u16, path: &str) -> Outcome<String> {
    request(port, "GET", path, "", READ_LIMIT)
}

pub(super) fn post(port: u16, path: &str, body: &str) -> Outcome<String> {
    request(port, "POST", path, body, ACT_LIMIT)
}

fn request(port: u16, method: &str, path: &str, body: &str, limit: Duration) -> Outcome<String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, CONNECT_LIMIT)?;
    stream.set_read_timeout(Some(limit))?;
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.0\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all((head + body).as_bytes())?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply)?;
    match reply.split_once("\r\n\r\n") {
        Some((head, body)) if head.split(' ').nth(1) == Some("200") => Ok(body.to_owned()),
        _ => Err(Trouble::failed(reply)),
    }
}

//! Asks a server whether it speaks TLS, with the first message of PostgreSQL's protocol. Knows nothing of libpq.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

// The length of the message, and the code of an SSLRequest, 80877103.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
const REPLY_TIMEOUT: Duration = Duration::from_secs(2);

/// What a server says about TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tls {
    Spoken,
    NotSpoken,
}

/// Returns what the server says. `None` if it does not reply as a PostgreSQL would.
pub(super) fn ask(host: &str, port: u16) -> Option<Tls> {
    let address = (host, port).to_socket_addrs().ok()?.next()?;
    let mut stream = TcpStream::connect_timeout(&address, REPLY_TIMEOUT).ok()?;
    stream.set_read_timeout(Some(REPLY_TIMEOUT)).ok()?;
    stream.write_all(&SSL_REQUEST).ok()?;
    let mut reply = [0];
    stream.read_exact(&mut reply).ok()?;
    match reply {
        [b'S'] => Some(Tls::Spoken),
        [b'N'] => Some(Tls::NotSpoken),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    /// What is found out from a server that replies so to its first message.
    fn found(reply: &'static [u8]) -> Option<Tls> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            let mut request = [0; 8];
            client.read_exact(&mut request).unwrap();
            client.write_all(reply).unwrap();
            request
        });
        let found = ask("127.0.0.1", port);
        assert_eq!(server.join().unwrap(), SSL_REQUEST);
        found
    }

    #[test]
    fn a_server_that_closes_or_says_something_else_says_nothing_about_tls() {
        assert_eq!(found(b"S"), Some(Tls::Spoken));
        assert_eq!(found(b"N"), Some(Tls::NotSpoken));
        assert_eq!([found(b""), found(b"E")], [None, None]);
        assert_eq!(ask("127.0.0.1", 1), None);
    }
}

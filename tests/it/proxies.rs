//! The proxy that breaks connections breaks them as it says.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::proxy::{Mode, Proxy};
use crate::support::waiting::block_in_time_once;

const SILENCE: Duration = Duration::from_millis(200);

/// A proxy to a server that sends back what it receives.
fn proxy() -> Proxy {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = Proxy::to(listener.local_addr().unwrap());
    thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            thread::spawn(move || std::io::copy(&mut client.try_clone().unwrap(), &mut client));
        }
    });
    proxy
}

/// What comes back, or how the connection ended.
fn echo(client: &mut TcpStream) -> Result<u8, ErrorKind> {
    let mut reply = [0];
    let done = client.write_all(b"x").and_then(|()| client.read_exact(&mut reply));
    done.map(|()| reply[0]).map_err(|error| error.kind())
}

fn connect(proxy: &Proxy) -> TcpStream {
    let client = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
    client.set_read_timeout(Some(SILENCE)).unwrap();
    client
}

#[test]
fn a_connection_that_met_silence_stays_silent_and_the_next_one_passes() {
    let proxy = proxy();
    let mut old = connect(&proxy);
    assert_eq!(echo(&mut old), Ok(b'x'));
    proxy.set(Mode::Drop);
    assert_eq!(echo(&mut old), Err(ErrorKind::WouldBlock), "no reply and no error");
    let mut during = connect(&proxy);
    assert_eq!(echo(&mut during), Err(ErrorKind::WouldBlock));
    proxy.set(Mode::Pass);
    assert_eq!(echo(&mut old), Err(ErrorKind::WouldBlock));
    assert_eq!(echo(&mut connect(&proxy)), Ok(b'x'));
}

#[test]
fn connections_are_reset_once_or_until_the_mode_changes() {
    let proxy = proxy();
    let mut old = connect(&proxy);
    assert_eq!(echo(&mut old), Ok(b'x'));
    assert_eq!(proxy.reset(), 1);
    assert!(echo(&mut old).is_err_and(|kind| kind != ErrorKind::WouldBlock), "an error at once");
    let mut old = connect(&proxy);
    assert_eq!(echo(&mut old), Ok(b'x'));
    proxy.set(Mode::Refuse);
    assert!(echo(&mut old).is_err_and(|kind| kind != ErrorKind::WouldBlock));
    assert!(echo(&mut connect(&proxy)).is_err_and(|kind| kind != ErrorKind::WouldBlock));
}

/// How long ten bytes take there and back, each in a chunk of its own.
fn ten_bytes_with_delay() -> Duration {
    let proxy = proxy();
    let mut client = connect(&proxy);
    client.set_read_timeout(None).unwrap();
    client.set_nodelay(true).unwrap();
    proxy.set(Mode::Delay(SILENCE));
    let began = Instant::now();
    let mut reader = client.try_clone().unwrap();
    let echoes = thread::spawn(move || reader.read_exact(&mut [0; 10]).map(|()| began.elapsed()));
    for _ in 0..10 {
        client.write_all(b"x").unwrap();
        // The elapsed time is the point: chunks of their own.
        thread::sleep(SILENCE / 20);
    }
    echoes.join().unwrap().unwrap()
}

#[test]
fn a_delay_adds_up_neither_over_bytes_nor_over_chunks() {
    block_in_time_once(|| {
        let took = ten_bytes_with_delay();
        assert!(took >= 2 * SILENCE, "there and back: {took:?}");
        took < 5 * SILENCE
    });
}

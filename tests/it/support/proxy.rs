//! A TCP proxy between a scheduler and its server that fails on demand. It acknowledges every packet, as a middle box does: a
//! client cannot learn from its own socket that the server is out of reach. Knows nothing of PostgreSQL. The chaos harness
//! uses it too.

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// What a proxy does to its connections, old and new ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Everything passes.
    Pass,
    /// Everything passes this much later, in each direction.
    Delay(Duration),
    /// Nothing passes, and neither end is told. A connection that has met this mode stays silent for good.
    Drop,
    /// What clients send is lost on the way. A connection that has lost something loses the rest too.
    LoseRequests,
    /// What the server sends is lost on the way. A connection that has lost something loses the rest too.
    LoseReplies,
    /// The server's end is closed, the client's end is silent.
    HalfOpen,
    /// Old connections are reset, and so are new ones at once.
    Refuse,
}

/// A proxy on a free port of this machine. Ends with its owner, and resets its connections then.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    runtime: Option<tokio::runtime::Runtime>,
}

struct Shared {
    server: Mutex<SocketAddr>,
    mode: watch::Sender<Mode>,
    links: Mutex<Vec<Link>>,
}

/// A connection, by the port that the server sees.
struct Link {
    port: u16,
    mode: watch::Sender<Fate>,
}

impl Link {
    fn meet(&self, fate: Fate) {
        self.mode.send_replace(fate);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Mode(Mode),
    Reset,
}

impl Proxy {
    pub fn to(server: SocketAddr) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime for the proxy");
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        listener.set_nonblocking(true).expect("a socket that does not block");
        let port = listener.local_addr().expect("the port").port();
        let (mode, _) = watch::channel(Mode::Pass);
        let shared = Arc::new(Shared { server: Mutex::new(server), mode, links: Mutex::default() });
        runtime.spawn(accept(listener, Arc::clone(&shared)));
        Self { port, shared, runtime: Some(runtime) }
    }

    /// The port to connect to, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// New connections lead to another server from now on.
    pub fn lead_to(&self, server: SocketAddr) {
        *locked(&self.shared.server) = server;
    }

    /// Changes what happens to old and new connections.
    pub fn set(&self, mode: Mode) {
        let links = self.shared.live_links();
        self.shared.mode.send_replace(mode);
        links.iter().for_each(|link| link.meet(Fate::Mode(mode)));
    }

    /// Resets the connections that exist; new ones are treated as before. Returns how many there were.
    pub fn reset(&self) -> usize {
        let links = self.shared.live_links();
        links.iter().for_each(|link| link.meet(Fate::Reset));
        links.len()
    }

    /// Leaves the connection that the server sees from this port half open. Returns whether there is one.
    pub fn half_open(&self, port: u16) -> bool {
        let links = self.shared.live_links();
        let found = links.iter().find(|link| link.port == port);
        found.is_some_and(|link| link.mode.send(Fate::Mode(Mode::HalfOpen)).is_ok())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Shared {
    fn live_links(&self) -> MutexGuard<'_, Vec<Link>> {
        let mut links = locked(&self.links);
        links.retain(|link| !link.mode.is_closed());
        links
    }

    // The mode is read and changed while the list is locked, so no connection misses a change.
    fn register(&self, port: u16) -> watch::Receiver<Fate> {
        let mut links = self.live_links();
        let (mode, fate) = watch::channel(Fate::Mode(*self.mode.borrow()));
        links.push(Link { port, mode });
        fate
    }
}

async fn accept(listener: std::net::TcpListener, shared: Arc<Shared>) {
    let listener = TcpListener::from_std(listener).expect("a listener of this runtime");
    loop {
        let Ok((client, _)) = listener.accept().await else { continue };
        tokio::spawn(serve(client, Arc::clone(&shared)));
    }
}

async fn serve(client: TcpStream, shared: Arc<Shared>) {
    let mode = *shared.mode.borrow();
    match mode {
        Mode::Refuse => return reset(client),
        Mode::Drop | Mode::HalfOpen => return discard(&client).await,
        Mode::Pass | Mode::Delay(_) | Mode::LoseRequests | Mode::LoseReplies => {}
    }
    let address = *locked(&shared.server);
    let (Ok(server), _) = (TcpStream::connect(address).await, client.set_nodelay(true)) else {
        return reset(client);
    };
    let _ = server.set_nodelay(true);
    let fate = shared.register(server.local_addr().map_or(0, |address| address.port()));
    carry(client, server, fate, shared.mode.subscribe()).await;
}

// The proxy's mode is watched as well: a hole is over for the server's end when the proxy lets packets pass again.
async fn carry(
    client: TcpStream,
    server: TcpStream,
    fate: watch::Receiver<Fate>,
    mode: watch::Receiver<Mode>,
) {
    let ends = {
        let there = pump(&client, &server, Mode::LoseRequests, fate.clone());
        let back = pump(&server, &client, Mode::LoseReplies, fate.clone());
        // An end that closes closes the other.
        tokio::select! { end = there => end, end = back => end }
    };
    match ends {
        None => {}
        Some(Fate::Mode(Mode::Drop)) => {
            let over = async {
                hole_over(mode).await;
                reset(server);
            };
            tokio::join!(discard(&client), over);
        }
        Some(Fate::Mode(Mode::HalfOpen)) => {
            drop(server);
            discard(&client).await;
        }
        Some(Fate::Reset | Fate::Mode(_)) => {
            reset(client);
            reset(server);
        }
    }
}

/// Passes bytes on until an end closes (`None`) or the connection meets its fate. In the mode `loses` it reads them only.
async fn pump(
    from: &TcpStream,
    to: &TcpStream,
    loses: Mode,
    mut fate: watch::Receiver<Fate>,
) -> Option<Fate> {
    let mut buffer = vec![0; 16 * 1024];
    let mut lost = 0;
    // What is on its way, with the time of its arrival.
    let mut underway: VecDeque<(Instant, Vec<u8>)> = VecDeque::new();
    loop {
        let arrival = underway.front().map(|(at, _)| *at);
        tokio::select! {
            biased;
            fate = met(&mut fate) => return Some(fate),
            () = sleep_until(arrival.unwrap_or_else(Instant::now)), if arrival.is_some() => {
                let (_, bytes) = underway.pop_front()?;
                tokio::select! {
                    biased;
                    fate = met(&mut fate) => return Some(fate),
                    written = write_all(to, &bytes) => written.ok()?,
                }
            }
            length = read(from, &mut buffer) => {
                let length = length.ok().filter(|length| *length > 0)?;
                let delay = match *fate.borrow() {
                    Fate::Mode(Mode::Delay(delay)) => delay,
                    Fate::Mode(mode) if mode == loses => {
                        lost += length;
                        continue;
                    }
                    _ if lost > 0 => continue,
                    _ => Duration::ZERO,
                };
                underway.push_back((Instant::now() + delay, buffer[..length].to_vec()));
            }
        }
    }
}

async fn met(fate: &mut watch::Receiver<Fate>) -> Fate {
    let lets_pass = |fate: &Fate| {
        matches!(fate, Fate::Mode(Mode::Pass | Mode::Delay(_) | Mode::LoseRequests | Mode::LoseReplies))
    };
    // An error comes when the proxy has gone.
    fate.wait_for(|fate| !lets_pass(fate)).await.map_or(Fate::Reset, |fate| *fate)
}

async fn read(from: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        from.readable().await?;
        match from.try_read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            done => return done,
        }
    }
}

async fn write_all(to: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        to.writable().await?;
        match to.try_write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            done => bytes = &bytes[done?..],
        }
    }
    Ok(())
}

/// Takes what comes until the client closes its end.
async fn discard(client: &TcpStream) {
    let mut buffer = vec![0; 16 * 1024];
    while read(client, &mut buffer).await.is_ok_and(|length| length > 0) {}
}

async fn hole_over(mut mode: watch::Receiver<Mode>) {
    let _ = mode.wait_for(|mode| !matches!(mode, Mode::Drop)).await;
}

fn reset(stream: TcpStream) {
    let _ = stream.set_zero_linger();
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! Finds out whether a pooler stands before the server, and whether it lends sessions for transactions. Leaves nothing behind
//! in a session that a stranger may get. Does not know what follows from it.

use std::time::{Duration, Instant};

use super::connect::Address;
use super::libpq::{NotificationError, Session};
use crate::error::StoreError;
use crate::pooling::Pooling;

// A notification takes as long as a reply. Only several poolers at one address make a start wait for so long.
const NOTIFICATION_TIMEOUT: Duration = Duration::from_secs(3);
// By chance, a busy pooler that lends sessions could look in one round like one that does not.
const ROUNDS: usize = 5;

/// Finds out what stands at that address. A pooler must be able to give a process as many sessions at once as it needs.
///
/// # Errors
///
/// As [`connect`](super::connect::connect).
pub(crate) fn find(url: &str, needed: usize) -> Result<Pooling, StoreError> {
    let (address, began) = (Address::new(url), Instant::now());
    find_by(url, needed).map_err(|error| match error {
        NotificationError::Disconnected(reason) | NotificationError::Refused(reason) => {
            address.explained(began, address.failed(&reason))
        }
    })
}

fn find_by(url: &str, needed: usize) -> Result<Pooling, NotificationError> {
    let mut one = Session::open_as(c"", url)?;
    let server = server_of(&mut one)?;
    // A pooler answers for its sessions, so it names a process that is none.
    if one.process_id().to_string() == server {
        return Ok(Pooling::Direct);
    }
    let mut other = another(url, 1, needed)?;
    // In doubt the session is taken for a lent one, which is right behind every pooler.
    if keep_apart(&mut one, &mut other, &server)? && is_notified(&mut one, &mut other)? {
        // A pooler refuses nothing, and lets those wait for whom it has no session.
        let _rest = (2..needed).map(|held| another(url, held, needed)).collect::<Result<Vec<_>, _>>()?;
        return Ok(Pooling::Sessions);
    }
    Ok(Pooling::Transactions)
}

// Another connection beside those that are held, with a session.
fn another(url: &str, held: usize, needed: usize) -> Result<Session, NotificationError> {
    let opened = Session::open_as(c"", url).and_then(|mut session| server_of(&mut session).map(|_| session));
    opened.map_err(|error| {
        let (NotificationError::Disconnected(reason) | NotificationError::Refused(reason)) = error;
        NotificationError::Disconnected(format!(
            "a scheduler needs {needed} connections at once, and the pooler has granted {held}: {reason}"
        ))
    })
}

// Whether the two connections may have sessions of their own. A pooler that lends them gives the one that was used last, or
// each in turn.
fn keep_apart(one: &mut Session, other: &mut Session, server: &str) -> Result<bool, NotificationError> {
    for _ in 0..ROUNDS {
        if server_of(one)? != server || server_of(one)? != server || server_of(other)? == server {
            return Ok(false);
        }
    }
    Ok(true)
}

// Several poolers may share an address, and keep the two connections apart although each of them lends sessions. A notification
// between transactions comes only to a connection that has a session then.
fn is_notified(one: &mut Session, other: &mut Session) -> Result<bool, NotificationError> {
    let channel = format!("mainspring_probe_{:x}", fastrand::u64(..));
    let server = one.execute(&format!("LISTEN {channel}; {SERVER}"))?;
    let notified = other.execute(&format!("NOTIFY {channel}")).and_then(|_| arrives(one, &channel));
    // A session that was lent must be found again.
    for _ in 0..ROUNDS {
        if one.execute(&format!("UNLISTEN {channel}; {SERVER}"))? == server {
            break;
        }
    }
    notified
}

fn arrives(session: &mut Session, channel: &str) -> Result<bool, NotificationError> {
    let deadline = Instant::now() + NOTIFICATION_TIMEOUT;
    while Instant::now() < deadline {
        let read = session.consume();
        if session.take_arrived(read)?.iter().any(|notification| notification.channel == channel) {
            return Ok(true);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(false)
}

const SERVER: &str = "SELECT pg_catalog.pg_backend_pid()";

fn server_of(session: &mut Session) -> Result<String, NotificationError> {
    Ok(session.execute(SERVER)?.unwrap_or_default())
}

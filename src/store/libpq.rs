//! A libpq connection of our own: Diesel's hides the socket, and the code with which a server rejects a connection. Holds the
//! unsafe code of the crate, beside the parser of connection strings. Knows no channel, and waits for nothing but a reply.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_void};
use std::io;
use std::os::fd::BorrowedFd;
use std::ptr::{NonNull, null_mut};
use std::time::{Duration, Instant};

use pq_sys::{ConnStatusType, ExecStatusType, PGVerbosity, PGconn, PGresult};
use thiserror::Error;

use super::conninfo::refusal::{UNREADABLE_URL, malformed};
use super::conninfo::{Connect, begin, completed, is_connection_string, is_misread};

pub(super) mod rejection;

/// The content of a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notification {
    pub(crate) channel: String,
    pub(crate) payload: String,
    /// The server process that sent it, as in `pg_backend_pid()`.
    pub(crate) process_id: i32,
}

/// Why there is no result. The texts are libpq's, in one line, and never hold the password.
#[derive(Debug, Error)]
pub(crate) enum NotificationError {
    /// The connection could not be made, or is lost for good: drop it and connect again.
    #[error("no connection for notifications: {0}")]
    Disconnected(String),
    /// The server refused a statement; the connection still serves.
    #[error("statement refused: {0}")]
    Refused(String),
}

impl From<io::Error> for NotificationError {
    fn from(error: io::Error) -> Self {
        Self::Disconnected(error.to_string())
    }
}

/// Whether libpq could read from the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    Done,
    Failed,
}

// A server that is frozen, or a pooler that has no session to lend, lets a statement wait.
const REPLY_TIMEOUT: Duration = Duration::from_secs(5);
const BETWEEN_READS: Duration = Duration::from_micros(500);

/// A libpq connection: never null, closed when dropped.
pub(super) struct Session(NonNull<PGconn>);

// SAFETY: libpq ties a connection to no thread; it only forbids two threads to use it at once, and
// every use that changes it borrows it mutably. Session is not Sync.
unsafe impl Send for Session {}

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: the pointer came from PQconnectdbParams, and no code uses it after this.
        unsafe { pq_sys::PQfinish(self.0.as_ptr()) }
    }
}

impl Session {
    pub(super) fn open(url: &str) -> Result<Self, NotificationError> {
        Self::open_as(c"mainspring", url)
    }

    /// As [`Self::open`], under this name where the string has none. Without one, no session of a pooler gets a name.
    pub(super) fn open_as(name: &CStr, url: &str) -> Result<Self, NotificationError> {
        let text = CString::new(completed(url)).ok().filter(|text| is_connection_string(text));
        let text = text.ok_or_else(|| NotificationError::Disconnected(malformed(url).unwrap_or_default()))?;
        let session = Self::begin(name, &text, pq_sys::PQconnectdbParams)?;
        if !session.is_connected() {
            let reason = if is_misread(url) { UNREADABLE_URL.into() } else { session.reason() };
            return Err(NotificationError::Disconnected(reason));
        }
        // SAFETY: the connection is alive, and the processor is a function that uses none of its arguments.
        unsafe { pq_sys::PQsetNoticeProcessor(session.0.as_ptr(), Some(ignore_notice), null_mut()) };
        Ok(session)
    }

    fn begin(name: &CStr, text: &CStr, connect: Connect) -> io::Result<Self> {
        // Of a repeated keyword the last one counts: the string overrides the name, not the encoding.
        let name = (c"fallback_application_name", name);
        let settings = [name, (c"dbname", text), (c"client_encoding", c"UTF8")];
        NonNull::new(begin(&settings, connect)).map(Self).ok_or_else(|| io::ErrorKind::OutOfMemory.into())
    }

    // Connects a session that was begun once more, and waits. The reason of a failure is a code then.
    fn connect_for_code(&mut self) {
        // SAFETY: the connection is alive, if only begun, and borrowed mutably.
        unsafe {
            pq_sys::PQsetErrorVerbosity(self.0.as_ptr(), PGVerbosity::PQERRORS_SQLSTATE);
            pq_sys::PQreset(self.0.as_ptr());
        }
    }

    // Whether the server wants a password, and libpq has none.
    fn needs_password(&self) -> bool {
        // SAFETY: the connection is alive.
        unsafe { pq_sys::PQconnectionNeedsPassword(self.0.as_ptr()) == 1 }
    }

    // Where libpq tried to connect last. None where that was a socket in the file system.
    fn place(&self) -> Option<(String, u16)> {
        // SAFETY: the connection is alive. Its texts are null or C strings, and are copied at once.
        let [address, host, port] = unsafe {
            let conn = self.0.as_ptr();
            [pq_sys::PQhostaddr(conn), pq_sys::PQhost(conn), pq_sys::PQport(conn)]
                .map(|text| if text.is_null() { String::new() } else { copied(text) })
        };
        let host = if address.is_empty() { host } else { address };
        let is_remote = !host.is_empty() && !host.starts_with(['/', '@']);
        is_remote.then(|| port.parse().ok()).flatten().map(|port| (host, port))
    }

    /// Runs a text, and returns the first value of its last result. After [`REPLY_TIMEOUT`] the connection is given up.
    pub(super) fn execute(&mut self, sql: &str) -> Result<Option<String>, NotificationError> {
        let sql = CString::new(sql).map_err(|error| NotificationError::Refused(error.to_string()))?;
        self.send(&sql)?;
        let deadline = Instant::now() + REPLY_TIMEOUT;
        let mut last = Answer(null_mut());
        while self.consume() == Read::Done && !self.take_results(|result| last = result) {
            if Instant::now() >= deadline {
                return Err(NotificationError::Disconnected(format!("no reply within {REPLY_TIMEOUT:.0?}")));
            }
            std::thread::sleep(BETWEEN_READS);
        }
        match last.status() {
            ExecStatusType::PGRES_COMMAND_OK | ExecStatusType::PGRES_TUPLES_OK => Ok(last.value()),
            _ if self.is_connected() => Err(NotificationError::Refused(self.reason())),
            _ => Err(NotificationError::Disconnected(self.reason())),
        }
    }

    // Takes the results of a statement that are there, without waiting, and returns whether they were the last ones.
    fn take_results(&mut self, mut take: impl FnMut(Answer)) -> bool {
        // SAFETY: the connection is alive and borrowed mutably. A result is taken only where none must be waited for, and is
        // cleared once.
        unsafe {
            while pq_sys::PQisBusy(self.0.as_ptr()) == 0 {
                let result = pq_sys::PQgetResult(self.0.as_ptr());
                if result.is_null() {
                    return true;
                }
                take(Answer(result));
            }
        }
        false
    }

    /// The server process of this session, as the connection was told when it was made. A pooler makes one up.
    pub(super) fn process_id(&self) -> i32 {
        // SAFETY: the connection is alive.
        unsafe { pq_sys::PQbackendPID(self.0.as_ptr()) }
    }

    /// Reads what can be read without waiting.
    pub(super) fn consume(&mut self) -> Read {
        // SAFETY: the connection is alive and borrowed mutably; libpq's sockets never block here.
        let read = unsafe { pq_sys::PQconsumeInput(self.0.as_ptr()) } == 1;
        if read { Read::Done } else { Read::Failed }
    }

    /// What libpq has read. What arrived before a loss comes before the loss.
    pub(super) fn take_arrived(&mut self, read: Read) -> Result<Vec<Notification>, NotificationError> {
        let arrived: Vec<_> = std::iter::from_fn(|| self.next_notification()).collect();
        if arrived.is_empty() && !(read == Read::Done && self.is_connected()) {
            return Err(NotificationError::Disconnected(self.reason()));
        }
        Ok(arrived)
    }

    pub(super) fn send_probe(&mut self) -> Result<(), NotificationError> {
        self.send(c"")
    }

    // A few bytes, which a socket takes without waiting.
    fn send(&mut self, sql: &CStr) -> Result<(), NotificationError> {
        // SAFETY: the connection is alive and borrowed mutably, and the statement is a C string.
        if unsafe { pq_sys::PQsendQuery(self.0.as_ptr(), sql.as_ptr()) } == 1 {
            Ok(())
        } else {
            Err(NotificationError::Disconnected(self.reason()))
        }
    }

    /// Whether all results of a statement that was sent are there. It never waits, and drops them.
    pub(super) fn has_replied(&mut self) -> bool {
        self.take_results(drop)
    }

    fn next_notification(&mut self) -> Option<Notification> {
        // SAFETY: the connection is alive and borrowed mutably. A notification that is not null is
        // valid, and so are its two C strings, until it is freed: once, after they were copied.
        unsafe {
            let found = NonNull::new(pq_sys::PQnotifies(self.0.as_ptr()))?;
            let pq_sys::pgNotify { relname, be_pid, extra, .. } = *found.as_ptr();
            let notification =
                Notification { channel: copied(relname), payload: copied(extra), process_id: be_pid };
            pq_sys::PQfreemem(found.as_ptr().cast());
            Some(notification)
        }
    }

    /// The socket under a descriptor of our own. libpq closes its descriptor as soon as it finds the
    /// connection lost, and a registration of that number might by then be a stranger's. The socket may
    /// be a Unix one: the type only lends its `peek`.
    pub(super) fn socket(&self) -> io::Result<std::net::TcpStream> {
        // SAFETY: the connection is alive.
        let descriptor = unsafe { pq_sys::PQsocket(self.0.as_ptr()) };
        if descriptor < 0 {
            return Err(io::ErrorKind::NotConnected.into());
        }
        // SAFETY: the descriptor is open, and stays so while the session is borrowed, for only calls
        // that borrow it mutably or drop it can close it.
        let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
        borrowed.try_clone_to_owned().map(Into::into)
    }

    fn is_connected(&self) -> bool {
        // SAFETY: the connection is alive.
        unsafe { pq_sys::PQstatus(self.0.as_ptr()) == ConnStatusType::CONNECTION_OK }
    }

    fn reason(&self) -> String {
        // SAFETY: the connection is alive; its message is a C string, copied before the next call.
        let message = unsafe { copied(pq_sys::PQerrorMessage(self.0.as_ptr())) };
        // Lines behind a tab are hints, and a second attempt without TLS often fails like the first.
        let lines = message.lines().filter(|line| !line.starts_with('\t'));
        let mut lines: Vec<_> = lines.map(str::trim).collect();
        lines.dedup();
        lines.join("; ")
    }
}

/// The result of a statement. It may be null, which libpq takes for a failure. Cleared when dropped.
struct Answer(*mut PGresult);

impl Drop for Answer {
    fn drop(&mut self) {
        // SAFETY: the pointer came from PQexec, is cleared once, and may be null.
        unsafe { pq_sys::PQclear(self.0) }
    }
}

impl Answer {
    fn status(&self) -> ExecStatusType {
        // SAFETY: the result is not cleared yet, and may be null.
        unsafe { pq_sys::PQresultStatus(self.0) }
    }

    fn value(&self) -> Option<String> {
        // SAFETY: the result is not cleared yet; its first value exists where it has rows and columns,
        // and is a C string that lives as long as the result.
        unsafe {
            let empty = pq_sys::PQntuples(self.0) < 1 || pq_sys::PQnfields(self.0) < 1;
            let absent = empty || pq_sys::PQgetisnull(self.0, 0, 0) == 1;
            (!absent).then(|| copied(pq_sys::PQgetvalue(self.0, 0, 0)))
        }
    }
}

/// # Safety
///
/// The text must be a C string that does not change meanwhile.
unsafe fn copied(text: *const c_char) -> String {
    // SAFETY: the caller vouches for it.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

// libpq prints the server's notices to the standard error, unless a processor is set.
extern "C" fn ignore_notice(_: *mut c_void, _: *const c_char) {}

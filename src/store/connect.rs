//! Opens one connection, and finds out what a failure means to the caller: whether waiting may help, and which words of libpq
//! hold no password.

use std::time::{Duration, Instant};

use diesel::Connection;
use diesel::connection::CacheSize;
use diesel::pg::PgConnection;

use super::conninfo::refusal::{UNREADABLE_URL, demands_tls, in_one_line, malformed, refusal};
use super::conninfo::{Host, completed, hosts, is_misread};
use super::hosts::connect as connect_to_one;
use super::libpq::rejection::{Rejection, ask};
use super::refusals::RefusalKind;
use super::tls::{self, Tls};
use crate::error::StoreError;
use crate::pooling::Pooling;

// The codes of refusals that no waiting mends: a wrong password or role, no entry in pg_hba.conf, no such database, no
// privilege to connect; and of `options` that the server does not take: their syntax, a setting's name, its value.
const FOR_GOOD: [&str; 7] = ["28P01", "28000", "3D000", "42501", "42601", "42704", "22023"];
// Who takes so long does not reply. It is less than any time-out of libpq.
const SILENT: Duration = Duration::from_millis(1_800);

// The limit of the server, the database or the role is reached.
const TOO_MANY: &str = "53300";

/// Connects to the database at `url`: a URL or another libpq connection string. Only a server that accepts writes will do, and
/// no wait is without a bound, unless the string says otherwise: the guide lists the options and their values.
///
/// It tries once. A program that starts before its database waits in
/// [`SchedulerBuilder::start`](crate::SchedulerBuilder::start), or tries again while the error is [`StoreError::Connect`].
///
/// # Errors
///
/// [`StoreError::Config`] when libpq refuses to connect, as for an unknown option, and [`StoreError::Rejected`] when the server
/// replied that it does: waiting cannot help then. [`StoreError::ReadOnly`] when it is a standby, [`StoreError::Connect`]
/// otherwise. All in one line and without the password.
pub fn connect(url: &str) -> Result<PgConnection, StoreError> {
    let (address, began) = (Address::new(url), Instant::now());
    address.open().map_err(|error| address.explained(began, error))
}

/// Where the database is, and how to connect to it.
#[derive(Clone)]
pub(super) struct Address {
    given: String,
    completed: String,
    /// Empty where libpq alone looks for the server.
    hosts: Vec<Host>,
}

impl Address {
    pub(super) fn new(url: &str) -> Self {
        let completed = completed(url);
        Self { given: url.to_owned(), hosts: hosts(&completed), completed }
    }

    /// Connects, and does not look for the reason of a failure, which costs a second connection.
    pub(super) fn open(&self) -> Result<PgConnection, StoreError> {
        self.establish().map_err(|reason| self.failed(&reason))
    }

    fn establish(&self) -> Result<PgConnection, String> {
        if self.hosts.is_empty() {
            return PgConnection::establish(&self.completed).map_err(|error| error.to_string());
        }
        connect_to_one(&self.hosts)
    }

    /// The error of a connection that libpq could not make for this reason.
    pub(super) fn failed(&self, reason: &str) -> StoreError {
        StoreError::Connect(malformed(&self.given).unwrap_or_else(|| {
            if is_misread(&self.given) { UNREADABLE_URL.into() } else { in_one_line(reason) }
        }))
    }

    /// Connects for this scheduler. Behind a pooler that lends sessions, no statement is prepared in one.
    pub(super) fn open_behind(&self, pooling: Pooling) -> Result<PgConnection, StoreError> {
        let mut connection = self.open()?;
        if pooling == Pooling::Transactions {
            connection.set_prepared_statement_cache_size(CacheSize::Disabled);
        }
        Ok(connection)
    }

    /// Why no connection can be made now, which takes another try.
    pub(super) fn refuses(&self) -> RefusalKind {
        match ask(&self.given).rejection {
            Some(Rejection::Code(code)) if code == TOO_MANY => RefusalKind::TooMany,
            Some(Rejection::Code(_) | Rejection::Standby) | None => RefusalKind::Other,
        }
    }

    /// The error of [`Self::open`], begun at that time, as what it means to the caller.
    pub(super) fn explained(&self, began: Instant, error: StoreError) -> StoreError {
        let StoreError::Connect(reason) = error else { return error };
        if let Some(refusal) = refusal(&self.given) {
            return StoreError::Config(refusal);
        }
        // A server that has not replied would only take as long again.
        if began.elapsed() >= SILENT {
            return StoreError::Connect(reason);
        }
        let reply = ask(&self.given);
        match reply.rejection {
            Some(Rejection::Code(code)) if FOR_GOOD.contains(&code.as_str()) => StoreError::Rejected(reason),
            Some(Rejection::Standby) => StoreError::ReadOnly(reason),
            None if demands_tls(&self.given) && began.elapsed() < SILENT => without_tls(reason, reply.place),
            Some(Rejection::Code(_)) | None => StoreError::Connect(reason),
        }
    }
}

// The server refuses nothing when TLS does not come about, so there is no code.
fn without_tls(reason: String, place: Option<(String, u16)>) -> StoreError {
    match place.and_then(|(host, port)| tls::ask(&host, port)) {
        Some(Tls::NotSpoken) => StoreError::Config(format!(
            "{reason}; `sslmode` demands TLS, and the server has none: set `ssl = on` there, with a certificate"
        )),
        // The server replies at once, so that libpq itself has refused, as for a certificate.
        Some(Tls::Spoken) => StoreError::Config(reason),
        None => StoreError::Connect(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_that_libpq_reads_as_meant_keeps_libpqs_text() {
        for url in [
            "postgres://user:pass%40word@127.0.0.1:1/a?connect_timeout=3&application_name=b",
            "postgres://user:pass?word@127.0.0.1:1/a",
            "host=127.0.0.1 port=1 user=u password='a b'",
        ] {
            let refusal = connect(url).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(refusal.contains("127.0.0.1"), "{refusal}");
            assert!(!refusal.contains('\n'), "{refusal}");
        }
    }

    #[test]
    fn what_libpq_refuses_is_told_from_what_waiting_may_mend() {
        let failure = |url: &str| connect(url).err();
        for url in ["hello", "postgres://127.0.0.1:abc/a", "postgres://127.0.0.1:1/a?sslmode=require"] {
            assert!(matches!(failure(url), Some(StoreError::Config(_))), "{url}: {:?}", failure(url));
        }
        for url in ["postgres://127.0.0.1:1/a?sslmode=prefer", "postgres://no-such-host.invalid/a"] {
            assert!(matches!(failure(url), Some(StoreError::Connect(_))), "{url}: {:?}", failure(url));
        }
    }

    #[test]
    fn no_error_shows_a_password_that_libpq_misreads() {
        for url in [
            "postgres://user:se/cret@host.invalid/a",
            "postgres://user:12/cret@host.invalid/a",
            "postgres://user:se@cret@host.invalid/a",
            "postgres://user:se%cret@host.invalid/a",
            "postgres://host.invalid/a?user=u&password=se&cret",
        ] {
            let refusal = connect(url).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(!refusal.contains("cret") && refusal.contains("percent-encoded"), "{url}: {refusal}");
        }
    }
}

//! Opens one connection, and keeps the password out of the error when that fails: libpq quotes the piece
//! of the URL that it stumbles over, and that piece may be a password's.

use diesel::Connection;
use diesel::connection::CacheSize;
use diesel::pg::PgConnection;

use super::conninfo::{Host, TlsDemand, UNREADABLE, completed, hosts, is_readable, tls_demand};
use super::hosts::connect as connect_to_one;
use super::libpq::{Rejection, rejection};
use crate::config::Config;
use crate::error::StoreError;
use crate::pooling::Pooling;

// The codes of refusals that no waiting mends: a wrong password or role, no entry in pg_hba.conf, no such database, no
// privilege to connect.
const FOR_GOOD: [&str; 4] = ["28P01", "28000", "3D000", "42501"];

/// Connects to the database at `url`: a URL or another libpq connection string. Only a server that accepts writes will do, and
/// no wait is without a bound, unless the string says otherwise: the guide lists the options and their values.
///
/// # Errors
///
/// [`StoreError::Rejected`] when the server replied and waiting cannot help, [`StoreError::ReadOnly`] when it is a standby,
/// [`StoreError::Connect`] otherwise. All in one line and without the password.
pub fn connect(url: &str) -> Result<PgConnection, StoreError> {
    let address = Address::new(url);
    address.open().map_err(|error| address.explained(error))
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
        StoreError::Connect(match wrong_option(&self.given) {
            _ if is_readable(&self.given) => in_one_line(reason),
            Some(option) => format!("the connection string has {option}, which libpq does not take"),
            None => UNREADABLE.into(),
        })
    }

    /// Connects for this scheduler. Behind a pooler that lends sessions, no statement is prepared in one.
    pub(super) fn open_for(&self, config: &Config) -> Result<PgConnection, StoreError> {
        let mut connection = self.open()?;
        if config.pooling.get() == Pooling::Transactions {
            connection.set_prepared_statement_cache_size(CacheSize::Disabled);
        }
        Ok(connection)
    }

    /// The error of [`Self::open`] as what it means to the caller.
    pub(super) fn explained(&self, error: StoreError) -> StoreError {
        match error {
            StoreError::Connect(reason) if is_readable(&self.given) => match rejection(&self.given) {
                Some(Rejection::Code(code)) if FOR_GOOD.contains(&code.as_str()) => {
                    StoreError::Rejected(reason)
                }
                Some(Rejection::Standby) => StoreError::ReadOnly(reason),
                Some(Rejection::Code(_)) => StoreError::Connect(reason),
                None => without_reply(reason, tls_demand(&self.given)),
            },
            other => other,
        }
    }
}

// The server refuses nothing when one of the two has no TLS, so there is no code.
fn without_reply(reason: String, demand: Option<TlsDemand>) -> StoreError {
    match demand {
        None => StoreError::Connect(reason),
        Some(TlsDemand::OfTheServer) => StoreError::Connect(format!(
            "{reason}; `sslmode` demands TLS: if the server has none, set `ssl = on` there, with a certificate"
        )),
        Some(TlsDemand::BeyondThisLibpq) => StoreError::Rejected(format!(
            "{reason}; `sslmode` demands TLS, and the libpq in this program has none: build it without the feature \
             `bundled-libpq`, with the system's libpq"
        )),
    }
}

// The option without which libpq could read the URL. Its value is not named, nor anything of a URL that may have a part of
// a password among its options.
fn wrong_option(url: &str) -> Option<String> {
    let host = url.rfind('@').map_or(0, |at| at + 1);
    let (place, options) = url.split_at(host + url[host..].find('?')?);
    if !is_readable(place) || options.to_ascii_lowercase().contains("pass") {
        return None;
    }
    let wrong = options[1..].split('&').find(|option| !is_readable(&format!("{place}?{option}")))?;
    let name = wrong.split('=').next().unwrap_or_default();
    let is_name =
        (1..=63).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    Some(if is_name { format!("the option `{name}`") } else { "an option without a name".to_owned() })
}

// libpq reports a line for each address it tried, and adds hints in lines behind a tab.
fn in_one_line(text: &str) -> String {
    text.lines()
        .filter(|line| !line.starts_with('\t'))
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_that_libpq_reads_as_meant_keeps_libpqs_text() {
        for url in [
            "postgres://user:pass%40word@127.0.0.1:1/a?connect_timeout=3&application_name=b",
            "host=127.0.0.1 port=1 user=u password='a b'",
        ] {
            let refusal = connect(url).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(refusal.contains("127.0.0.1"), "{refusal}");
            assert!(!refusal.contains('\n'), "{refusal}");
        }
    }

    #[test]
    fn tls_that_this_libpq_lacks_is_refused_with_what_to_do() {
        for mode in ["require", "verify-ca", "verify-full"] {
            let refused = connect(&format!("postgres://user:secret@127.0.0.1:1/a?sslmode={mode}")).err();
            let Some(StoreError::Rejected(text)) = refused else { panic!("{refused:?}") };
            assert!(
                text.contains("without the feature `bundled-libpq`") && !text.contains("secret"),
                "{text}"
            );
        }
        let refused = connect("postgres://127.0.0.1:1/a?sslmode=prefer").err();
        assert!(matches!(&refused, Some(StoreError::Connect(text)) if !text.contains("TLS")), "{refused:?}");
    }

    #[test]
    fn a_wrong_option_is_named_and_its_value_is_not() {
        for (url, option) in [
            ("postgres://user:secret@127.0.0.1:1/a?sslmod=cret", "`sslmod`"),
            ("postgres://127.0.0.1:1/a?connect_timeout=3&application=cret&sslmode=disable", "`application`"),
            ("postgres://127.0.0.1:1/a?connect_timeout", "`connect_timeout`"),
            ("postgres://user:secret@127.0.0.1:1/a?=cret", "an option"),
        ] {
            let refusal = connect(url).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(refusal.contains(option) && !refusal.contains("percent-encoded"), "{url}: {refusal}");
            assert!(!refusal.contains("cret"), "{url}: {refusal}");
        }
    }

    #[test]
    fn a_password_that_libpq_would_misread_withholds_libpqs_text() {
        for url in [
            "postgres://user:se/cret@host.invalid/a",
            "postgres://user:12/cret@host.invalid/a",
            "postgres://user:se?cret@host.invalid/a",
            "postgres://user:12?port=cret@host.invalid/a",
            "postgres://user:se@cret@host.invalid/a",
            "postgres://user:se%cret@host.invalid/a",
            "postgres://host.invalid/a?user=u&password=se&cret",
            "mysql://user:secret@host.invalid/a",
            "host=host.invalid password=se cret",
            "host=host.invalid password='cret",
        ] {
            let refusal = connect(url).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(!refusal.contains("cret") && refusal.contains("percent-encoded"), "{url}: {refusal}");
        }
    }
}

//! Opens one connection, and keeps the password out of what is said when that fails: libpq quotes the piece
//! of the URL that it stumbles over, and that piece may be a password's.

use diesel::Connection;
use diesel::pg::PgConnection;

use super::notifications::{UNREADABLE, is_readable};
use crate::error::StoreError;

/// Connects to the database at `url`: a URL or another libpq connection string.
///
/// # Errors
///
/// [`StoreError::Connect`], in one line and without the password.
pub fn connect(url: &str) -> Result<PgConnection, StoreError> {
    PgConnection::establish(url).map_err(|error| {
        let reason = if is_readable(url) { in_one_line(&error.to_string()) } else { UNREADABLE.into() };
        StoreError::Connect(reason)
    })
}

// libpq answers a line for each address it tried, and asks back in lines behind a tab.
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

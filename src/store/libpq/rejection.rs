//! Why a server rejects connections: libpq shows the code of a reply only to those who ask for it before they connect.

use std::ffi::CString;

use super::Session;
use crate::store::conninfo::{for_any_server, is_connection_string};

/// Why the server rejects a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) enum Rejection {
    /// The SQLSTATE of its reply.
    Code(String),
    /// It lets anybody in who does not want to write, since it is a standby.
    Standby,
}

/// What another connection met.
#[derive(Debug, Default)]
pub(in crate::store) struct Reply {
    /// None where the server did not reply, or accepted.
    pub(in crate::store) rejection: Option<Rejection>,
    /// The host and the port that libpq tried last. None where that was a socket in the file system.
    pub(in crate::store) place: Option<(String, u16)>,
}

/// Connects once more: libpq reports the code only to those who ask for it before, and the server's role only to those who take
/// any server.
pub(in crate::store) fn ask(url: &str) -> Reply {
    let text = CString::new(for_any_server(url)).ok().filter(|text| is_connection_string(text));
    let begun = text.and_then(|text| Session::begin(c"mainspring", &text, pq_sys::PQconnectStartParams).ok());
    let Some(mut session) = begun else { return Reply::default() };
    session.connect_for_code();
    let rejection = if session.is_connected() {
        let standby = session.execute("SELECT pg_catalog.pg_is_in_recovery()").ok().flatten();
        (standby.as_deref() == Some("t")).then_some(Rejection::Standby)
    } else if session.needs_password() {
        Some(Rejection::Code(NO_PASSWORD.to_owned()))
    } else {
        code(&session.reason()).map(Rejection::Code)
    };
    Reply { rejection, place: session.place() }
}

// The server's word for a password that is wrong; that there is none libpq finds out without it.
const NO_PASSWORD: &str = "28P01";

// In this mode the code is all that follows the severity.
fn code(reason: &str) -> Option<String> {
    let last = reason.split_whitespace().next_back()?;
    let is_code =
        last.len() == 5 && last.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
    is_code.then(|| last.to_owned())
}

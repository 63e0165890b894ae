//! Why libpq connects to no server with a connection string, whatever the servers do: in libpq's words, unless these may quote
//! a password. Sends nothing over a network.

use std::ffi::{CStr, CString};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use super::{Begun, Options, Setting, begun, credentials, has_tls, is_misread};

const SCHEMES: [&str; 2] = ["postgres", "postgresql"];

/// Replaces libpq's words about a URL where these may quote a password.
pub(in crate::store) const UNREADABLE_URL: &str = "the connection string is malformed: is each special character in its user and password \
                              percent-encoded (`@` as %40, `/` as %2F, `%` as %25)?";
// The same for pairs.
const UNREADABLE_PAIRS: &str = "the connection string is malformed: is each value with a blank or a quote in single quotes, \
                                as in password='a b'?";
const FORMS: &str =
    "write a URL, as in postgres://user@host/database, or pairs, as in host=localhost dbname=app";

// What else libpq reads as numbers, after it has begun to connect.
const NUMBERS: [&str; 6] = [
    "connect_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
];

/// Returns why libpq refuses to connect with this string, with the environment and with the service file that it names.
pub(in crate::store) fn refusal(url: &str) -> Option<String> {
    if let Some(malformed) = malformed(url) {
        return Some(malformed);
    }
    let text = CString::new(url).ok()?;
    let said = Options::parse(&text).ok()?.read();
    let begun = begun_here(&text, c"")?;
    let words = match begun.refused {
        Some(words) => with_hint(in_one_line(&words), &text),
        None => wrong_port(&said).or_else(|| wrong_number(&begun.options))?,
    };
    Some(if is_misread(url) { UNREADABLE_URL.into() } else { format!("libpq refuses to connect: {words}") })
}

/// Returns what keeps libpq from reading the connection string.
pub(in crate::store) fn malformed(url: &str) -> Option<String> {
    let Ok(text) = CString::new(url) else {
        return Some("the connection string is malformed: it has a NUL character".into());
    };
    let words = Options::parse(&text).err()?;
    let words = if may_hold_password(url) { words_without_password(url) } else { Some(words) };
    let hint = match scheme(url) {
        Some(scheme) if SCHEMES.contains(&scheme) => None,
        Some(scheme) => {
            Some(format!("its scheme is `{scheme}`, and libpq takes `postgres` and `postgresql` alone"))
        }
        None => words.is_some().then(|| FORMS.to_owned()),
    };
    let parts: Vec<String> = words.into_iter().chain(hint).collect();
    Some(match (parts.is_empty(), scheme(url)) {
        (false, _) => format!("the connection string is malformed: {}", parts.join("; ")),
        (true, Some(_)) => UNREADABLE_URL.into(),
        (true, None) => UNREADABLE_PAIRS.into(),
    })
}

fn scheme(url: &str) -> Option<&str> {
    let scheme = url.split_once("://")?.0;
    let is_one = scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    (is_one && !scheme.is_empty()).then_some(scheme)
}

// Also true where the password may be elsewhere than it should be.
fn may_hold_password(url: &str) -> bool {
    let credentials = credentials(url).unwrap_or_default().to_ascii_lowercase();
    credentials.contains(':') || credentials.contains("%3a") || has_secret_option(url)
}

fn has_secret_option(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || "_-%".contains(letter);
    lower.match_indices('=').any(|(at, _)| {
        let name = lower[..at].trim_end().rsplit(|letter| !is_name(letter)).next().unwrap_or_default();
        ["pass", "pwd", "secret", "scram", "%"].iter().any(|part| name.contains(part))
    })
}

// What libpq finds wrong elsewhere: none if the password is what it cannot read.
fn words_without_password(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let (credentials, place) = rest.rsplit_once('@')?;
    let user = credentials.split_once(':')?.0;
    if has_secret_option(place) || user.contains(['%', '=']) {
        return None;
    }
    Options::parse(&CString::new(format!("{scheme}://{user}:***@{place}")).ok()?).err()
}

// A connection with this string, but led to this machine, where someone listens: nothing but libpq can refuse it. None where
// this machine lacks what it takes. An `sslmode` that is not empty replaces that of the string.
fn begun_here(text: &CStr, sslmode: &CStr) -> Option<Begun> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
    let address = listener.local_addr().ok()?;
    // Neither the network nor the number of descriptors stands in the way.
    TcpStream::connect(address).ok()?;
    let port = CString::new(address.port().to_string()).ok()?;
    let mut settings = vec![(c"dbname", text), (c"host", c"127.0.0.1"), (c"hostaddr", c"127.0.0.1")];
    settings.push((c"port", &port));
    settings.extend((!sslmode.is_empty()).then_some((c"sslmode", sslmode)));
    Some(begun(&settings))
}

fn with_hint(words: String, text: &CStr) -> String {
    let is_for_tls = !has_tls() && begun_here(text, c"disable").is_some_and(|begun| begun.refused.is_none());
    if !is_for_tls {
        return words;
    }
    format!(
        "{words}; `sslmode` demands TLS, and the libpq in this program has none: build it without the feature \
         `bundled-libpq`, with the system's libpq"
    )
}

fn wrong_port(said: &[Setting]) -> Option<String> {
    let port = said.iter().find(|setting| setting.keyword == "port")?;
    let ports = port.value.clone().or_else(|| std::env::var("PGPORT").ok())?;
    let wrong = ports.split(',').map(str::trim).find(|port| {
        !port.is_empty() && !port.parse().is_ok_and(|number: i32| (1..=65_535).contains(&number))
    })?;
    Some(match wrong.parse::<i32>() {
        Ok(_) => format!("invalid port number: \"{wrong}\""),
        Err(_) => no_number(wrong, "port"),
    })
}

fn wrong_number(effective: &[Setting]) -> Option<String> {
    effective.iter().filter(|setting| NUMBERS.contains(&setting.keyword.as_str())).find_map(|setting| {
        let value = setting.value.as_deref().filter(|value| !value.is_empty())?;
        value.trim().parse::<i32>().is_err().then(|| no_number(value, &setting.keyword))
    })
}

fn no_number(value: &str, keyword: &str) -> String {
    format!("invalid integer value \"{value}\" for connection option \"{keyword}\"")
}

/// Returns whether the string, the environment or a service file demands TLS of the server.
pub(in crate::store) fn demands_tls(url: &str) -> bool {
    let begun = CString::new(url).ok().and_then(|text| begun_here(&text, c""));
    let options = begun.map(|begun| begun.options).unwrap_or_default();
    let mode = options.into_iter().find(|setting| setting.keyword == "sslmode");
    mode.and_then(|mode| mode.value).is_some_and(|mode| mode == "require" || mode.starts_with("verify-"))
}

/// Joins the lines of libpq, one for each address that it tried. It adds hints in lines behind a tab.
pub(in crate::store) fn in_one_line(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.starts_with('\t')).map(str::trim);
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests;

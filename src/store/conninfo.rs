//! Connection strings, read by libpq's own parser: whether it reads one as it was meant, and one completed with the bounds of
//! every wait. Knows no connection but one that is begun and never made, to read a service file.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char};
use std::ptr::{null, null_mut};

use pq_sys::{ConnStatusType, PGconn, PQconninfoOption};

pub(super) mod refusal;

/// What the connection string leaves unsaid. On Linux a dead peer is found within 7 seconds, while sending within 5.
const BOUNDS: [(&str, &str); 6] = [
    ("connect_timeout", "3"),
    ("keepalives", "1"),
    ("keepalives_idle", "3"),
    ("keepalives_interval", "2"),
    ("keepalives_count", "2"),
    ("tcp_user_timeout", "5000"),
];

const ATTRIBUTES: &str = "target_session_attrs";
// The first libpq that knows `primary`.
const KNOWS_PRIMARY: i32 = 140_000;

/// Returns the connection string as it is for any server: it shows why none was found that accepts writes.
pub(super) fn for_any_server(url: &str) -> String {
    // Of a repeated keyword the last one counts.
    format!("{} {ATTRIBUTES}='any'", completed(url))
}

/// Returns the connection string with a bound for every wait, and with the demand for a server that accepts writes. What the
/// string, the environment or a service file says stays. A string that libpq cannot read is returned as it is.
pub(crate) fn completed(url: &str) -> String {
    let Ok(text) = CString::new(url) else { return url.to_owned() };
    let Ok(mut options) = Options::parse(&text).map(|options| options.read()) else {
        return url.to_owned();
    };
    let has_service = options.iter().any(|option| option.keyword == "service" && !option.is_unset());
    let elsewhere = if has_service { with_service(&text) } else { Vec::new() };
    for (keyword, value) in BOUNDS.into_iter().chain([(ATTRIBUTES, writable())]) {
        if elsewhere.iter().any(|option| option.keyword == keyword && option.is_filled_in()) {
            continue;
        }
        // An older libpq does not know each of them.
        let unset = options.iter_mut().find(|option| option.keyword == keyword && option.is_unset());
        unset.into_iter().for_each(|option| option.value = Some(value.to_owned()));
    }
    options.iter().filter_map(Setting::to_text).collect::<Vec<_>>().join(" ")
}

/// One host of a connection string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Host {
    /// Its name or address, and its port.
    pub(super) name: String,
    /// The connection string for it alone.
    pub(super) text: String,
}

/// The hosts of a completed connection string that wants a primary. Empty where libpq must see the list: it has one host
/// at most, it is asked to choose in another way, or the lists do not fit each other.
pub(super) fn hosts(completed: &str) -> Vec<Host> {
    let options = CString::new(completed).ok().and_then(|text| Options::parse(&text).ok());
    let options = options.map(|options| options.read()).unwrap_or_default();
    let of = |keyword: &str| options.iter().find(|option| option.keyword == keyword)?.value.as_deref();
    if !matches!(of(ATTRIBUTES), Some("primary" | "read-write")) || of("load_balance_hosts").is_some() {
        return Vec::new();
    }
    let lists = ["host", "hostaddr", "port"].map(|keyword| (keyword, of(keyword).unwrap_or_default()));
    let count = lists.iter().map(|(_, list)| list.split(',').count()).max().unwrap_or_default();
    let named = |list: &str| list.split(',').count() == count;
    // One port serves all hosts, but nothing else does.
    if count < 2
        || !lists.iter().all(|(keyword, list)| {
            list.is_empty() || named(list) || *keyword == "port" && !list.contains(',')
        })
    {
        return Vec::new();
    }
    (0..count).map(|number| host(completed, &lists, number)).collect()
}

fn host(completed: &str, lists: &[(&str, &str)], number: usize) -> Host {
    let (mut names, mut text) = (Vec::new(), completed.to_owned());
    for (keyword, list) in lists.iter().filter(|(_, list)| !list.is_empty()) {
        let value = list.split(',').nth(number).unwrap_or(list);
        names.push(value);
        // Of a repeated keyword the last one counts.
        text.push(' ');
        text.push_str(&in_text(keyword, value));
    }
    Host { name: names.join(":"), text }
}

fn in_text(keyword: &str, value: &str) -> String {
    format!("{keyword}='{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
}

// `read-write` also refuses a primary whose sessions are read-only unless they ask, which Mainspring's do.
fn writable() -> &'static str {
    // SAFETY: the function takes nothing and returns a number.
    if unsafe { pq_sys::PQlibVersion() } >= KNOWS_PRIMARY { "primary" } else { "read-write" }
}

/// One option of a connection string.
#[derive(Debug)]
struct Setting {
    keyword: String,
    value: Option<String>,
    /// Whether an environment variable has a value for it.
    in_environment: InEnvironment,
    compiled: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InEnvironment {
    Set,
    Unset,
}

impl Setting {
    fn is_unset(&self) -> bool {
        self.value.is_none() && self.in_environment == InEnvironment::Unset
    }

    // Where libpq reads a service file, it fills in its own defaults as well.
    fn is_filled_in(&self) -> bool {
        self.value.is_some() && self.value != self.compiled
    }

    fn to_text(&self) -> Option<String> {
        Some(in_text(&self.keyword, self.value.as_ref()?))
    }
}

/// An array of libpq's options. It may not be null, and is freed when dropped.
struct Options(*mut PQconninfoOption);

impl Drop for Options {
    fn drop(&mut self) {
        // SAFETY: the pointer came from libpq, and is freed once.
        unsafe { pq_sys::PQconninfoFree(self.0) }
    }
}

impl Options {
    /// The error is libpq's text, which quotes what it stumbled over.
    fn parse(text: &CStr) -> Result<Self, String> {
        let mut words = null_mut();
        // SAFETY: the text is a C string. The message is null or a C string, which is freed once, after it was copied.
        unsafe {
            let options = pq_sys::PQconninfoParse(text.as_ptr(), &raw mut words);
            let reason = copied(words).unwrap_or_default();
            pq_sys::PQfreemem(words.cast());
            if options.is_null() { Err(reason.trim().to_owned()) } else { Ok(Self(options)) }
        }
    }

    fn read(&self) -> Vec<Setting> {
        let mut settings = Vec::new();
        let mut next = self.0;
        // SAFETY: the array ends with an option whose keyword is null, and its texts are C strings that live as long as it.
        unsafe {
            while let Some(keyword) = copied((*next).keyword) {
                let variable = copied((*next).envvar);
                let is_set = variable.is_some_and(|name| std::env::var_os(name).is_some());
                settings.push(Setting {
                    keyword,
                    value: copied((*next).val),
                    in_environment: if is_set { InEnvironment::Set } else { InEnvironment::Unset },
                    compiled: copied((*next).compiled),
                });
                next = next.add(1);
            }
        }
        settings
    }
}

/// # Safety
///
/// The text must be null or a C string.
unsafe fn copied(text: *const c_char) -> Option<String> {
    // SAFETY: the caller vouches for it.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}

/// One of libpq's functions that connect, or begin to.
pub(super) type Connect =
    unsafe extern "C" fn(*const *const c_char, *const *const c_char, i32) -> *mut PGconn;

/// Calls such a function with these keywords and values, of which `dbname` may be a connection string. The result may be null.
pub(super) fn begin(settings: &[(&CStr, &CStr)], connect: Connect) -> *mut PGconn {
    let (mut keywords, mut values): (Vec<_>, Vec<_>) =
        settings.iter().map(|(keyword, value)| (keyword.as_ptr(), value.as_ptr())).unzip();
    keywords.push(null());
    values.push(null());
    // SAFETY: both arrays are equally long, end with a null, and point to C strings that outlive the call; libpq copies what it
    // keeps.
    unsafe { connect(keywords.as_ptr(), values.as_ptr(), 1) }
}

/// What became of a connection that was begun, and ended at once.
struct Begun {
    /// All options, those of the environment and of a service file too.
    options: Vec<Setting>,
    /// libpq's words, if it has refused.
    refused: Option<String>,
}

fn begun(settings: &[(&CStr, &CStr)]) -> Begun {
    let conn = begin(settings, pq_sys::PQconnectStartParams);
    // SAFETY: the connection may be null, is finished once, and not used after that. Its message is a C string, which is copied
    // before. Its options are a copy.
    unsafe {
        let words = copied(pq_sys::PQerrorMessage(conn)).unwrap_or_default();
        let is_bad = pq_sys::PQstatus(conn) == ConnStatusType::CONNECTION_BAD;
        let options = pq_sys::PQconninfo(conn);
        pq_sys::PQfinish(conn);
        let options = if options.is_null() { Vec::new() } else { Options(options).read() };
        Begun { options, refused: is_bad.then_some(words) }
    }
}

// The options with those of the service file. Only a connection knows them, so one is begun, to an address that nobody has.
fn with_service(text: &CStr) -> Vec<Setting> {
    begun(&[(c"dbname", text), (c"host", c"/"), (c"hostaddr", c"127.0.0.1"), (c"port", c"1")]).options
}

// An older libpq does not tell.
fn has_tls() -> bool {
    const TELLS: i32 = 150_000;
    // SAFETY: the functions take nothing, or a null for no connection, and the name of an attribute.
    unsafe {
        pq_sys::PQlibVersion() < TELLS || !pq_sys::PQsslAttribute(null_mut(), c"library".as_ptr()).is_null()
    }
}

/// Whether libpq can read it, asked beforehand: its complaints about the text quote the password.
pub(super) fn is_connection_string(text: &CStr) -> bool {
    Options::parse(text).is_ok()
}

/// Whether libpq takes a part of the password for a host, a port or a database, which it quotes.
pub(super) fn is_misread(url: &str) -> bool {
    url.contains("://") && credentials(url).is_some_and(|credentials| credentials.contains(['@', '/']))
}

/// What stands before the host of a URL.
fn credentials(url: &str) -> Option<&str> {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    authority.rsplit_once('@').map(|(credentials, _)| credentials)
}

#[cfg(test)]
mod tests;

//! The one error of this module: a text for the person who set the machine up. Callers print it or give up.

use std::fmt;
use std::fs;
use std::io;

/// Why no server could be had: what failed, with which value, and what to do.
///
/// `Debug` writes the text and its cause for people, so that a `main` that returns it prints it well.
pub struct EmbeddedError {
    text: String,
    source: Option<io::Error>,
}

impl EmbeddedError {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), source: None }
    }

    /// For `map_err`: what was tried, in words that go on with "cannot".
    pub(super) fn cannot(what: impl fmt::Display) -> impl FnOnce(io::Error) -> Self {
        move |source| Self { text: format!("cannot {what}"), source: Some(source) }
    }

    /// Nothing here can serve: `reasons`, and what to install on this system.
    pub(super) fn no_engine(reasons: &str) -> Self {
        Self::new(format!(
            "no PostgreSQL to start: {reasons}\n\
             install PostgreSQL 14 or later ({}), or name its bin folder in PG_BIN_DIR,\n\
             or set DATABASE_URL to a server where databases may be created",
            install_command(),
        ))
    }
}

impl fmt::Display for EmbeddedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for EmbeddedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        self.source.as_ref().map_or(Ok(()), |source| write!(f, ": {source}"))
    }
}

impl std::error::Error for EmbeddedError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}

fn install_command() -> &'static str {
    if cfg!(target_os = "macos") {
        return "brew install postgresql@17";
    }
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let family = release.lines().filter(|line| line.starts_with("ID=") || line.starts_with("ID_LIKE="));
    let family: Vec<&str> = family.collect();
    let is = |name: &str| family.iter().any(|line| line.contains(name));
    match () {
        () if is("debian") || is("ubuntu") => "apt-get install postgresql",
        () if is("fedora") || is("rhel") => "dnf install postgresql-server",
        () if is("arch") => "pacman -S postgresql",
        () if is("alpine") => "apk add postgresql",
        () if is("suse") => "zypper install postgresql-server",
        () => "package postgresql or postgresql-server",
    }
}

//! What a caller may choose about its private server.

use std::path::{Path, PathBuf};

use super::error::EmbeddedError;

/// Where the private server keeps its data, and how it runs. Durable, with PostgreSQL's own settings and
/// any engine, unless noted otherwise.
///
/// ```
/// use mainspring::embedded::EmbeddedOptions;
///
/// let for_a_demo = EmbeddedOptions::kept_in("target/mainspring-demo");
/// let for_tests = EmbeddedOptions::temporary().without_fsync().setting("max_connections", "300");
/// # let _ = (for_a_demo, for_tests);
/// ```
#[derive(Debug, Clone)]
pub struct EmbeddedOptions {
    kept_in: Option<PathBuf>,
    fsync: bool,
    engines: Engines,
    settings: Vec<(String, String)>,
}

/// Which engines may be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Engines {
    Installed,
    /// Where none is installed, the one that a crate carries.
    AlsoCarried,
}

impl EmbeddedOptions {
    /// A cluster under the system's temporary folder, removed when the server stops.
    #[must_use]
    pub fn temporary() -> Self {
        Self { kept_in: None, fsync: true, engines: Engines::AlsoCarried, settings: Vec::new() }
    }

    /// A cluster in `folder`, made where it is missing and kept between runs, one for each major version
    /// of PostgreSQL. Processes that name the same folder share one server, and the first one's settings.
    ///
    /// Where root's server has to run as another user who cannot enter `folder`, the cluster lives in
    /// `/var/tmp` instead, under a random name that stands in a file beside `folder`, `folder.place`.
    pub fn kept_in(folder: impl Into<PathBuf>) -> Self {
        Self { kept_in: Some(folder.into()), ..Self::temporary() }
    }

    /// Does not wait for the disk: much faster, and corrupt after a crash of the machine.
    #[must_use]
    pub fn without_fsync(mut self) -> Self {
        self.fsync = false;
        self
    }

    /// Refuses the engine that a crate carries, whose server timers never fire: for callers to whom
    /// `statement_timeout`, `lock_timeout` or the detection of deadlocks matters.
    #[must_use]
    pub fn installed_only(mut self) -> Self {
        self.engines = Engines::Installed;
        self
    }

    /// Starts the server with the setting `name` at `value`. The address and the port stay the launcher's.
    pub fn setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }

    pub(super) fn validate(&self) -> Result<(), EmbeddedError> {
        for (name, value) in &self.settings {
            let named = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
            if name.is_empty() || !name.chars().all(named) || value.contains('\0') {
                return Err(EmbeddedError::new(format!(
                    "a setting must be a name of letters, digits, `_` and `.` with a value without NUL, \
                     got {name:?} with {value:?}"
                )));
            }
        }
        Ok(())
    }

    pub(super) fn kept_folder(&self) -> Option<&Path> {
        self.kept_in.as_deref()
    }

    pub(super) fn fsync(&self) -> bool {
        self.fsync
    }

    pub(super) fn engines(&self) -> Engines {
        self.engines
    }

    pub(super) fn settings(&self) -> &[(String, String)] {
        &self.settings
    }
}

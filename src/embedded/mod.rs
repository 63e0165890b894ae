//! A private PostgreSQL for demos, tests and benches, on machines where none is set up. Not for production.
//!
//! [`database_url`] takes what `DATABASE_URL` names; [`EmbeddedPostgres::start`] starts a server. Which
//! one: the programs in the folder that `PG_BIN_DIR` names; else an installed PostgreSQL of version 14 or
//! later; else one that a crate carries, where there is one for the system.
//!
//! The server listens on 127.0.0.1 alone, on a free port, and wants a random password. It ends with the
//! last process that uses it, however that process ends. Nothing is printed; nothing waits longer than a
//! minute. Unix only.
//!
//! ```no_run
//! use mainspring::embedded::{EmbeddedOptions, database_url};
//!
//! let database = database_url(EmbeddedOptions::kept_in("target/mainspring-demo"))?;
//! println!("running on {}", database.engine());
//! # Ok::<(), mainspring::embedded::EmbeddedError>(())
//! ```

mod carried;
mod engine;
mod error;
mod folder;
mod launch;
mod leftover;
mod options;
mod share;
mod user;

use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

pub use error::EmbeddedError;
pub use options::EmbeddedOptions;

use folder::{Folder, Lifetime};
use launch::Running;
use user::ServerUser;

// A cold start takes one to three seconds, on a slow disk ten.
const START_LIMIT: Duration = Duration::from_secs(60);
const STOP_LIMIT: Duration = Duration::from_secs(10);
// How often something outside this process is looked at, which cannot wake us.
const POLL: Duration = Duration::from_millis(20);

/// A private PostgreSQL server. Stops when dropped, and at the end of the process at the latest, unless
/// another process shares it.
///
/// A `static` is never dropped: there the server stops a moment after the process.
#[must_use = "the server stops when this is dropped"]
pub struct EmbeddedPostgres {
    running: Running,
    lifetime: Lifetime,
}

impl EmbeddedPostgres {
    /// Starts a server, or joins the one that another process runs in the same kept folder. Returns when
    /// the server takes connections.
    ///
    /// Removes first what earlier processes that were killed left behind: temporary folders without an
    /// owner, and servers without a watcher.
    ///
    /// # Errors
    ///
    /// When no engine is found, the folder is not fit, or the server does not start within a minute; the
    /// text names what to do, with the end of the server's log.
    pub fn start(options: EmbeddedOptions) -> Result<Self, EmbeddedError> {
        options.validate()?;
        let user = ServerUser::find()?;
        let deadline = Instant::now() + START_LIMIT;
        let Some(path) = options.kept_folder() else {
            leftover::sweep(&user);
            let (folder, lock) = Folder::temporary(&user)?;
            let running = launch::launch(&options, &folder, &user, &lock, deadline);
            let running = running.inspect_err(|_| folder.discard())?;
            return Ok(Self { running, lifetime: folder.lifetime() });
        };
        let folder = Folder::kept(path, &user)?;
        Ok(Self { running: start_or_join(&options, &folder, &user, deadline)?, lifetime: folder.lifetime() })
    }

    /// Where the server is: `postgres://user:password@127.0.0.1:port/postgres`. The user may do anything.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.running.url
    }

    /// One line on which engine runs and what it lacks, to be printed.
    #[must_use]
    pub fn engine(&self) -> &str {
        &self.running.engine
    }
}

impl Drop for EmbeddedPostgres {
    fn drop(&mut self) {
        // The watcher's sign to stop the server.
        drop(self.running.hold.take());
        // Others may be using a kept one, and its data is safe; a temporary one takes its folder with it.
        let Some(watcher) = self.running.watcher.take() else { return };
        if self.lifetime == Lifetime::Kept {
            return;
        }
        let deadline = Instant::now() + STOP_LIMIT;
        while !watcher.is_finished() && Instant::now() < deadline {
            thread::sleep(POLL);
        }
    }
}

// Leaves out the URL, which holds the password.
impl fmt::Debug for EmbeddedPostgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EmbeddedPostgres").field(&self.engine()).finish()
    }
}

fn start_or_join(
    options: &EmbeddedOptions,
    folder: &Folder,
    user: &ServerUser,
    deadline: Instant,
) -> Result<Running, EmbeddedError> {
    loop {
        if let Some(lock) = folder.try_lock()? {
            return launch::launch(options, folder, user, &lock, deadline);
        }
        if let Some(running) = share::join(folder) {
            return Ok(running);
        }
        if Instant::now() > deadline {
            return Err(EmbeddedError::new(format!(
                "another process has {} locked but offers no server: wait until it is done, or end it",
                folder.root().display()
            )));
        }
        thread::sleep(POLL);
    }
}

/// The database that a program was given, or its own private one.
pub enum Database {
    /// The URL in `DATABASE_URL`.
    Given(String),
    /// A private server, which stops when this is dropped.
    Embedded(EmbeddedPostgres),
}

impl Database {
    /// The URL to connect to.
    #[must_use]
    pub fn url(&self) -> &str {
        match self {
            Self::Given(url) => url,
            Self::Embedded(server) => server.url(),
        }
    }

    /// One line on what runs, to be printed. Holds no password.
    #[must_use]
    pub fn engine(&self) -> &str {
        match self {
            Self::Given(_) => "the server that DATABASE_URL names",
            Self::Embedded(server) => server.engine(),
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Database").field(&self.engine()).finish()
    }
}

/// `DATABASE_URL` where it is set and not empty; otherwise a private server.
///
/// # Errors
///
/// As [`EmbeddedPostgres::start`]. A URL that is given is not tried.
pub fn database_url(options: EmbeddedOptions) -> Result<Database, EmbeddedError> {
    match std::env::var("DATABASE_URL") {
        Ok(url) if !url.trim().is_empty() => Ok(Database::Given(url)),
        _ => EmbeddedPostgres::start(options).map(Database::Embedded),
    }
}

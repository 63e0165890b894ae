//! Joins a server that another process started in the same kept folder.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::POLL;
use super::folder::Folder;
use super::launch::Running;

// The watcher replies at once, unless it has already begun to stop the server.
const ANSWER_LIMIT: Duration = Duration::from_secs(1);

static NEXT: AtomicU32 = AtomicU32::new(0);

/// Becomes one more holder, or returns `None` while there is no server, or none that will stay.
///
/// To hold the FIFO is not enough: the watcher may have seen the last holder's end a moment before, and
/// be stopping the server. The watcher confirms a newcomer by a file, and only before it begins to stop.
pub(super) fn join(folder: &Folder) -> Option<Running> {
    folder.announced()?;
    let mut hold = OpenOptions::new().read(true).write(true).open(folder.path("holders")).ok()?;
    let name = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    writeln!(hold, "{name}").ok()?;
    let answer = folder.path(&format!("joined.{name}"));
    let deadline = Instant::now() + ANSWER_LIMIT;
    while fs::remove_file(&answer).is_err() {
        // A watcher that stops the server has withdrawn its address: no reply will come.
        if folder.announced().is_none() || Instant::now() > deadline {
            return None;
        }
        thread::sleep(POLL);
    }
    let (url, engine) = folder.announced()?;
    Some(Running { url, engine, hold: Some(hold), watcher: None })
}

//! Ends what a start finds of a server whose watcher was killed. Called under the folder's lock, which
//! proves that no process watches it.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::POLL;
use super::error::EmbeddedError;
use super::folder::Folder;
use super::user::ServerUser;

// An immediate stop waits for nothing but the server's children.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// Removes the temporary folders that no process holds any more, with the servers that still run in them.
pub(super) fn sweep(user: &ServerUser) {
    for folder in Folder::all_temporary(user) {
        if let Ok(Some(_lock)) = folder.try_lock() {
            stop_servers(&folder, user);
            folder.discard();
        }
    }
}

/// Stops the server and removes the marks of its last run.
pub(super) fn clear(folder: &Folder, user: &ServerUser) -> Result<(), EmbeddedError> {
    stop_servers(folder, user);
    let failed = || EmbeddedError::cannot(format!("clear {}", folder.root().display()));
    for entry in fs::read_dir(folder.root()).map_err(failed())?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_marker =
            matches!(name.as_str(), "server" | "holders" | "closing") || name.starts_with("joined.");
        if is_marker {
            fs::remove_file(entry.path()).map_err(failed())?;
        } else if name.contains(".half-") {
            let folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            // What made it may still be writing into it, and then the next start tries again.
            let _ = if folder { fs::remove_dir_all(entry.path()) } else { fs::remove_file(entry.path()) };
        }
    }
    Ok(())
}

/// Stops the servers that still run in the folder.
pub(super) fn stop_servers(folder: &Folder, user: &ServerUser) {
    for entry in fs::read_dir(folder.root()).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with("data-") {
            stop(&entry.path(), user);
        }
    }
}

fn stop(data: &Path, user: &ServerUser) {
    let file = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
    let Some(pid) = file.lines().next().and_then(|line| line.trim().parse::<u32>().ok()) else { return };
    for signal in ["QUIT", "KILL"] {
        if !runs_on(pid, data) {
            return;
        }
        // As the server's user: a forged file cannot aim root's signal at anybody else.
        let _ = user.command("sh").args(["-c", "kill -$1 $2", "sh", signal, &pid.to_string()]).status();
        let deadline = Instant::now() + STOP_LIMIT;
        while runs_on(pid, data) && Instant::now() < deadline {
            thread::sleep(POLL);
        }
    }
}

// The number in the file may have gone to another process since.
fn runs_on(pid: u32, data: &Path) -> bool {
    let data = data.to_string_lossy();
    match fs::read(format!("/proc/{pid}/cmdline")) {
        Ok(line) => String::from_utf8_lossy(&line).contains(&*data),
        Err(_) if Path::new("/proc/self").exists() => false,
        Err(_) => {
            let listed = Command::new("ps").args(["-o", "command=", "-p", &pid.to_string()]).output();
            listed.is_ok_and(|listed| String::from_utf8_lossy(&listed.stdout).contains(&*data))
        }
    }
}

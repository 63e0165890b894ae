//! Ends every process that works in the cluster's folder, also after the harness was killed. Patroni's servers are no children of
//! the harness, so they are found by their working folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::trouble::Outcome;

/// The variable that makes this program a guard, with the folder.
pub const FOLDER: &str = "MAINSPRING_CHAOS_GUARD";

pub(super) struct Guard {
    folder: PathBuf,
    /// This program again. It acts when its standard input closes.
    process: Child,
}

impl Guard {
    pub(super) fn of(folder: &Path) -> Outcome<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command.env(FOLDER, folder).current_dir("/");
        let process = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        Ok(Self { folder: folder.to_owned(), process })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        kill_inside(&self.folder);
        // Behind a panic nobody wants to see the folder.
        if std::thread::panicking() {
            drop(self.process.stdin.take());
        } else {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}

/// Waits until the harness has ended without a word. The folder of its run is of no use then.
pub fn run_guard(folder: &Path) -> ExitCode {
    let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
    kill_inside(folder);
    let _ = fs::remove_dir_all(folder.parent().unwrap_or(folder));
    ExitCode::SUCCESS
}

/// Returns when no process works in the folder.
pub(super) fn kill_inside(folder: &Path) {
    while signal_inside(folder, Signal::KILL) > 0 {
        sleep(Duration::from_millis(5));
    }
}

/// Sends a signal to each process that works in the folder, and returns how many there were.
pub(super) fn signal_inside(folder: &Path, signal: Signal) -> usize {
    let found = processes(folder);
    for pid in &found {
        let _ = kill_process(*pid, signal);
    }
    found.len()
}

// One that has ended and waits for its parent has no working folder.
fn processes(folder: &Path) -> Vec<Pid> {
    let listed = fs::read_dir("/proc").into_iter().flatten().flatten();
    let inside = listed.filter_map(|entry| {
        let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
        let works_in = fs::read_link(entry.path().join("cwd")).ok()?;
        works_in.starts_with(folder).then(|| Pid::from_raw(pid)).flatten()
    });
    inside.collect()
}

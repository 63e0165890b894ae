//! What the system says about this process: memory, time on the processor, wake-ups. Linux only; zero elsewhere.

use std::fs;
use std::time::Duration;

// What Linux counts in for programs, on every architecture that Rust runs on.
const TICKS_A_SECOND: u64 = 100;

/// Bytes of memory that are resident now.
pub(crate) fn resident() -> i64 {
    status_kilobytes("VmRSS:") * 1024
}

/// The most bytes that were resident since [`forget_peak`].
pub(crate) fn peak() -> i64 {
    status_kilobytes("VmHWM:") * 1024
}

pub(crate) fn forget_peak() {
    // Where it is not allowed, the peak is that of the whole process.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

fn status_kilobytes(name: &str) -> i64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// The processor's time that all threads have used.
pub(crate) fn processor_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the program, in parentheses, may hold spaces; user and system time are the 12th and 13th after it.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    Duration::from_millis((ticks(11) + ticks(12)) * 1000 / TICKS_A_SECOND)
}

/// How often a thread of this process, of those that live, has gone to sleep by itself.
pub(crate) fn sleeps() -> u64 {
    let Ok(threads) = fs::read_dir("/proc/self/task") else { return 0 };
    threads
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.path().join("status")).ok())
        .filter_map(|status| {
            let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
            line.trim().parse::<u64>().ok()
        })
        .sum()
}

//! What the system reports about this process and others: memory, time on the processor, wake-ups. Linux only; zero elsewhere.

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
    stat_of("self").map_or(Duration::ZERO, |stat| ticks(&stat, &[USER, SYSTEM]))
}

/// The processor's time that a family of processes has used: those that the parent of `child` has now, itself, and those
/// it has outlived. None where they are no processes of a server here.
pub(crate) fn family_time(child: i64) -> Option<Duration> {
    let parent = stat_of_postgres(&child.to_string())?.get(PARENT)?.clone();
    let postmaster = stat_of_postgres(&parent)?;
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let children = processes
        .filter_map(|process| stat_of(process.file_name().to_str()?))
        .filter(|stat| stat.get(PARENT) == Some(&parent));
    let living: Duration = children.map(|stat| ticks(&stat, &[USER, SYSTEM])).sum();
    Some(living + ticks(&postmaster, &[USER, SYSTEM, USER_OF_THE_DEAD, SYSTEM_OF_THE_DEAD]))
}

// The places in what `stat_of` returns.
const NAME: usize = 0;
const PARENT: usize = 2;
const USER: usize = 12;
const SYSTEM: usize = 13;
const USER_OF_THE_DEAD: usize = 14;
const SYSTEM_OF_THE_DEAD: usize = 15;

// The name of the program, and what follows it.
fn stat_of(process: &str) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name is in parentheses and may hold spaces.
    let (name, rest) = stat.rsplit_once(')')?;
    let name = name.split_once('(')?.1;
    Some(std::iter::once(name).chain(rest.split_whitespace()).map(str::to_owned).collect())
}

fn stat_of_postgres(process: &str) -> Option<Vec<String>> {
    stat_of(process).filter(|stat| stat.get(NAME).is_some_and(|name| name.starts_with("postgres")))
}

fn ticks(stat: &[String], places: &[usize]) -> Duration {
    let at = |&place: &usize| stat.get(place).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    Duration::from_millis(places.iter().map(at).sum::<u64>() * 1000 / TICKS_A_SECOND)
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

//! What the jobs of a test measure: how many run at once, and in which order they started.

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

/// Shared by all jobs of a test, on any number of schedulers.
#[derive(Default)]
pub struct Gauge {
    running: AtomicI64,
    peak: AtomicI64,
    ended: AtomicI64,
    starts: Mutex<Vec<Start>>,
}

#[derive(Debug, Clone)]
pub struct Start {
    pub act: String,
    pub at: Instant,
}

impl Gauge {
    /// Counts an attempt as running until the guard is dropped. An attempt that is interrupted drops it too.
    pub fn enter(&self, act: &str) -> Running<'_> {
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.peak.fetch_max(running, Ordering::SeqCst);
        self.starts.lock().unwrap().push(Start { act: act.to_owned(), at: Instant::now() });
        Running(self)
    }

    /// The most attempts that ran at once.
    pub fn peak(&self) -> i64 {
        self.peak.load(Ordering::SeqCst)
    }

    /// How many attempts have ended, in any way.
    pub fn ended(&self) -> i64 {
        self.ended.load(Ordering::SeqCst)
    }

    /// Every start so far, the first one first.
    pub fn starts(&self) -> Vec<Start> {
        self.starts.lock().unwrap().clone()
    }

    /// The act of each attempt, in the order of the starts.
    pub fn acts(&self) -> Vec<String> {
        self.starts().into_iter().map(|start| start.act).collect()
    }
}

pub struct Running<'a>(&'a Gauge);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
        self.0.ended.fetch_add(1, Ordering::SeqCst);
    }
}

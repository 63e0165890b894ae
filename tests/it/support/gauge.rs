//! What the jobs of a test measure: how many run at once, and in which order they started.

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

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

    /// Whether the starts of twenty jobs kept to a rate of five jobs a `period` of half a second: no window of time may have
    /// more than the bucket allows. A busy machine starts some of those late that were let through in time.
    pub fn kept_to_rate(&self, jobs: u32, period: Duration) -> bool {
        let started: Vec<Instant> = self.starts().into_iter().map(|start| start.at).collect();
        // The bucket is full at first: 5 at once, and the other 15 take a tenth of a second each.
        let took = started.last().unwrap().duration_since(started[0]);
        assert!(took >= Duration::from_millis(1_350), "{took:?}");
        let ahead = started.iter().enumerate().any(|(first, start)| {
            started.iter().enumerate().skip(first).any(|(n, other)| {
                // A job that was let through late may start with one that was let through early, within a few milliseconds.
                let time = other.duration_since(*start) + Duration::from_millis(60);
                let most = f64::from(jobs) * (1.0 + time.as_secs_f64() / period.as_secs_f64());
                (n - first + 1) as f64 > most + 1.0
            })
        });
        println!("twenty jobs in {took:?}, some ahead of their rate: {ahead}");
        !ahead && took < Duration::from_secs(10)
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

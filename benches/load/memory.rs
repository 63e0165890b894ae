//! How much memory a drain needs: of large jobs spread among many small ones, of small ones, of large ones, and of large
//! ones that come when the pace was set by small ones.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use mainspring::database::connect;
use mainspring::{JobContext, Task};
use serde::{Deserialize, Serialize};

use super::arguments::Mode;
use super::figures::{megabytes, print_line};
use super::process;
use super::stage::{Outcome, await_empty_table, counting, empty_table, scheduler};

const LARGE: usize = 1 << 20;
const SAMPLE_EVERY: Duration = Duration::from_millis(100);

#[derive(Serialize, Deserialize)]
struct Letter {
    text: String,
}

impl Task for Letter {
    const NAME: &'static str = "load.letter";
}

#[derive(Serialize)]
struct Memory {
    case: &'static str,
    small_jobs: usize,
    large_jobs: usize,
    before_mb: f64,
    /// Of samples a tenth of a second apart, while jobs run.
    p50_mb: f64,
    peak_mb: f64,
    after_mb: f64,
}

/// One line a case; a thousandth as many large jobs as small ones.
pub(crate) async fn memory(url: &str, jobs: usize) -> Outcome<()> {
    let large = jobs.div_ceil(1_000);
    // The one that counts comes first, since what was resident once mostly stays so.
    for (case, small_jobs, large_jobs) in [
        ("mixed", jobs, large),
        ("small", jobs, 0),
        ("large", 0, large),
        ("small, then large", jobs.div_ceil(10), large),
    ] {
        eprintln!("{case}: {small_jobs} and {large_jobs} jobs");
        fill(url, small_jobs, large_jobs, if case == "mixed" { SPREAD } else { BEHIND })?;
        process::forget_peak();
        let before_mb = megabytes(process::resident());
        let p50_mb = drain(url, small_jobs).await?;
        let (peak_mb, after_mb) = (megabytes(process::peak()), megabytes(process::resident()));
        print_line(
            Mode::Memory,
            Memory { case, small_jobs, large_jobs, before_mb, p50_mb, peak_mb, after_mb },
        )?;
    }
    Ok(())
}

// The place of the large job `n`, as a priority and a time: one behind each thousand of small jobs, or all behind them.
const SPREAD: &str = "0, now() - interval '1 hour' + n * interval '1 ms' - interval '1 us'";
const BEHIND: &str = "1, now()";

fn fill(url: &str, small_jobs: usize, large_jobs: usize, place: &str) -> Outcome<()> {
    let conn = &mut connect(url)?;
    empty_table(conn)?;
    // Text that does not compress, or the server would read next to nothing; all large jobs have the same.
    conn.batch_execute(&format!(
        "INSERT INTO mainspring.jobs (task, run_at, state) \
         SELECT 'load.noop', now() - interval '1 hour' + n * interval '1 us', 'ready' \
         FROM generate_series(1, {small_jobs}) AS n; \
         INSERT INTO mainspring.jobs (task, priority, run_at, state, payload) \
         SELECT 'load.letter', {place}, 'ready', large.payload FROM generate_series(1, {large_jobs}) AS n, \
             (SELECT jsonb_build_object('text', string_agg(md5(random()::text), '')) AS payload \
              FROM generate_series(1, {})) AS large",
        // 32 characters each, and a little for what is around them.
        LARGE / 32 - 1
    ))?;
    Ok(())
}

/// Returns the median of the resident megabytes.
async fn drain(url: &str, small_jobs: usize) -> Outcome<f64> {
    let (builder, finished) = counting(scheduler(url), small_jobs);
    let builder = builder.handler(|letter: Letter, _: JobContext| {
        std::hint::black_box(letter.text.len());
        std::future::ready(())
    });
    let (end, ended) = mpsc::channel();
    let sampling = thread::spawn(move || samples(&ended));
    let scheduler = builder.start().await?;
    if small_jobs > 0 {
        finished.reached().await;
    }
    await_empty_table(&mut connect(url)?).await?;
    drop(end);
    scheduler.stop().await;
    let mut samples = sampling.join().map_err(|_| "the sampling panicked")?;
    samples.sort_unstable();
    Ok(megabytes(samples.get(samples.len() / 2).copied().unwrap_or_default()))
}

// Until the sender is gone.
fn samples(ended: &mpsc::Receiver<()>) -> Vec<i64> {
    let mut samples = Vec::new();
    while ended.recv_timeout(SAMPLE_EVERY) == Err(RecvTimeoutError::Timeout) {
        samples.push(process::resident());
    }
    samples
}

//! How much memory a drain needs: of many small jobs, of large ones, and of large ones that come when the pace was set by
//! small ones.

use diesel::connection::SimpleConnection;
use mainspring::{JobContext, Task, connect};
use serde::{Deserialize, Serialize};

use super::arguments::Mode;
use super::figures::{megabytes, print_line};
use super::process;
use super::stage::{Outcome, await_empty_table, counting, empty_table, scheduler};

const LARGE: usize = 1 << 20;

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
    peak_mb: f64,
    after_mb: f64,
}

/// One line a case; a thousandth as many large jobs as small ones.
pub(crate) async fn memory(url: &str, jobs: usize) -> Outcome<()> {
    let large = jobs.div_ceil(1_000);
    for (case, small_jobs, large_jobs) in
        [("small", jobs, 0), ("large", 0, large), ("small, then large", jobs.div_ceil(10), large)]
    {
        eprintln!("{case}: {small_jobs} and {large_jobs} jobs");
        fill(url, small_jobs, large_jobs)?;
        process::forget_peak();
        let before_mb = megabytes(process::resident());
        drain(url, small_jobs).await?;
        let (peak_mb, after_mb) = (megabytes(process::peak()), megabytes(process::resident()));
        print_line(Mode::Memory, Memory { case, small_jobs, large_jobs, before_mb, peak_mb, after_mb })?;
    }
    Ok(())
}

fn fill(url: &str, small_jobs: usize, large_jobs: usize) -> Outcome<()> {
    let conn = &mut connect(url)?;
    empty_table(conn)?;
    conn.batch_execute(&format!(
        "INSERT INTO mainspring.jobs (task, run_at, state) \
         SELECT 'load.noop', now(), 'ready' FROM generate_series(1, {small_jobs}); \
         INSERT INTO mainspring.jobs (task, run_at, priority, state, payload) \
         SELECT 'load.letter', now(), 1, 'ready', jsonb_build_object('text', repeat('x', {})) \
         FROM generate_series(1, {large_jobs})",
        LARGE - 100
    ))?;
    Ok(())
}

async fn drain(url: &str, small_jobs: usize) -> Outcome<()> {
    let (builder, finished) = counting(scheduler(url), small_jobs);
    let builder = builder.handler(|letter: Letter, _: JobContext| {
        std::hint::black_box(letter.text.len());
        std::future::ready(Ok(()))
    });
    let scheduler = builder.start().await?;
    if small_jobs > 0 {
        finished.reached().await;
    }
    await_empty_table(&mut connect(url)?).await?;
    scheduler.stop().await;
    Ok(())
}

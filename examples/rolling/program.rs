//! What both releases do: they add a mail every tenth of a second, and send mails until a signal comes.

use std::time::Duration;

use mainspring::{Enqueue, SchedulerBuilder, Schema, Task, database};

/// Runs the program on the database of `DATABASE_URL`, in the schema of `MAINSPRING_SCHEMA`.
pub(crate) async fn run<T: Task>(
    scheduler: impl FnOnce(&str) -> SchedulerBuilder,
    mail: impl Fn() -> Enqueue<T>,
) -> Result<(), Box<dyn std::error::Error>> {
    env_logger::init();
    let url = std::env::var("DATABASE_URL")?;
    let schema = Schema::new(std::env::var("MAINSPRING_SCHEMA").unwrap_or_else(|_| "mainspring".into()))?;
    database::migrate(&mut schema.on(&mut database::connect(&url)?))?;
    let scheduler = scheduler(&url).schema(schema.name()).start().await?;
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    let add_until_stopped = async {
        loop {
            ticks.tick().await;
            // A moment later any of the processes may send it.
            if scheduler.enqueue(mail().run_in(Duration::from_millis(50))).await.is_err() {
                return;
            }
        }
    };
    let ((), stopped) = tokio::join!(add_until_stopped, scheduler.stop_at_signal());
    Ok(stopped?)
}

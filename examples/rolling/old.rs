//! The first release of a program, for a deploy in which it runs side by side with the second one, `new.rs`. It adds a mail every
//! tenth of a second, and prints which mails it sends.
//!
//! `DATABASE_URL=postgres://.. cargo run --example rolling_old`, and beside it `rolling_new`. Ctrl-C stops either.

use std::time::Duration;

use mainspring::{Enqueue, JobContext, JobResult, Scheduler, Task, database};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct SendMail {
    to: String,
}
impl Task for SendMail {
    const NAME: &'static str = "mail.send";
}

async fn send(mail: SendMail, job: JobContext) -> JobResult {
    println!("old sends mail {} of version {} to {}", job.id(), job.version(), mail.to);
    Ok(())
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    env_logger::init();
    let url = std::env::var("DATABASE_URL")?;
    database::migrate(&mut database::connect(&url)?)?;
    let scheduler = Scheduler::builder(&url).handler(send).start().await?;
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    let add_until_stopped = async {
        loop {
            ticks.tick().await;
            // A moment later any of the processes may send it.
            let mail = Enqueue::new(SendMail { to: "ada".into() }).run_in(Duration::from_millis(50));
            if scheduler.enqueue(mail).await.is_err() {
                return;
            }
        }
    };
    let ((), stopped) = tokio::join!(add_until_stopped, scheduler.stop_at_signal());
    Ok(stopped?)
}

//! The second release of the program `old.rs`: a mail has several recipients now. It reads the jobs of the first release as well, and
//! the first release leaves the jobs of this one alone.

use std::time::Duration;

use mainspring::{Enqueue, JobContext, JobError, JobResult, Scheduler, Task, database};
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Serialize, Deserialize)]
struct SendMail {
    recipients: Vec<String>,
}
impl Task for SendMail {
    const NAME: &'static str = "mail.send";
    const VERSION: i32 = 1;

    fn upgrade(from: i32, mut mail: Value) -> Result<Value, JobError> {
        if from < 1 {
            mail["recipients"] = Value::from(vec![mail["to"].take()]);
        }
        Ok(mail)
    }
}

async fn send(mail: SendMail, job: JobContext) -> JobResult {
    println!("new sends mail {} of version {} to {}", job.id(), job.version(), mail.recipients.join(" and "));
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
            let recipients = vec!["ada".to_owned(), "grace".to_owned()];
            let mail = Enqueue::new(SendMail { recipients }).run_in(Duration::from_millis(50));
            if scheduler.enqueue(mail).await.is_err() {
                return;
            }
        }
    };
    let ((), stopped) = tokio::join!(add_until_stopped, scheduler.stop_at_signal());
    Ok(stopped?)
}

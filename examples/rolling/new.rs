//! The second release of the program `old.rs`: a mail has several recipients now. It reads the jobs of the first release as well, and
//! the first release leaves the jobs of this one alone.

mod program;

use mainspring::{Enqueue, JobContext, JobError, JobResult, Scheduler, Task};
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
    let mail = || Enqueue::new(SendMail { recipients: vec!["ada".into(), "grace".into()] });
    program::run(|url| Scheduler::builder(url).handler(send), mail).await
}

//! The first release of a program, for a deploy in which it runs side by side with the second one, `new.rs`. It prints which mails
//! it sends.
//!
//! `DATABASE_URL=postgres://.. cargo run --example rolling_old`, and beside it `rolling_new`. Ctrl-C stops either.

mod program;

use mainspring::{Enqueue, JobContext, JobResult, Scheduler, Task};
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
    let mail = || Enqueue::new(SendMail { to: "ada".into() });
    program::run(|url| Scheduler::builder(url).handler(send), mail).await
}

//! What workers publish of their tasks holds for every way in, and a task that no worker knows is reported.

use diesel::PgConnection;
use diesel::sql_types::{Nullable, SmallInt, Text};
use diesel::{QueryableByName, RunQueryDsl, sql_query};
use mainspring::{JobContext, JobResult, Scheduler, Task};
use serde::{Deserialize, Serialize};

mod options;
mod payloads;
mod publishing;
mod warnings;

/// A task that sets every option. Its payload names the way by which a job came.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Lane {
    way: String,
}
impl Task for Lane {
    const NAME: &'static str = "tasks.lane";
    const QUEUE: Option<&'static str> = Some("tasks:lane");
    const PRIORITY: Option<i16> = Some(7);
    const MAX_ATTEMPTS: Option<i16> = Some(2);
}

async fn run<T>(_: T, _: JobContext) -> JobResult {
    Ok(())
}

/// The same task in another release.
macro_rules! release {
    ($name:ident, $version:literal, $attempts:literal) => {
        #[derive(serde::Serialize, serde::Deserialize)]
        struct $name {}
        impl mainspring::Task for $name {
            const NAME: &'static str = "tasks.released";
            const VERSION: i32 = $version;
            const MAX_ATTEMPTS: Option<i16> = Some($attempts);
        }
    };
}
use release;

#[derive(Debug, QueryableByName, PartialEq, Eq)]
struct Options {
    #[diesel(sql_type = Text)]
    way: String,
    #[diesel(sql_type = Nullable<Text>)]
    queue: Option<String>,
    #[diesel(sql_type = SmallInt)]
    priority: i16,
    #[diesel(sql_type = SmallInt)]
    max_attempts: i16,
}

fn stored(conn: &mut PgConnection) -> Vec<Options> {
    let text =
        "SELECT payload ->> 'way' AS way, queue, priority, max_attempts FROM mainspring.jobs ORDER BY id";
    sql_query(text).load(conn).unwrap()
}

async fn stop(schedulers: impl IntoIterator<Item = Scheduler>) {
    for scheduler in schedulers {
        scheduler.stop().await;
    }
}

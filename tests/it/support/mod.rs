//! What the integration tests share: databases, the test job, waits, rows, other processes, schedulers.

pub mod counting;
pub mod database;
pub mod frozen;
pub mod gauge;
pub mod jobs;
pub mod logs;
pub mod process;
#[allow(dead_code, reason = "the chaos harness uses the rest of it")]
pub mod proxy;
pub mod rows;
pub mod schedulers;
pub mod statements;
pub mod waiting;

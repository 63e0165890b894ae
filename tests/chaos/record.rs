//! What every process writes down, in a file of its own, outside of the database: one `write(2)` a line. A line is there once the
//! call has returned, whatever is killed or broken next.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::clock::Moment;
use crate::workload::Kind;

/// One line: when, by which process, what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry(pub Moment, pub u32, pub What);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    // By a worker or a producer.
    /// The scheduler has started.
    Ready { name: String },
    /// An enqueue is about to be called.
    Asked { token: String, kind: Kind, key: Option<String> },
    /// It returned the job's id.
    Stored { token: String, job: i64 },
    /// It returned an error.
    Refused { token: String, stored: Stored, why: String },
    /// A handler has begun.
    Started(Start),
    /// It still executes.
    Alive { run: u64 },
    /// It returned.
    Ended { run: u64, end: End },
    /// Its future was dropped before it returned.
    Dropped { run: u64 },
    /// SIGTERM has arrived.
    StopAsked,
    /// `Scheduler::stop` has returned.
    Stopped,
    // By the process that breaks things.
    /// SIGKILL is about to be sent.
    Killed { pid: u32 },
    /// SIGSTOP is about to be sent.
    Paused { pid: u32 },
    /// SIGCONT was sent.
    Resumed { pid: u32 },
    /// SIGTERM is about to be sent.
    Terminated { pid: u32 },
    /// The process is gone.
    Exited { pid: u32, status: String },
    /// Something is about to be broken.
    FaultBegan { what: String },
    /// It is whole again: for this process, or for all.
    FaultOver { what: String, pid: Option<u32> },
    /// What the primary confirms from here on does not reach the standby.
    LagBegan,
    /// The primary is gone, and has confirmed nothing since.
    LagOver,
    // By both.
    /// How much of something there is.
    Sample { quantity: String, value: u64 },
}

/// One execution of a job. `run` is unique in its process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Start {
    pub run: u64,
    pub job: i64,
    pub attempt: i16,
    pub kind: Kind,
    pub token: String,
    pub queue: Option<String>,
    pub key: Option<String>,
    /// Which fire of cron added the job: its source and its time.
    pub fire: Option<String>,
}

/// What a failed enqueue says of the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stored {
    No,
    Yes,
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    Succeeded,
    Failed,
}

/// The file of this process.
pub struct Record {
    file: File,
    pid: u32,
}

impl Record {
    pub fn open(folder: &Path, name: &str) -> io::Result<Self> {
        let pid = std::process::id();
        let path = folder.join(format!("{name}-{pid}.record"));
        Ok(Self { file: OpenOptions::new().create(true).append(true).open(path)?, pid })
    }

    pub fn write(&self, what: What) {
        self.write_at(Moment::now(), what);
    }

    pub fn write_at(&self, at: Moment, what: What) {
        let mut line = serde_json::to_vec(&Entry(at, self.pid, what)).expect("a line of the record");
        line.push(b'\n');
        (&self.file).write_all(&line).expect("write the record");
    }
}

/// Reads the records of a folder, in the order of time.
pub fn read(folder: &Path) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        if path.extension().is_some_and(|extension| extension == "record") {
            // A line without an end was cut by the death of its process.
            let text = fs::read_to_string(path)?;
            let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
            entries.extend(lines.filter_map(|line| serde_json::from_str(line).ok()));
        }
    }
    entries.sort_by_key(|Entry(at, ..)| *at);
    Ok(entries)
}

//! One round at the gates over a connection: promotes scheduled jobs that are due, then admits parked jobs of the queues
//! that may have room.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use diesel::pg::PgConnection;

use super::low_water::ParkedMarks;
use crate::actors::locked;
use crate::error::StoreError;
use crate::store::admit::{Admission, Promotion, admit, lower, promote, queues_with_parked_jobs};
use crate::store::claim::Position;

pub(super) const MOST_PROMOTED: i64 = 1_000;
/// So many queues a statement.
pub(super) const MOST_QUEUES: usize = 1_000;

/// What a round is to look for, besides the queues it is told of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Looks {
    pub(super) for_due: bool,
    /// For how long jobs may have become due that nobody has promoted; `None` where that is not known.
    pub(super) due_since: Option<Duration>,
    /// Whether jobs may be parked in any queue.
    pub(super) for_parked: bool,
}

/// What a round did, and how long its looks took.
pub(super) struct Round {
    pub(super) admission: Admission,
    pub(super) promotion: Option<Promotion>,
    pub(super) promotion_took: Duration,
    pub(super) parked_look_took: Option<Duration>,
}

impl Round {
    pub(super) fn go(
        conn: &mut PgConnection,
        looks: Looks,
        mut queues: Vec<String>,
        marks: &Mutex<ParkedMarks>,
        known: &[String],
        floor: Option<Position>,
    ) -> Result<Self, StoreError> {
        let began = Instant::now();
        let promotion =
            if looks.for_due { Some(promote(conn, MOST_PROMOTED, looks.due_since)?) } else { None };
        let promotion_took = began.elapsed();
        for (queue, first) in promotion.iter().flat_map(|promotion| &promotion.queues) {
            locked(marks).announce(queue, Some(*first));
            queues.push(queue.clone());
        }
        let mut parked_look_took = None;
        if looks.for_parked {
            let began = Instant::now();
            queues.extend(all_parked(conn)?);
            parked_look_took = Some(began.elapsed());
        }
        let admission = admit_from(conn, queues, marks, known, floor)?;
        Ok(Self { admission, promotion, promotion_took, parked_look_took })
    }

    /// Where others must look: they are to be told of jobs that this process does not know how to run, or has no room for.
    pub(super) fn help_wanted(&self, known: &[String], room: usize) -> Option<Position> {
        let promoted = self.promotion.as_ref().filter(|promotion| promotion.position.is_some());
        let moved = promoted.map_or(0, |promotion| promotion.promoted) + self.admission.admitted;
        let tasks = promoted.iter().flat_map(|promotion| &promotion.tasks).chain(&self.admission.tasks);
        let unknown = tasks.into_iter().any(|task| known.binary_search(task).is_err());
        let position = lower(promoted.and_then(|promotion| promotion.position), self.admission.position);
        position.filter(|_| unknown || moved > room)
    }
}

fn admit_from(
    conn: &mut PgConnection,
    mut queues: Vec<String>,
    marks: &Mutex<ParkedMarks>,
    known: &[String],
    floor: Option<Position>,
) -> Result<Admission, StoreError> {
    if queues.is_empty() {
        return Ok(Admission::default());
    }
    queues.sort_unstable();
    queues.dedup();
    let began = Instant::now();
    let hints = locked(marks).start(&queues, began);
    let admission = admit(conn, &queues, &hints, known, floor)?;
    locked(marks).advance(&admission.results, Instant::now(), began.elapsed());
    Ok(admission)
}

fn all_parked(conn: &mut PgConnection) -> Result<Vec<String>, StoreError> {
    let mut names: Vec<String> = Vec::new();
    loop {
        let after = names.last().cloned().unwrap_or_default();
        let more = queues_with_parked_jobs(conn, &after, MOST_QUEUES as i64)?;
        let full = more.len() == MOST_QUEUES;
        names.extend(more);
        if !full {
            return Ok(names);
        }
    }
}

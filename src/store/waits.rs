//! Carries the endings of jobs over to those that wait for them. What an ending means is decided in sql/waits/.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::Queryable;
use diesel::sql_types::{BigInt, Bool, Nullable, SmallInt, Text, Timestamptz};

use super::claim::Position;
use super::enqueue::WaitsFor;
use super::moment::Moment;
use super::statement::Statement;
use crate::error::StoreError;
use crate::job::payload::{character_problem, text_of};
use crate::lifecycle::JobState;
use crate::store::session::AsSession;

/// Sends a signal to the jobs that wait for it, now or later. Returns `true` if it is new: a signal is sent once, and its first
/// value stands, for 90 days.
///
/// # Errors
///
/// [`StoreError::Invalid`] when the name is not of 1 to 256 characters, or the value is larger than a payload may be: then
/// nothing is stored. [`StoreError::Database`] when the database refuses.
pub fn signal(conn: &mut impl AsSession, name: &str, value: &serde_json::Value) -> Result<bool, StoreError> {
    let value = text_of(value);
    if let Some(problem) = character_problem("value", &value) {
        return Err(problem.into());
    }
    let is_new: (bool,) = Statement::<(Bool,)>::new("SELECT mainspring.signal({}, {}::jsonb)")
        .text("signal", name)
        .bind::<Text, _>(value)
        .get_result(conn)?;
    Ok(is_new.0)
}

/// Returns the value of a signal as JSON text, or `None` where it was not sent, or longer ago than 90 days.
///
/// # Errors
///
/// [`StoreError::Database`] when the database refuses.
pub fn signal_value(conn: &mut impl AsSession, name: &str) -> Result<Option<String>, StoreError> {
    let rows: Vec<(String,)> =
        Statement::<(Text,)>::new("SELECT payload::text FROM mainspring.signals WHERE name = {}")
            .text("signal", name)
            .load(conn)?;
    Ok(rows.into_iter().next().map(|row| row.0))
}

/// How many events one call handles at most.
pub(crate) const MOST_EVENTS: i64 = 10_000;

/// What became of the jobs that waited for others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Released {
    pub(crate) places: Vec<ReleasedTo>,
    pub(crate) left: EventsLeft,
}

/// Where some of the jobs that were released stand now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReleasedTo {
    /// The best priority and the earliest time among them.
    pub(crate) first: Position,
    /// The time until they are due; `None`: they are.
    pub(crate) due_in: Option<Duration>,
    pub(crate) waits_for: WaitsFor,
    /// Whether any of them has flags.
    pub(crate) flagged: bool,
}

/// Whether there are more events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum EventsLeft {
    #[default]
    None,
    /// There are more than one call handles, or new ones.
    More,
    /// Another transaction holds the rows of jobs that they concern.
    Held,
}

type Columns = (
    Nullable<Text>,
    Nullable<Text>,
    Nullable<SmallInt>,
    Nullable<Timestamptz>,
    Nullable<Bool>,
    Nullable<BigInt>,
    Nullable<BigInt>,
    Nullable<BigInt>,
);

#[derive(Queryable)]
struct Row {
    queue: Option<String>,
    /// `None` in the last row.
    state: Option<String>,
    priority: Option<i16>,
    run_at: Option<Moment>,
    flagged: Option<bool>,
    due_in: Option<i64>,
    handled: Option<i64>,
    left: Option<i64>,
}

/// Carries over what has happened to the jobs that wait for it, at most [`MOST_EVENTS`] events.
pub(crate) fn handle_wait_events(conn: &mut impl AsSession) -> Result<Released, StoreError> {
    let rows: Vec<Row> = Statement::<Columns>::new(
        "SELECT job_queue, job_state::text, least_priority, first_run_at, flagged, due_in, handled, events_left \
         FROM mainspring.handle_wait_events({})",
    )
    .bind::<BigInt, _>(MOST_EVENTS)
    .load(conn)?;
    let mut released = Released::default();
    for mut row in rows {
        match row.state.take() {
            Some(state) => released.places.push(row.place(&state)),
            None => released.left = left(row.handled, row.left),
        }
    }
    Ok(released)
}

fn left(handled: Option<i64>, left: Option<i64>) -> EventsLeft {
    match (handled, left) {
        (_, None | Some(0)) => EventsLeft::None,
        (Some(0), Some(_)) => EventsLeft::Held,
        (_, Some(_)) => EventsLeft::More,
    }
}

impl Row {
    fn place(self, state: &str) -> ReleasedTo {
        let delay = Duration::from_millis(self.due_in.unwrap_or_default().max(0).unsigned_abs());
        let turn_at = self.run_at.map_or(DateTime::<Utc>::UNIX_EPOCH, |moment| moment.0);
        ReleasedTo {
            first: Position { priority: self.priority.unwrap_or_default(), turn_at },
            due_in: (state == JobState::Scheduled.as_str()).then_some(delay),
            waits_for: match self.queue {
                Some(queue) if state == JobState::Parked.as_str() => WaitsFor::Queue(queue),
                Some(_) | None => WaitsFor::Claim,
            },
            flagged: self.flagged.unwrap_or_default(),
        }
    }
}

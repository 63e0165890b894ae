//! What becomes of a job: every state, with every combination of the flags of its row, meets every event. The states that
//! `move_jobs` leaves behind are those that docs/LIFECYCLE.md describes.

use std::collections::{BTreeMap, HashSet};

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, SmallInt, Text};

use super::{Statement, TestDatabase};
use crate::lifecycle::JobState;

const OUTCOMES: [&str; 10] = [
    "succeeded",
    "cancelled",
    "failed",
    "discarded",
    "held",
    "snoozed",
    "untouched",
    "postponed",
    "interrupted",
    "lost",
];
const BY_HAND: [&str; 6] = ["cancel", "complete", "fail", "delete", "reschedule", "release"];
const SET_APART: &str = "set_apart";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Queue {
    None,
    Open,
    Paused,
}

#[derive(Debug, Clone, Copy)]
struct Case {
    state: JobState,
    superseded: bool,
    cancelled: bool,
    last_attempt: bool,
    /// Whether one more lost process is the last.
    last_life: bool,
    queue: Queue,
    /// Whether the event makes the job due later.
    later: bool,
    event: &'static str,
}

/// Where a job is: in a state, or gone.
type Place = Option<JobState>;

impl Case {
    fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for state in JobState::ALL {
            for bits in 0..32_u8 {
                for queue in [Queue::None, Queue::Open, Queue::Paused] {
                    for event in OUTCOMES.into_iter().chain(BY_HAND).chain([SET_APART]) {
                        let [superseded, cancelled, last_attempt, last_life, later] =
                            [1, 2, 4, 8, 16].map(|bit| bits & bit > 0);
                        all.push(Self {
                            state,
                            superseded,
                            cancelled,
                            last_attempt,
                            last_life,
                            queue,
                            later,
                            event,
                        });
                    }
                }
            }
        }
        all.retain(Self::can_be);
        all
    }

    // The table's constraints, and that a person who reschedules a job gives it an attempt.
    fn can_be(&self) -> bool {
        let is_over = matches!(self.state, JobState::Running | JobState::Dead);
        (is_over || !(self.superseded || self.last_attempt))
            && (!self.cancelled || self.state == JobState::Running)
            && (self.queue != Queue::None || self.state != JobState::Parked)
            && !(self.last_attempt && self.state == JobState::Dead && self.event == "reschedule")
    }

    /// The states of docs/LIFECYCLE.md. An event that does not apply changes nothing.
    fn expected(&self) -> Place {
        use JobState::{Dead, Held, Parked, Ready, Running, Waiting};
        match (self.state, self.event) {
            (_, SET_APART) => Some(Dead),
            (Running, event) if BY_HAND.contains(&event) => Some(Running),
            (Running, "succeeded" | "cancelled") => None,
            (Running, "lost") if self.cancelled || self.superseded || self.last_life => Some(Dead),
            (Running, "lost") => Some(self.waiting()),
            (Running, _) if self.cancelled => None,
            (Running, _) if self.superseded => Some(Dead),
            (Running, "discarded") => Some(Dead),
            (Running, "failed") if self.last_attempt => Some(Dead),
            (Running, "held") => Some(Held),
            (Running, "failed" | "snoozed" | "postponed") => Some(self.waiting()),
            (Running, _) if self.queue == Queue::Paused => Some(Parked),
            (Running, _) => Some(Ready),
            (_, "complete" | "delete") => None,
            (Waiting, "reschedule") => Some(Waiting),
            (_, "reschedule") | (Waiting | Held, "release") => Some(self.waiting()),
            (Dead, _) => Some(Dead),
            (_, "cancel") => None,
            (_, "fail") => Some(Dead),
            (state, _) => Some(state),
        }
    }

    fn waiting(&self) -> JobState {
        match self.queue {
            _ if self.later => JobState::Scheduled,
            Queue::None => JobState::Ready,
            Queue::Open | Queue::Paused => JobState::Parked,
        }
    }

    fn deaths(&self) -> i16 {
        if self.last_life { 9 } else { 1 }
    }

    /// Only the loss of a worker adds a death, and only what ran is cleared of its deaths.
    fn expected_deaths(&self) -> i16 {
        match (self.state, self.event) {
            (JobState::Running, "lost") => self.deaths() + 1,
            (JobState::Running, "untouched" | "postponed") | (_, SET_APART | "fail") => self.deaths(),
            (JobState::Running, _) | (_, "reschedule") if self.applies() => 0,
            _ => self.deaths(),
        }
    }

    /// What is given back was not the fault of the handler.
    fn expected_attempts(&self) -> i16 {
        let attempts = if self.last_attempt { 3 } else { 1 };
        let given_back =
            ["held", "snoozed", "untouched", "postponed", "interrupted", "lost"].contains(&self.event);
        attempts - i16::from(given_back && self.state == JobState::Running)
    }

    fn applies(&self) -> bool {
        self.state != JobState::Running || !BY_HAND.contains(&self.event)
    }

    fn row(&self, id: usize) -> String {
        let queue = ["NULL", "'open'", "'paused'"][self.queue as usize];
        let attempts = if self.last_attempt { 3 } else { 1 };
        let deaths = self.deaths();
        let lease =
            if self.state == JobState::Running { "7, 1, mainspring.now()" } else { "NULL, NULL, NULL" };
        let reason = if self.cancelled { "'no longer wanted'" } else { "NULL" };
        let (state, superseded) = (self.state.as_str(), self.superseded);
        format!(
            "({id}, 'a', '2020-01-01', '{state}', {queue}, {attempts}, 3, {deaths}, {superseded}, {reason}, {lease})"
        )
    }

    fn event(&self, id: usize) -> String {
        let hours = if self.later { 1 } else { -1 };
        let run_at = format!("mainspring.now() + interval '{hours} hours'");
        format!("mainspring.new_event({id}, '{}', reason => 'why', run_at => {run_at})", self.event)
    }

    fn leaves_a_line(&self) -> bool {
        self.expected().is_none() && self.event != "delete"
    }
}

fn move_all(conn: &mut PgConnection, cases: &[Case]) {
    let rows: Vec<String> = cases.iter().enumerate().map(|(id, case)| case.row(id)).collect();
    let events: Vec<String> = cases.iter().enumerate().map(|(id, case)| case.event(id)).collect();
    conn.batch_execute("SELECT mainspring.pause_queue('paused')").expect("pause a queue");
    conn.batch_execute(&format!(
        "INSERT INTO mainspring.jobs (id, task, run_at, state, queue, attempts, max_attempts, deaths, superseded, cancel_reason, \
         lease, worker_id, locked_at) VALUES {}",
        rows.join(", ")
    ))
    .expect("add the jobs");
    conn.batch_execute(&format!("SELECT mainspring.move_jobs(ARRAY[{}], true)", events.join(", ")))
        .expect("move the jobs");
}

#[test]
fn every_event_moves_every_job_as_the_lifecycle_says() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let cases = Case::all();
    move_all(conn, &cases);
    let rows: Vec<(i64, String)> =
        Statement::<(BigInt, Text)>::new("SELECT id, state::text FROM mainspring.jobs")
            .load(conn)
            .expect("read the jobs");
    let found: BTreeMap<i64, String> = rows.into_iter().collect();
    for (id, case) in cases.iter().enumerate() {
        let (state, expected) = (found.get(&(id as i64)), case.expected());
        assert_eq!(state.map(String::as_str), expected.map(JobState::as_str), "{case:?}");
    }
    let numbers: Vec<(i64, i16, i16)> =
        Statement::<(BigInt, SmallInt, SmallInt)>::new("SELECT id, attempts, deaths FROM mainspring.jobs")
            .load(conn)
            .expect("read the jobs");
    for (id, attempts, deaths) in numbers {
        let case = cases[id as usize];
        assert_eq!((attempts, deaths), (case.expected_attempts(), case.expected_deaths()), "{case:?}");
    }
    let rows: Vec<(i64, String)> =
        Statement::<(BigInt, Text)>::new("SELECT id, outcome FROM mainspring.history")
            .load(conn)
            .expect("read history");
    let lines: BTreeMap<i64, String> = rows.into_iter().collect();
    for (id, case) in cases.iter().enumerate() {
        let outcome = if ["succeeded", "complete"].contains(&case.event) { "succeeded" } else { "cancelled" };
        let expected = case.leaves_a_line().then_some(outcome);
        assert_eq!(lines.get(&(id as i64)).map(String::as_str), expected, "{case:?}");
    }
}

#[test]
fn the_moves_of_all_events_are_those_that_may_follow() {
    let reached: HashSet<(Place, Place)> = Case::all()
        .iter()
        .map(|case| (Some(case.state), case.expected()))
        .filter(|(from, to)| from != to)
        .collect();
    let places = || JobState::ALL.into_iter().map(Some).chain([None]);
    for (from, to) in places().flat_map(|from| places().map(move |to| (from, to))) {
        // A new job, a claim, an admission, what a job waits for, and a change without a move are no events.
        let is_event = from.is_some()
            && to != Some(JobState::Running)
            && to != Some(JobState::Waiting)
            && from != to
            && (from, to) != (Some(JobState::Parked), Some(JobState::Ready));
        let may = is_event && JobState::may_follow(from, to);
        assert_eq!(
            reached.contains(&(from, to)),
            may,
            "{from:?} to {to:?}: reached by an event, and allowed"
        );
    }
}

#[test]
fn an_unknown_event_is_refused() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let case = Case {
        state: JobState::Running,
        superseded: false,
        cancelled: false,
        last_attempt: false,
        last_life: false,
        queue: Queue::None,
        later: false,
        event: "forgotten",
    };
    conn.batch_execute(&format!(
        "INSERT INTO mainspring.jobs (id, task, run_at, state, queue, attempts, max_attempts, deaths, superseded, cancel_reason, \
         lease, worker_id, locked_at) VALUES {}",
        case.row(1)
    ))
    .expect("add a job");
    let refused = conn.batch_execute(&format!("SELECT mainspring.move_jobs(ARRAY[{}], true)", case.event(1)));
    assert!(refused.is_err_and(|error| error.to_string().contains("unknown event forgotten")));
}

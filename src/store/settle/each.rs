//! Settles after the set statement has failed: each outcome is stored as far as the database allows, and only the one that is
//! refused is left. Which rows are set apart is decided in sql/jobs/try_move.sql.

use std::collections::HashSet;

use diesel::connection::SimpleConnection;
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamptz};

use super::values::{has_value, keep_values};
use super::{Settled, Settlement, bind_events, held_by_others, settle_free};
use crate::error::StoreError;
use crate::lifecycle::{History, Left};
use crate::store::moment::Moment;
use crate::store::retention::prepare_history;
use crate::store::session::{AsSession, Session};
use crate::store::statement::Statement;
use crate::text::in_ascii;

/// A row that could not be moved as it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) id: i64,
    pub(crate) kind: TroubleKind,
    /// What the server reported.
    pub(crate) problem: String,
}

/// What became of a row that could not be moved as it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TroubleKind {
    /// The job has ended without its line in the history.
    LineLost,
    /// The job is dead, because the database refuses its data.
    SetApart,
    /// The row is as it was, and may be tried again.
    Stuck,
}

impl Trouble {
    /// From a row of `move_each`: whether the job is dead, or `None` where it is gone.
    pub(crate) fn of(id: i64, is_dead: Option<bool>, problem: Option<String>) -> Option<Self> {
        let kind = match Left::from(is_dead) {
            Left::Gone => TroubleKind::LineLost,
            Left::Dead | Left::SetApart => TroubleKind::SetApart,
            Left::Waiting => TroubleKind::Stuck,
        };
        problem.map(|problem| Self { id, kind, problem })
    }
}

/// What the store made of settlements, of which some may have been in trouble.
#[derive(Debug, Default)]
pub(crate) struct Isolated {
    pub(crate) settled: Vec<Settled>,
    /// The ids of jobs whose rows another transaction held.
    pub(crate) locked: HashSet<i64>,
    pub(crate) troubles: Vec<Trouble>,
}

// One bad text among two thousand outcomes takes two dozen statements to find.
const MAX_STATEMENTS: u32 = 100;

/// Settles the jobs whose rows no transaction holds. If the server refuses that, each is settled by itself.
///
/// It fails if the connection is lost, or if nothing at all could be stored of several outcomes: then no single one is bad.
pub(crate) fn settle_isolating(
    conn: &mut Session<'_>,
    settlements: &[Settlement],
    history: History,
) -> Result<Isolated, StoreError> {
    let whole = |(settled, locked)| Isolated { settled, locked, troubles: Vec::new() };
    let error = match settle_free(conn, settlements, history) {
        Ok(done) => return Ok(whole(done)),
        Err(error) => error,
    };
    if conn.batch_execute("SELECT 1").is_err() {
        return Err(error);
    }
    // A process that was suspended for days finds no partition for today.
    if history.is_kept()
        && prepare_history(conn).is_ok_and(|made| made.done > 0)
        && let Ok(done) = settle_free(conn, settlements, history)
    {
        return Ok(whole(done));
    }
    let all: Vec<&Settlement> = settlements.iter().collect();
    let locked = held_by_others(conn, &all)?;
    let free: Vec<&Settlement> = all.into_iter().filter(|one| !locked.contains(&one.id)).collect();
    let mut each = Each { history, statements: 0, done: Isolated { locked, ..Isolated::default() } };
    each.settle(conn, &free);
    if each.done.settled.is_empty() && free.len() > 1 { Err(error) } else { Ok(each.done) }
}

struct Each {
    history: History,
    statements: u32,
    done: Isolated,
}

impl Each {
    // A text that the server's encoding lacks fails the whole statement, before any row is tried. So do halves.
    fn settle(&mut self, conn: &mut Session<'_>, settlements: &[&Settlement]) {
        if settlements.is_empty() {
            return;
        }
        self.statements += 1;
        match self.move_all(conn, settlements) {
            Ok(()) => {}
            Err(_) if settlements.len() > 1 && self.statements < MAX_STATEMENTS => {
                let (left, right) = settlements.split_at(settlements.len() / 2);
                self.settle(conn, left);
                self.settle(conn, right);
            }
            Err(error) => self.settle_in_ascii(conn, settlements, &error),
        }
    }

    fn settle_in_ascii(&mut self, conn: &mut Session<'_>, settlements: &[&Settlement], error: &StoreError) {
        let plain = |one: &&Settlement| {
            let outcome = one.outcome.clone().map_texts(|text| in_ascii(&text));
            Settlement { outcome, ..(*one).clone() }
        };
        let plain: Vec<Settlement> = settlements.iter().map(plain).collect();
        match self.move_all(conn, &plain.iter().collect::<Vec<_>>()) {
            Ok(()) => {}
            Err(_) => self.done.troubles.extend(settlements.iter().map(|one| Trouble {
                id: one.id,
                kind: TroubleKind::Stuck,
                problem: error.to_string(),
            })),
        }
    }

    fn move_all(&mut self, conn: &mut Session<'_>, settlements: &[&Settlement]) -> Result<(), StoreError> {
        let history = self.history;
        let (settled, troubles) = if settlements.iter().any(has_value) {
            conn.transaction(|conn| {
                let (settled, troubles) = entered(move_each(conn, settlements, history)?);
                keep_values(conn, settlements, &settled)?;
                Ok::<_, StoreError>((settled, troubles))
            })?
        } else {
            entered(move_each(conn, settlements, history)?)
        };
        self.done.settled.extend(settled);
        self.done.troubles.extend(troubles);
        Ok(())
    }
}

fn entered(rows: Vec<Row>) -> (Vec<Settled>, Vec<Trouble>) {
    let (mut all, mut troubles) = (Vec::new(), Vec::new());
    for (id, lease, is_dead, ready_since, problem) in rows {
        let trouble = Trouble::of(id, is_dead, problem);
        let left = match trouble.as_ref().map(|trouble| trouble.kind) {
            None | Some(TroubleKind::LineLost) => Some(is_dead.into()),
            Some(TroubleKind::SetApart) => Some(Left::SetApart),
            Some(TroubleKind::Stuck) => None,
        };
        all.extend(left.map(|left| Settled { id, lease, left, ready_since, told_from: None }));
        troubles.extend(trouble);
    }
    (all, troubles)
}

type Row = (i64, i64, Option<bool>, Option<Moment>, Option<String>);

const MOVE_EACH: &str = concat!(
    "SELECT m.job_id, m.job_lease, m.job_state = 'dead', CASE WHEN m.job_state = 'ready' THEN m.job_run_at END, \
     m.job_problem FROM mainspring.move_each(",
    events!(),
    ", {}) AS m"
);

fn move_each(
    conn: &mut impl AsSession,
    settlements: &[&Settlement],
    history: History,
) -> Result<Vec<Row>, StoreError> {
    type Columns = (BigInt, BigInt, Nullable<Bool>, Nullable<Timestamptz>, Nullable<Text>);
    bind_events(Statement::<Columns>::new(MOVE_EACH), settlements)
        .bind::<Bool, _>(history.is_kept())
        .load(conn)
}

//! One walk of random acts: each is done to the store and to the model, and what the store returns is compared at once.

use std::slice;

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::sql_types::BigInt;

use super::super::claim::{ClaimedJob, claim};
use super::super::jobs::{self, ActResult, JobAct, Reschedule};
use super::super::presence::rescue;
use super::super::settle::{Settlement, settle};
use super::super::statement::Statement;
use super::super::{admit, enqueue, queues, remove, workers};
use super::model::{Model, Row};
use super::{
    Facts, KEYS, QUEUES, TASKS, TestDatabase, claim_request, early, facts, late, new_job, new_worker,
    some_outcome, stored_rows,
};
use crate::error::StoreError;
use crate::lifecycle::{History, JobState, Left};

/// One walk: the database, the model of it, and what the acts need to know.
pub(super) struct Walk {
    conn: PgConnection,
    pub(super) model: Model,
    random: fastrand::Rng,
    workers: [i32; 2],
}

impl Walk {
    pub(super) fn new(database: &TestDatabase, seed: u64) -> Self {
        let mut conn = database.connection();
        let workers = [new_worker(&mut conn), new_worker(&mut conn)];
        let random = fastrand::Rng::with_seed(seed);
        Self { conn, model: Model::default(), random, workers }
    }

    pub(super) fn step(&mut self) -> &'static str {
        match self.random.u8(0..31) {
            0..8 => self.enqueue(),
            8 => self.remove(),
            9..13 => self.claim(),
            13..17 => self.settle(),
            17..20 => self.admit(),
            20 => self.pause_or_resume(),
            21 => self.let_time_pass(),
            22 => self.lose_a_worker(),
            23 => self.release_a_worker(),
            24 => self.by_hand("fail", |conn, ids| jobs::fail(conn, ids, None), Model::fail),
            25 => self.by_hand("cancel", |conn, ids| jobs::cancel(conn, ids, None), Model::cancel),
            26 => self.by_hand("complete", |conn, ids| jobs::complete(conn, ids, None), Model::complete),
            27 => self.by_hand("delete", jobs::delete, Model::delete),
            28 => self.by_hand("release", jobs::release, Model::release),
            29 => self.by_hand("retry", |conn, ids| jobs::retry(conn, ids, None), Model::retry),
            _ => self.reschedule(),
        }
    }

    // Now and then several at once, also with the same key twice.
    fn enqueue(&mut self) -> &'static str {
        let count = if self.random.u8(0..4) == 0 { self.random.usize(2..6) } else { 1 };
        let (jobs, rows): (Vec<_>, Vec<_>) = (0..count).map(|_| new_job(&mut self.random)).unzip();
        let added = enqueue::enqueue(&mut self.conn, &jobs).expect("enqueue");
        assert_eq!(added.len(), count);
        let mut each: Vec<_> = jobs.iter().zip(rows).zip(added).collect();
        // The store handles them in the order of their keys, so that two calls never wait for each other in a circle.
        each.sort_by(|one, other| one.0.1.key.cmp(&other.0.1.key));
        for ((job, row), added) in each {
            self.model.enqueue(row, job.options().key_mode, added.id);
        }
        "enqueue"
    }

    fn remove(&mut self) -> &'static str {
        let key = format!("key {}", self.random.u8(0..KEYS));
        assert_eq!(remove(&mut self.conn, &key).expect("remove"), self.model.remove(&key));
        "remove"
    }

    // The best by priority, as many as there are; which of equals is the store's choice.
    fn claim(&mut self) -> &'static str {
        let (worker, lease, limit) =
            (self.workers[self.random.usize(0..2)], self.random.i64(1..), self.random.usize(1..6));
        let request = claim_request(worker, lease, limit as i64);
        let claimed: Vec<ClaimedJob> = claim(&mut self.conn, &request).expect("claim").jobs;
        let ready = self.model.rows.values().filter(|row| row.state == JobState::Ready).count();
        assert_eq!(claimed.len(), ready.min(limit));
        for job in &claimed {
            let row = self.model.rows.get_mut(&job.id).expect("a claimed job is known");
            assert_eq!((row.state, row.attempts + 1), (JobState::Ready, job.attempt));
            (row.state, row.attempts, row.holder) = (JobState::Running, job.attempt, Some((worker, lease)));
        }
        let left =
            self.model.rows.values().filter(|row| row.state == JobState::Ready).map(|row| row.priority);
        let worst = claimed.iter().map(|job| job.priority).max();
        assert!(worst.zip(left.min()).is_none_or(|(worst, left)| worst <= left));
        "claim"
    }

    // Some running jobs, one of them perhaps under a lease that it does not have.
    fn settle(&mut self) -> &'static str {
        let running: Vec<(i64, i64)> =
            self.model.rows.iter().filter_map(|(id, row)| Some((*id, row.holder?.1))).collect();
        let mut settlements = Vec::new();
        for (id, lease) in running {
            if self.random.bool() {
                let lease = if self.random.u8(0..8) == 0 { lease ^ 1 } else { lease };
                settlements.push(Settlement::new(id, lease, some_outcome(&mut self.random)));
            }
        }
        let mut settled = settle(&mut self.conn, &settlements, History::Keep).expect("settle");
        settled.sort_by_key(|settled| settled.id);
        settlements.retain(|one| self.model.rows[&one.id].holder.is_some_and(|holder| holder.1 == one.lease));
        for one in &settlements {
            self.model.settle(one.id, &one.outcome);
        }
        let left = |id| Left::from(self.model.rows.get(&id).map(|row| row.state == JobState::Dead));
        let expected: Vec<_> = settlements.iter().map(|one| (one.id, left(one.id))).collect();
        assert_eq!(settled.iter().map(|one| (one.id, one.left)).collect::<Vec<_>>(), expected);
        "settle"
    }

    // As many as there is room for, the best by priority.
    fn admit(&mut self) -> &'static str {
        let name = format!("queue {}", self.random.u8(0..QUEUES));
        let of_queue = |model: &Model, states: &[JobState]| -> Vec<i64> {
            let inside = |row: &Row| row.queue.as_ref() == Some(&name) && states.contains(&row.state);
            model.rows.iter().filter(|(_, row)| inside(row)).map(|(id, _)| *id).collect()
        };
        let taken = of_queue(&self.model, &[JobState::Ready, JobState::Running]).len();
        let parked = of_queue(&self.model, &[JobState::Parked]);
        let room = if self.model.paused.contains(&name) { 0 } else { 1_usize.saturating_sub(taken) };
        let admission =
            admit::admit(&mut self.conn, slice::from_ref(&name), &[], &TASKS.map(String::from), None)
                .expect("admit");
        assert_eq!(admission.admitted, parked.len().min(room));
        let best = parked.iter().map(|id| self.model.rows[id].priority).min();
        let stored = stored_rows(&mut self.conn);
        let admitted: Vec<i64> = stored
            .iter()
            .filter(|(id, row)| parked.contains(id) && row.0 == "ready")
            .map(|(id, _)| *id)
            .collect();
        for id in admitted {
            let row = self.model.rows.get_mut(&id).expect("an admitted job is known");
            assert_eq!(Some(row.priority), best);
            row.state = JobState::Ready;
        }
        "admit"
    }

    // What was let through and not claimed goes back behind the gate of a paused queue.
    fn pause_or_resume(&mut self) -> &'static str {
        let name = format!("queue {}", self.random.u8(0..QUEUES));
        if self.model.paused.remove(&name) {
            assert!(queues::resume(&mut self.conn, &name).expect("resume"));
            return "resume";
        }
        assert!(queues::pause(&mut self.conn, &name).expect("pause"));
        self.model.paused.insert(name.clone());
        let rows = self.model.rows.values_mut();
        rows.filter(|row| row.state == JobState::Ready && row.queue.as_ref() == Some(&name))
            .for_each(|row| row.state = JobState::Parked);
        "pause"
    }

    fn let_time_pass(&mut self) -> &'static str {
        self.conn
            .batch_execute(
                "UPDATE mainspring.jobs SET run_at = '2020-01-01 00:00:00+00' WHERE state = 'scheduled'",
            )
            .expect("let time pass");
        admit::promote(&mut self.conn, 1_000, admit::Due::All).expect("promote");
        for row in self.model.rows.values_mut().filter(|row| row.state == JobState::Scheduled) {
            (row.run_at, row.late) = (Some(early()), false);
            row.state = if row.queue.is_some() { JobState::Parked } else { JobState::Ready };
        }
        "time passes"
    }

    fn lose_a_worker(&mut self) -> &'static str {
        let [lost, other] = self.workers;
        if self.model.makes_suspects(lost) {
            return "no rescue";
        }
        self.conn
            .batch_execute(&format!(
                "UPDATE mainspring.workers SET steady_since = '2020-01-01 00:00:00+00'; \
                 UPDATE mainspring.workers SET heartbeat_at = '2020-01-01 00:00:00+00' WHERE id = {lost}"
            ))
            .expect("lose a worker");
        let rescued = rescue(&mut self.conn, other).expect("rescue").jobs;
        assert_eq!(rescued.len() as i64, self.model.rescue(lost));
        self.workers = [other, new_worker(&mut self.conn)];
        "rescue"
    }

    fn release_a_worker(&mut self) -> &'static str {
        let [gone, other] = self.workers;
        if self.model.makes_suspects(gone) {
            return "no release";
        }
        let released = workers::release(&mut self.conn, &[gone]).expect("release");
        assert_eq!((released[0].result, released[0].jobs), (ActResult::Released, self.model.rescue(gone)));
        self.workers = [other, new_worker(&mut self.conn)];
        "release"
    }

    // A few ids, unknown ones among them, in the order of ids, in which they are locked.
    fn some_ids(&mut self) -> Vec<i64> {
        let known: Vec<i64> = self.model.rows.keys().copied().collect();
        let mut ids: Vec<i64> = known.into_iter().filter(|_| self.random.u8(0..5) == 0).collect();
        ids.push(1_000_000 + self.random.i64(0..9));
        ids
    }

    fn by_hand(
        &mut self,
        name: &'static str,
        act: impl Fn(&mut PgConnection, &[i64]) -> Result<Vec<JobAct>, StoreError>,
        expected: impl Fn(&mut Model, i64) -> ActResult,
    ) -> &'static str {
        let ids = self.some_ids();
        let acts = act(&mut self.conn, &ids).expect(name);
        let expected = ids.iter().map(|id| JobAct { id: *id, result: expected(&mut self.model, *id) });
        assert_eq!(acts, expected.collect::<Vec<_>>());
        name
    }

    fn reschedule(&mut self) -> &'static str {
        let is_late = self.random.bool().then(|| self.random.bool());
        let changes = Reschedule {
            run_at: is_late.map(|is_late| if is_late { late() } else { early() }),
            priority: self.random.bool().then(|| self.random.i16(-2..3)),
            attempts: self.random.bool().then(|| self.random.i16(0..3)),
            max_attempts: self.random.bool().then(|| self.random.i16(1..4)),
        };
        let given = changes.clone();
        self.by_hand(
            "reschedule",
            move |conn, ids| jobs::reschedule(conn, ids, &changes),
            move |model, id| model.reschedule(id, &given, is_late),
        )
    }

    pub(super) fn compare(&mut self) {
        let stored = stored_rows(&mut self.conn);
        let expected: Vec<_> = self.model.rows.iter().map(|(id, row)| (*id, facts(row))).collect();
        let without_unknown = |(place, (id, mut row)): (usize, (i64, Facts))| {
            if expected.get(place).is_some_and(|expected| expected.1.1.is_none()) {
                row.1 = None;
            }
            (id, row)
        };
        let stored: Vec<_> = stored.into_iter().enumerate().map(without_unknown).collect();
        assert_eq!(stored, expected);
        let ended = Statement::<(BigInt, BigInt)>::new(
            "SELECT count(*) FILTER (WHERE outcome = 'succeeded'), count(*) FILTER (WHERE outcome = 'cancelled') \
             FROM mainspring.history",
        );
        let ended: (i64, i64) = ended.get_result(&mut self.conn).expect("count the history");
        assert_eq!(ended, (self.model.succeeded, self.model.cancelled));
    }
}

//! A verb for one job, a few jobs, or one of anything else reads as much of large tables as of small ones. That holds on
//! our own connections, whose planner settings leave little choice, and on the application's, with the server's settings.
//! A verb that reads a whole table is documented as such, and is not tested here.

use std::time::Duration;

use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use serde_json::json;

use super::{TestDatabase, cost_of};
use crate::config::Config;
use crate::cron::{Crontab, Watch};
use crate::job::{JobOptions, KeyMode, NewJob};
use crate::lifecycle::{History, JobState, Outcome};
use crate::schedule::{NewSchedule, Overlap, ScheduleChanges};
use crate::store::claim::fetch_payloads;
use crate::store::enqueue::{enqueue, remove};
use crate::store::jobs::{JobFilter, get as find_job, list as list_jobs, payload};
use crate::store::progress::{Progress, write_progress};
use crate::store::queues::{self, QueueSettings};
use crate::store::schedules::{self, ScheduleFilter, Which, fire_due, look, plan_marked, register_lines};
use crate::store::settle::{Settlement, complete, leased_to, reclaim_lease, settle, settle_free};
use crate::store::start::{Starter, start};
use crate::store::{claimability, connector, jobs, presence, retention, workers};

const WORKER: i32 = 900;
const DAY: Duration = Duration::from_secs(86_400);

// Of everything a little, and what each verb finds.
const FEW: &str = "SELECT mainspring.prepare_history(); DO $$ DECLARE t regclass; BEGIN \
        FOR t IN SELECT oid FROM pg_class WHERE relnamespace = 'mainspring'::regnamespace AND relkind = 'r' LOOP \
            EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = off)', t); END LOOP; END $$; \
    INSERT INTO mainspring.workers (id, name, tasks, timeout) OVERRIDING SYSTEM VALUE \
        VALUES (900, 'me', '{a}', interval '1 hour'), (901, 'other', '{a}', interval '1 hour'); \
    INSERT INTO mainspring.jobs (task, run_at, state, key, updated_at) VALUES \
        ('a', mainspring.now(), 'ready', 'waits', mainspring.now()), ('a', mainspring.now() + interval '1 day', 'scheduled', 'waits long', mainspring.now()), \
        ('a', mainspring.now(), 'dead', 'is dead', mainspring.now() - interval '9 days'); \
    INSERT INTO mainspring.queues (name) VALUES ('known')";

// Dead jobs come first, and so lie on pages of their own: a list by key reads all of them.
const MANY: &str = "INSERT INTO mainspring.jobs (task, run_at, state, key) SELECT 'a', mainspring.now(), 'dead', 'dead ' || n \
        FROM generate_series(1, 1500) AS n; \
    INSERT INTO mainspring.jobs (task, run_at, state, key) SELECT 'a', mainspring.now() - interval '1 day', 'ready', \
        CASE WHEN n % 2 = 0 THEN 'ready ' || n END FROM generate_series(1, 30000) AS n; \
    INSERT INTO mainspring.jobs (task, run_at, state, key) SELECT 'a', mainspring.now() + interval '1 day', 'scheduled', 'later ' || n \
        FROM generate_series(1, 20000) AS n; \
    INSERT INTO mainspring.jobs (task, run_at, state, queue) SELECT 'a', mainspring.now(), 'parked', 'queue ' || n % 10000 \
        FROM generate_series(1, 20000) AS n; \
    INSERT INTO mainspring.jobs (task, run_at, state, flags) SELECT 'a', mainspring.now(), 'ready', ARRAY['f'] \
        FROM generate_series(1, 10000) AS n; \
    INSERT INTO mainspring.jobs (task, run_at, state, attempts, lease, worker_id, locked_at) \
        SELECT 'a', mainspring.now(), 'running', 1, n, 901, mainspring.now() FROM generate_series(1, 20000) AS n; \
    INSERT INTO mainspring.queues (name, concurrency) SELECT 'queue ' || n, 2 FROM generate_series(1, 20000) AS n; \
    INSERT INTO mainspring.schedules (owner, name, task, expression, zone, payload, priority, max_attempts, overlap, catch_up, \
            jitter_seconds, paused) \
        SELECT 'code', 'line ' || n, 'a', '0 0 1 1 *', 'UTC', '{}', 0, 25, 'allow', 1, 0, false \
        FROM generate_series(1, 20000) AS n; \
    INSERT INTO mainspring.schedules (name, task, expression, zone, payload, priority, max_attempts, overlap, catch_up, \
            jitter_seconds, paused, next_fire_at) \
        SELECT 'schedule ' || n, 'a', '0 0 1 1 *', 'UTC', '{}', 0, 25, 'allow', 1, 0, false, mainspring.now() + interval '1 day' \
        FROM generate_series(1, 20000) AS n; \
    INSERT INTO mainspring.schedule_fires (schedule, due_at, outcome, triggered) \
        SELECT 'schedule ' || n, mainspring.now(), 'missed', false FROM generate_series(1, 20000) AS n; \
    INSERT INTO mainspring.history (finished_at, started_at, created_at, run_at, id, worker_id, priority, attempts, outcome, task) \
        SELECT mainspring.now() - n * interval '1 second', mainspring.now(), mainspring.now(), mainspring.now(), n, 1, 0, 1, 'succeeded', 'a' \
        FROM generate_series(1, 20000) AS n";

type Verb = (&'static str, fn(&mut PgConnection));

// What only the scheduler does, on its own connections.
const OURS: &[Verb] = &[
    ("succeed", |conn| ended(conn, Outcome::Succeeded, History::Skip)),
    ("succeed, with history", |conn| ended(conn, Outcome::Succeeded, History::Keep)),
    ("fail", |conn| {
        let delay = Duration::from_secs(9);
        ended(conn, Outcome::Failed { error: "boom".into(), delay, payload: None }, History::Keep);
    }),
    ("come back untouched", |conn| ended(conn, Outcome::Untouched, History::Keep)),
    ("settle what is free", |conn| {
        let outcomes = settlements(&running(conn, 5), &Outcome::Succeeded);
        assert_eq!(settle_free(conn, &outcomes, History::Keep).unwrap().0.len(), 5);
    }),
    ("take back a lease", |conn| {
        running(conn, 5);
        assert_eq!(reclaim_lease(conn, &[WORKER], 77, History::Skip).unwrap().jobs, 5);
    }),
    ("look at what is leased", |conn| {
        running(conn, 5);
        assert_eq!(leased_to(conn, &[WORKER], 0).unwrap().len(), 5);
    }),
    ("fetch payloads", |conn| {
        let ids = running(conn, 5);
        assert_eq!(fetch_payloads(conn, &ids, 77, 1_000_000).unwrap().len(), 5);
    }),
    ("write progress", |conn| {
        let news = |id| Progress { id, lease: 77, percent: 50, note: "half".into() };
        let news: Vec<Progress> = running(conn, 5).into_iter().map(news).collect();
        write_progress(conn, &news).unwrap();
    }),
    ("beat", |conn| {
        let beat = |conn: &mut PgConnection, number, row_at: Option<&str>| match presence::beat(
            conn,
            presence::Beat { worker_id: WORKER, origin: 0, number, problems: &[], row_at },
        ) {
            Ok(presence::Heartbeat::Alive { row_at, .. }) => row_at,
            other => panic!("{other:?}"),
        };
        let row_at = beat(conn, 1, None);
        beat(conn, 2, Some(&row_at));
    }),
    ("look for lost workers", |conn| assert!(presence::others(conn, WORKER).unwrap().next_loss.is_some())),
    ("rescue nobody", |conn| assert_eq!(presence::rescue(conn, WORKER).unwrap(), Default::default())),
    ("find no orphan", |conn| assert_eq!(presence::find_orphans(conn).unwrap(), [])),
    ("rescue no orphan", |conn| assert_eq!(presence::rescue_orphans(conn, &[(1, 1)]).unwrap().jobs, 0)),
    ("look for cancelled attempts", |conn| {
        assert_eq!(presence::cancelled_attempts(conn, WORKER).unwrap(), []);
    }),
    ("leave", |conn| assert!(presence::unregister(conn, WORKER, 0, presence::JobsLeft::Possible).unwrap())),
    ("claimability", |conn| {
        assert_eq!(claimability::claimability(conn, &[], &[]).unwrap().paused, Default::default())
    }),
    ("register lines of the crontab", |conn| {
        let lines = Crontab::parse("0 3 * * * a ?id=nightly").unwrap().entries;
        let names = ["nightly".to_owned()];
        let worker = presence::register(
            conn,
            presence::NewWorker {
                name: "w",
                lines: &names,
                timeout: Duration::from_secs(30),
                origin: 1,
                ..presence::NewWorker::default()
            },
        )
        .unwrap();
        assert_eq!(register_lines(conn, worker, &lines, Duration::ZERO).unwrap(), []);
        assert_eq!(plan_marked(conn, &names, &[], 10).unwrap().count, 1);
    }),
    ("plan a schedule", |conn| {
        schedules::create(conn, &hourly()).unwrap();
        assert_eq!(plan_marked(conn, &[], &[], 10).unwrap().count, 1);
        assert!(look(conn, &[], &[]).unwrap().until_next.is_some());
    }),
    ("fire a schedule", |conn| {
        schedules::create(conn, &hourly()).unwrap();
        plan_marked(conn, &[], &[], 10).unwrap();
        conn.batch_execute(
            "UPDATE mainspring.schedules SET next_fire_at = mainspring.now() WHERE owner = 'people' AND name = 'hourly'",
        )
        .unwrap();
        let fired = fire_due(conn, &[], Which::Now { except: &[] }, &Watch::default(), 10).unwrap();
        assert_eq!(fired.fires.len(), 1);
        assert_eq!(schedules::fires(conn, "hourly", 10).unwrap().len(), 1);
    }),
    ("forget old fires", |conn| assert_eq!(retention::delete_fires(conn, DAY, 100).unwrap().done, 0)),
];

// What an application does too, in its transactions.
const ANYONES: &[Verb] = &[
    ("add one", |conn| assert_eq!(add(conn, &[None]).len(), 1)),
    ("add ten", |conn| assert_eq!(add(conn, &[None; 10]).len(), 10)),
    ("add one with a new key", |conn| assert_eq!(add(conn, &[Some("new")]).len(), 1)),
    ("add five with keys, new and taken", |conn| {
        add(conn, &[Some("new"), None, Some("waits"), Some("newer"), Some("is dead")]);
    }),
    ("replace one by its key", |conn| assert_eq!(add(conn, &[Some("waits")]).len(), 1)),
    ("append to a batch", |conn| {
        let entry = || with_key("batch", KeyMode::Replace, json!([1]));
        let first = enqueue(conn, &[entry()]).unwrap();
        assert_eq!(enqueue(conn, &[entry()]).unwrap()[0].id, first[0].id);
    }),
    ("leave one to its key", |conn| {
        enqueue(conn, &[with_key("waits long", KeyMode::UnsafeDedupe, json!({}))]).unwrap();
    }),
    ("take the key of one that runs", |conn| {
        let id = running(conn, 1)[0];
        conn.batch_execute(&format!("UPDATE mainspring.jobs SET key = 'runs' WHERE id = {id}")).unwrap();
        add(conn, &[Some("runs")]);
    }),
    ("remove by key", |conn| assert!(remove(conn, "waits").unwrap().is_some())),
    ("add by SQL", |conn| {
        conn.batch_execute("SELECT mainspring.add_job('a', key => 'waits'), mainspring.add_job('a')")
            .unwrap();
    }),
    ("add several by SQL", |conn| {
        conn.batch_execute(
            "SELECT mainspring.add_jobs('[{\"task\": \"a\"}, {\"task\": \"a\", \"key\": \"waits\"}]')",
        )
        .unwrap();
    }),
    ("change, trigger and delete a schedule", |conn| {
        schedules::create(conn, &hourly()).unwrap();
        schedules::update(conn, "hourly", &ScheduleChanges::new().priority(3)).unwrap();
        schedules::trigger(conn, "hourly").unwrap();
        assert!(schedules::get(conn, "hourly").unwrap().is_some());
        schedules::delete(conn, "hourly").unwrap();
    }),
    ("succeed within a transaction", |conn| {
        let ids = running(conn, 2);
        assert!(
            complete(conn, (ids[0], 77), History::Keep).unwrap()
                && complete(conn, (ids[1], 77), History::Skip).unwrap()
        );
    }),
    ("cancel", |conn| {
        let ids = three(conn);
        done(&jobs::cancel(conn, &ids, None).unwrap());
    }),
    ("cancel what runs", |conn| {
        let ids = running(conn, 3);
        done(&jobs::cancel(conn, &ids, None).unwrap());
    }),
    ("complete", |conn| {
        let ids = three(conn);
        done(&jobs::complete(conn, &ids, None).unwrap());
    }),
    ("fail, and retry", |conn| {
        let ids = three(conn);
        done(&jobs::fail(conn, &ids, None).unwrap());
        done(&jobs::retry(conn, &ids, None).unwrap());
    }),
    ("reschedule", |conn| {
        let ids = three(conn);
        let changes = jobs::Reschedule { priority: Some(4), ..jobs::Reschedule::default() };
        done(&jobs::reschedule(conn, &ids, &changes).unwrap());
    }),
    ("delete", |conn| {
        let ids = three(conn);
        done(&jobs::delete(conn, &ids).unwrap());
    }),
    ("release a worker", |conn| {
        running(conn, 3);
        assert_eq!(workers::release(conn, &[WORKER]).unwrap()[0].jobs, 3);
    }),
    ("delete what died long ago", |conn| {
        assert_eq!(retention::delete_dead(conn, DAY, 100).unwrap().done, 1);
    }),
    ("set, pause, resume and remove a queue", |conn| {
        queues::set(conn, "known", &QueueSettings::concurrency(3)).unwrap();
        assert!(queues::pause(conn, "known").unwrap());
        assert!(queues::resume(conn, "known").unwrap());
        assert!(queues::remove(conn, "known").unwrap());
    }),
];

// Plain queries, for which the application's planner is answerable.
const LOOKS: &[Verb] = &[
    ("list a page of schedules", |conn| {
        schedules::list(conn, &ScheduleFilter { limit: 5, ..ScheduleFilter::default() }).unwrap();
    }),
    ("find a job", |conn| {
        let ids = three(conn);
        assert!(find_job(conn, ids[0]).unwrap().is_some());
        assert!(payload(conn, ids[0]).unwrap().is_some());
    }),
    ("list jobs", |conn| listed(conn, JobFilter::default())),
    ("list jobs by state", |conn| {
        listed(conn, JobFilter { state: JobState::Dead.into(), ..JobFilter::default() })
    }),
    ("list jobs by key", |conn| {
        listed(conn, JobFilter { key: Some("waits long".into()), ..JobFilter::default() })
    }),
];

fn with_key(key: &str, key_mode: KeyMode, payload: serde_json::Value) -> NewJob {
    let options = JobOptions { key: Some(key.into()), key_mode, ..JobOptions::default() };
    NewJob::new("a", &payload).with_options(options)
}

fn add(conn: &mut PgConnection, keys: &[Option<&str>]) -> Vec<i64> {
    let job = |key: &Option<&str>| match key {
        Some(key) => with_key(key, KeyMode::Replace, json!({})),
        None => NewJob::new("a", &json!({})),
    };
    let jobs: Vec<NewJob> = keys.iter().map(job).collect();
    enqueue(conn, &jobs).unwrap().into_iter().map(|added| added.id).collect()
}

fn three(conn: &mut PgConnection) -> Vec<i64> {
    add(conn, &[None, Some("first"), Some("second")])
}

// Jobs that run under lease 77.
fn running(conn: &mut PgConnection, jobs: usize) -> Vec<i64> {
    let jobs = vec![NewJob::new("a", &json!({})); jobs];
    let started = start(conn, Starter { worker_id: WORKER, lease: 77 }, &jobs).unwrap();
    started.into_iter().map(|job| job.id).collect()
}

fn settlements(ids: &[i64], outcome: &Outcome) -> Vec<Settlement> {
    ids.iter().map(|&id| Settlement::new(id, 77, outcome.clone())).collect()
}

fn ended(conn: &mut PgConnection, outcome: Outcome, history: History) {
    let outcomes = settlements(&running(conn, 5), &outcome);
    assert_eq!(settle(conn, &outcomes, history).unwrap().len(), 5);
}

fn done(acts: &[jobs::JobAct]) {
    assert!(acts.len() == 3 && acts.iter().all(|act| act.result.was_done()), "{acts:?}");
}

fn listed(conn: &mut PgConnection, filter: JobFilter) {
    assert!(!list_jobs(conn, &JobFilter { limit: 1, ..filter }).unwrap().is_empty());
}

fn hourly() -> NewSchedule {
    NewSchedule::new("hourly", "a", "0 * * * *").overlap(Overlap::Replace)
}

// Enough for the server to settle on plans that serve for any values.
const PREPARED: usize = 7;

/// When the costs of statements are to be as they were.
#[derive(PartialEq)]
enum Hold {
    /// Also with plans of the time when the tables were small.
    Always,
    OnceAnalyzed,
}

/// Verbs on one of two connections, and what each has cost in small tables.
struct Group {
    whose: &'static str,
    verbs: &'static [Verb],
    hold: Hold,
    before: Vec<i64>,
}

impl Group {
    fn new(whose: &'static str, verbs: &'static [Verb]) -> Self {
        Self { whose, verbs, hold: Hold::Always, before: Vec::new() }
    }

    fn costs(&self, [ours, application]: &mut [PgConnection; 2]) -> Vec<i64> {
        let conn = if self.whose == "ours" { ours } else { application };
        self.verbs.iter().map(|(_, act)| cost_of(conn, act)).collect()
    }

    // What has grown.
    fn compare(&self, after: Vec<i64>, plans: &str) -> Vec<String> {
        let mut grown = Vec::new();
        for ((verb, before), after) in self.verbs.iter().map(|verb| verb.0).zip(&self.before).zip(after) {
            let told = format!("{verb}, on {}, {plans} plans: {before} blocks, then {after}", self.whose);
            eprintln!("{told}");
            // Larger indexes are a level or two higher, for each row that is written and each range that is looked for.
            if after > before * 2 + 80 {
                grown.push(told);
            }
        }
        grown
    }
}

#[test]
fn nothing_that_is_done_to_a_few_reads_more_where_there_are_many() {
    let database = TestDatabase::new();
    let connections =
        &mut [connector::connect_directly(&Config::new(database.url())).unwrap(), database.connection()];
    let mut filling = database.connection();
    filling.batch_execute(FEW).unwrap();
    let mut groups = [
        Group::new("ours", OURS),
        Group::new("ours", ANYONES),
        Group::new("ours", LOOKS),
        Group::new("the application's", ANYONES),
        Group { hold: Hold::OnceAnalyzed, ..Group::new("the application's", LOOKS) },
    ];
    for group in &mut groups {
        // What the server learns from tables with a few rows decides plans that it then keeps.
        filling.batch_execute("VACUUM ANALYZE").unwrap();
        group.before = (0..PREPARED).map(|_| group.costs(connections)).last().unwrap();
    }
    filling.batch_execute(MANY).unwrap();
    let mut grown = Vec::new();
    for group in groups.iter().filter(|group| group.hold == Hold::Always) {
        grown.extend(group.compare(group.costs(connections), "old"));
    }
    filling.batch_execute("VACUUM ANALYZE").unwrap();
    for group in &groups {
        grown.extend(group.compare(group.costs(connections), "new"));
    }
    assert!(grown.is_empty(), "{}", grown.join("\n"));
}

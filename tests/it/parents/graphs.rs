//! Random graphs of jobs with random endings, run by two schedulers at once, against a model of what may happen.

use std::collections::BTreeMap;

use diesel::connection::SimpleConnection;
use diesel::sql_types::{BigInt, Text, Timestamptz};
use diesel::{QueryableByName, RunQueryDsl, sql_query};
use mainspring::{OnFailure, Wait};

use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::schedulers::{SLOW_POLL, scheduler};
use crate::support::waiting::until;

const JOBS: usize = 150;

const ACTS: [&str; 8] = ["discard", "cancel", "go", "go", "go", "go", "go", "go"];

/// One job of a graph: its act, and the places of its parents.
pub(super) struct Node {
    pub(super) act: &'static str,
    pub(super) parents: BTreeMap<usize, OnFailure>,
}

impl Node {
    /// Whether it has a parent with that rule which did not succeed.
    pub(super) fn has_failed_parent(&self, places: &[&str], rule: OnFailure) -> bool {
        let failed = |place: &usize| matches!(places[*place], "dead" | "cancelled");
        self.parents.iter().any(|(place, own)| *own == rule && failed(place))
    }
}

pub(super) fn random_graph(random: &mut fastrand::Rng, acts: &[&'static str]) -> Vec<Node> {
    let node = |place: usize, random: &mut fastrand::Rng| {
        let parents = (0..random.usize(..4).min(place)).map(|_| {
            let on_failure = [OnFailure::Hold, OnFailure::Cancel, OnFailure::Run][random.usize(..3)];
            (random.usize(..place), on_failure)
        });
        let parents = parents.collect();
        Node { act: acts[random.usize(..acts.len())], parents }
    };
    (0..JOBS).map(|place| node(place, random)).collect()
}

/// How each job ends, or `waiting` for ever.
pub(super) fn expected(graph: &[Node]) -> Vec<&'static str> {
    let mut places: Vec<&'static str> = Vec::new();
    for node in graph {
        let ends = |rule| node.has_failed_parent(&places, rule);
        let open = node.parents.keys().any(|place| places[*place] == "waiting");
        places.push(match node.act {
            _ if ends(OnFailure::Cancel) => "cancelled",
            _ if open || ends(OnFailure::Hold) => "waiting",
            "discard" => "dead",
            "cancel" => "cancelled",
            _ => "succeeded",
        });
    }
    places
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    place: String,
    #[diesel(sql_type = Timestamptz)]
    began: chrono::DateTime<chrono::Utc>,
    #[diesel(sql_type = Timestamptz)]
    ended: chrono::DateTime<chrono::Utc>,
}

const FOUND: &str = "SELECT id, state::text AS place, updated_at AS began, updated_at AS ended FROM mainspring.jobs UNION ALL \
    SELECT id, outcome, coalesce(started_at, finished_at), finished_at FROM mainspring.history";

fn found(database: &TestDatabase) -> BTreeMap<i64, Found> {
    let rows: Vec<Found> = sql_query(FOUND).load(&mut database.connection()).unwrap();
    rows.into_iter().map(|row| (row.id, row)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_job_of_a_random_graph_ends_as_its_parents_let_it() {
    let database = TestDatabase::new();
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    let (one, _started) = scheduler(&database);
    let (two, _started_too) = scheduler(&database);
    let one = one.poll_interval(SLOW_POLL).start().await.unwrap();
    let two = two.poll_interval(SLOW_POLL).start().await.unwrap();
    for _ in 0..3 {
        let graph = random_graph(&mut random, &ACTS);
        let conn = &mut database.connection();
        let mut ids: Vec<i64> = Vec::new();
        conn.batch_execute("TRUNCATE mainspring.jobs, mainspring.waits, mainspring.history; BEGIN").unwrap();
        for node in &graph {
            let waits = node.parents.iter().map(|(place, own)| Wait::job(ids[*place]).on_failure(*own));
            ids.push(act(node.act).after_all(waits).insert(conn).unwrap());
        }
        conn.batch_execute("COMMIT").unwrap();
        let places = expected(&graph);
        let waiting = places.iter().filter(|place| **place == "waiting").count();
        let moving = "mainspring.jobs WHERE state NOT IN ('dead', 'waiting')";
        until(&database, "mainspring.jobs WHERE state = 'waiting'", waiting as i64).await;
        until(&database, moving, 0).await;
        until(&database, "mainspring.wait_events", 0).await;
        assert_ended(&database, &graph, &ids, &format!("seed {seed}"));
    }
    one.stop().await;
    two.stop().await;
}

/// Asserts that each job has ended as the model has it, and began when its parents had ended.
pub(super) fn assert_ended(database: &TestDatabase, graph: &[Node], ids: &[i64], run: &str) {
    let (places, found) = (expected(graph), found(database));
    for (place, node) in graph.iter().enumerate() {
        let own = &found[&ids[place]];
        assert_eq!(own.place, places[place], "{run}, job {place}");
        for parent in node.parents.keys().filter(|_| places[place] == "succeeded") {
            assert!(own.began >= found[&ids[*parent]].ended, "{run}, job {place} before {parent}");
        }
    }
}

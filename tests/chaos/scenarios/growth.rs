//! Nothing grows: not by starts and stops, not by jobs, not by time.

use std::time::{Duration, Instant};

use diesel::sql_types::BigInt;
use diesel::{QueryableByName, RunQueryDsl, sql_query};
use mainspring::{NewJob, jobs};

use super::{Plan, Scenario};
use crate::checker::Figure;
use crate::fleet::Member;
use crate::growth::{self, sample_process, sample_server};
use crate::role::Role;
use crate::stage::Stage;
use crate::trouble::Outcome;
use crate::workload::{BARE, Kind};

pub(super) const SCENARIOS: [Scenario; 3] = [
    Scenario::new("growth-restarts", Figure::Growth, 0.0, 120, Plan::Own(restarts))
        .about("one process starts and stops a scheduler, over and over")
        .short(20)
        .load(&[Kind::Plain], 1.0),
    Scenario::new("growth-load", Figure::Growth, 0.0, 300, Plan::Own(load))
        .about("mixed load, without a fault"),
    Scenario::new("growth-flood", Figure::Growth, 0.0, 300, Plan::Own(flood))
        .about("as many jobs as the fleet can run, without a fault")
        .load(&[Kind::Plain], 1.0),
];

const EVERY: Duration = Duration::from_secs(1);
/// How many jobs wait at least, and how many are added at once.
const FLOOD: i64 = 5_000;

#[derive(QueryableByName)]
struct Waiting {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

fn restarts(stage: &mut Stage) -> Outcome<()> {
    growth::begin(&stage.server)?;
    let mut orders = stage.fleet[0].orders.clone();
    (orders.role, orders.name, orders.url) = (Role::Restarting, "restarting".into(), stage.server.url());
    let mut restarting = Member::new(orders, None, &stage.record);
    restarting.start()?;
    let end = Instant::now() + stage.time;
    while Instant::now() < end {
        sample_server(&stage.record, &stage.server)?;
        stage.wait(EVERY)?;
    }
    restarting.terminate();
    restarting.leave(Duration::from_secs(30));
    Ok(())
}

fn load(stage: &mut Stage) -> Outcome<()> {
    growth::begin(&stage.server)?;
    let end = Instant::now() + stage.time;
    while Instant::now() < end {
        sample(stage)?;
        stage.wait(EVERY)?;
    }
    Ok(())
}

fn flood(stage: &mut Stage) -> Outcome<()> {
    growth::begin(&stage.server)?;
    let end = Instant::now() + stage.time;
    let mut conn = stage.server.connect()?;
    let mut sampled = Instant::now();
    let batch: Vec<NewJob> = (0..FLOOD).map(|_| NewJob::new(BARE, &serde_json::json!({}))).collect();
    while Instant::now() < end {
        let waiting = format!("SELECT count(*) FROM mainspring.jobs WHERE task = '{BARE}'");
        let waiting: Waiting = sql_query(waiting).get_result(&mut conn)?;
        if waiting.count < FLOOD {
            jobs::insert_many(&mut conn, &batch)?;
        }
        if sampled.elapsed() >= EVERY {
            sampled = Instant::now();
            sample(stage)?;
        }
        stage.wait(Duration::from_millis(100))?;
    }
    Ok(())
}

fn sample(stage: &Stage) -> Outcome<()> {
    for member in &stage.fleet {
        sample_process(&stage.record, &member.orders.name, member.pid());
    }
    sample_server(&stage.record, &stage.server)
}

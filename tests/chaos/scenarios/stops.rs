//! Processes are told to stop: under load, idle, and while the server cannot be reached.

use std::time::Duration;

use super::{Plan, Scenario, hold_jobs};
use crate::checker::Figure;
use crate::fault::Fault;
use crate::stage::Stage;
use crate::trouble::Outcome;
use crate::workload::Kind;

pub(super) const SCENARIOS: [Scenario; 7] = [
    Scenario::new("stop-load", Figure::Stop, 6.0, 10, Plan::Own(under_load))
        .about("SIGTERM under load, with jobs that outlast the grace period of 5 s")
        .short(1),
    Scenario::new("stop-idle", Figure::Stop, 1.0, 10, Plan::Own(idle))
        .about("SIGTERM to idle processes")
        .load(&[Kind::Plain], 0.5),
    Scenario::new("stop-refused", Figure::Stop, 6.0, 10, Plan::Own(|stage| during(stage, Fault::RefuseAll)))
        .about("SIGTERM while the server refuses connections; the grace period is 5 s"),
    Scenario::new("stop-black-hole", Figure::Stop, 6.0, 10, Plan::Own(|stage| during(stage, Fault::CutAll)))
        .about("SIGTERM while nothing passes to the server; the grace period is 5 s")
        .short(1),
    Scenario::new(
        "stop-frozen",
        Figure::Stop,
        6.0,
        10,
        Plan::Own(|stage| during(stage, Fault::FreezeServer)),
    )
    .about("SIGTERM while the server is stopped by SIGSTOP; the grace period is 5 s"),
    Scenario::new("stop-locked", Figure::Stop, 6.0, 10, Plan::Own(|stage| during(stage, Fault::LockJobs)))
        .about("SIGTERM while a transaction locks the table of jobs; the grace period is 5 s"),
    Scenario::new("rolling-deploy", Figure::Spent, 0.0, 30, Plan::Own(rolling))
        .about("one worker after the other is stopped by SIGTERM and replaced")
        .grace(8),
];

/// No scenario wants a stop to take so long.
const LIMIT: Duration = Duration::from_secs(60);

fn stop_workers(stage: &mut Stage) {
    for place in stage.workers() {
        stage.fleet[place].terminate();
    }
    for place in stage.workers() {
        stage.fleet[place].leave(LIMIT);
    }
}

fn start_workers(stage: &mut Stage) -> Outcome<()> {
    stage.workers().into_iter().try_for_each(|place| stage.fleet[place].start())
}

fn under_load(stage: &mut Stage) -> Outcome<()> {
    hold_jobs(stage, 10)?;
    stop_workers(stage);
    start_workers(stage)
}

fn idle(stage: &mut Stage) -> Outcome<()> {
    stop_workers(stage);
    start_workers(stage)
}

fn during(stage: &mut Stage, fault: Fault) -> Outcome<()> {
    hold_jobs(stage, 10)?;
    let broken = fault.begin(stage)?;
    stage.wait(Duration::from_secs(1))?;
    stop_workers(stage);
    broken.mend(stage)?;
    start_workers(stage)
}

fn rolling(stage: &mut Stage) -> Outcome<()> {
    let end = std::time::Instant::now() + stage.time;
    while std::time::Instant::now() < end {
        for place in stage.workers() {
            stage.fleet[place].terminate();
            stage.fleet[place].leave(LIMIT);
            stage.fleet[place].start()?;
            stage.wait(Duration::from_secs(1))?;
        }
    }
    Ok(())
}

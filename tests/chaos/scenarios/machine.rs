//! Processes of the fleet are killed, paused, and given a wrong clock.

use std::path::Path;
use std::time::Duration;

use super::{LEASE, Plan, Scenario};
use crate::checker::Figure;
use crate::fault::Fault;
use crate::stage::Stage;
use crate::trouble::{Outcome, Trouble};

pub(super) const SCENARIOS: [Scenario; 6] = [
    Scenario::new("kill9", Figure::Rescue, 5.0, 20, Plan::Recurring(Fault::KillWorker, (300, 2000)))
        .about("a random worker is killed and started again, over and over")
        .short(8),
    Scenario::new("kill9-fleet", Figure::Rescue, 6.0, 15, Plan::Own(kill_fleet))
        .about("all workers are killed at once, and started again half a second later"),
    Scenario::new("kill9-shortest", Figure::Rescue, 2.0, 20, Plan::Recurring(Fault::KillWorker, (300, 2000)))
        .about("as kill9, with the shortest lease, 1.5 s")
        .lease(Duration::from_millis(1500)),
    Scenario::new("pause-short", Figure::Repeated, 0.0, 15, Plan::Own(pause_short))
        .about("a worker is stopped by SIGSTOP for less than half of the lease"),
    Scenario::new("pause-long", Figure::Rescue, 5.0, 20, Plan::Own(pause_long))
        .about("a worker is stopped by SIGSTOP for twice the lease")
        .short(10),
    Scenario::new("clock-ahead", Figure::CronGap, 3.0, 20, Plan::Own(clock_ahead))
        .about("the clock of one worker is an hour ahead"),
];

const FAKETIME: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/faketime/libfaketime.so.1",
];

fn kill_fleet(stage: &mut Stage) -> Outcome<()> {
    for _ in 0..stage.time.as_secs().div_ceil(10) {
        Fault::KillAllWorkers.last_for(stage, Duration::from_millis(500))?;
        stage.wait(Duration::from_secs(9))?;
    }
    Ok(())
}

fn pause_short(stage: &mut Stage) -> Outcome<()> {
    pauses(stage, LEASE * 2 / 5)
}

fn pause_long(stage: &mut Stage) -> Outcome<()> {
    super::hold_jobs(stage, stage.time.as_secs())?;
    pauses(stage, LEASE * 2)
}

fn pauses(stage: &mut Stage, length: Duration) -> Outcome<()> {
    let end = std::time::Instant::now() + stage.time;
    while std::time::Instant::now() < end {
        Fault::PauseWorker.last_for(stage, length)?;
        stage.wait(Duration::from_secs(1))?;
    }
    Ok(())
}

fn clock_ahead(stage: &mut Stage) -> Outcome<()> {
    let library = FAKETIME.into_iter().find(|path| Path::new(path).exists());
    let library = library.ok_or_else(|| Trouble::skip("libfaketime is not installed"))?;
    let place = stage.some_worker();
    stage.began("clock");
    let wrong = &mut stage.fleet[place];
    wrong.terminate();
    wrong.leave(Duration::from_secs(10));
    wrong.environment = vec![
        ("LD_PRELOAD", library.into()),
        ("FAKETIME", "+1h".into()),
        // Time that passes is right.
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
    ];
    wrong.start()?;
    stage.wait(stage.time)?;
    let wrong = &mut stage.fleet[place];
    wrong.terminate();
    wrong.leave(Duration::from_secs(10));
    wrong.environment.clear();
    wrong.start()
}

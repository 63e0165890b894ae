//! Handlers do what they must not: they panic, abort, overflow their stack, or block their thread.

use std::time::Duration;

use super::{Plan, Scenario};
use crate::checker::Figure;
use crate::stage::Stage;
use crate::trouble::Outcome;
use crate::workload::Kind;

pub(super) const SCENARIOS: [Scenario; 3] = [
    Scenario::new("panic", Figure::Spent, 0.0, 10, Plan::Own(|stage| poison(stage, &[Kind::Panicking])))
        .about("handlers panic"),
    Scenario::new(
        "abort",
        Figure::Spent,
        0.0,
        20,
        Plan::Own(|stage| poison(stage, &[Kind::Aborting, Kind::Overflowing])),
    )
    .about("handlers abort their process or overflow its stack")
    .short(4),
    Scenario::new("blocked", Figure::Wait, 1.0, 20, Plan::Own(blocked))
        .about("handlers block their thread for 10 s")
        .load(&[Kind::Plain], 20.0),
];

fn poison(stage: &mut Stage, kinds: &[Kind]) -> Outcome<()> {
    stage.began("poison");
    for kind in kinds.iter().cycle().take(4) {
        stage.add(*kind, 0)?;
        stage.wait(Duration::from_secs(1))?;
    }
    stage.wait(stage.time)
}

fn blocked(stage: &mut Stage) -> Outcome<()> {
    stage.began("blocked");
    for _ in 0..stage.time.as_secs() / 10 {
        (0..2).try_for_each(|_| stage.add(Kind::Blocking, 10))?;
        stage.wait(Duration::from_secs(10))?;
    }
    Ok(())
}

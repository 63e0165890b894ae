//! The primary is lost, and a standby takes its place: behind one address, or in a list of hosts.

use super::server::CRASH;
use super::{Path, Plan, Scenario};
use crate::checker::Figure;
use crate::fault::{lead_to, reset_all};
use crate::stage::Stage;
use crate::trouble::{Outcome, Trouble};

pub(super) const SCENARIOS: [Scenario; 3] = [
    Scenario::new("failover", Figure::BackEach, 3.0, 18, Plan::Own(failover))
        .about("the primary is killed, a standby promoted later; one address leads to the one and the other")
        .path(Path::ProxyWithStandby),
    Scenario::new("failover-hosts", Figure::BackEach, 3.0, 8, Plan::Own(failover))
        .about("the same with both hosts in the URL")
        .path(Path::Hosts),
    Scenario::new("read-only", Figure::BackEach, 3.0, 8, Plan::Own(read_only))
        .about("the address leads to a read-only server for a while; connections to it stay")
        .short(5)
        .path(Path::ProxyWithStandby),
];

fn failover(stage: &mut Stage) -> Outcome<()> {
    super::hold_jobs(stage, stage.time.as_secs() + 2)?;
    stage.began("primary killed");
    stage.server.stop(CRASH)?;
    stage.wait(stage.time)?;
    take_over(stage)
}

// Connections to the standby stay when the address leads to the primary again, as they do where the two have changed their roles.
fn read_only(stage: &mut Stage) -> Outcome<()> {
    super::hold_jobs(stage, stage.time.as_secs() + 2)?;
    stage.began("read only");
    lead_to(stage, standby(stage)?.address());
    reset_all(stage);
    stage.wait(stage.time)?;
    lead_to(stage, stage.server.address());
    stage.over("read only", None);
    Ok(())
}

fn standby(stage: &Stage) -> Outcome<&crate::server::Server> {
    stage.standby.as_ref().ok_or_else(|| Trouble::failed("there is no standby"))
}

/// Promotes the standby, which is the stage's server from now on. It was copied before the primary began to wait for a standby, so
/// it waits for none.
fn take_over(stage: &mut Stage) -> Outcome<()> {
    let standby = standby(stage)?;
    standby.promote()?;
    stage.over("primary killed", None);
    lead_to(stage, standby.address());
    reset_all(stage);
    let old = stage.standby.take().map(|standby| std::mem::replace(&mut stage.server, standby));
    drop(old);
    Ok(())
}

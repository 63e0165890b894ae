//! Failovers by Patroni: the leader is killed, changes its role, or is cut off from etcd. One failover after the other.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::{Path, Plan, Scenario};
use crate::checker::Figure;
use crate::clock::Moment;
use crate::patroni::{Address, Cluster, Replication};
use crate::proxy::Mode;
use crate::record::What;
use crate::stage::Stage;
use crate::trouble::{Outcome, Trouble};

const fn behind(address: Address) -> Path {
    Path::Patroni(address, Replication::Synchronous)
}

const fn lagging(address: Address) -> Path {
    Path::Patroni(address, Replication::Asynchronous)
}

const fn scenario(name: &'static str, play: fn(&mut Stage) -> Outcome<()>) -> Scenario {
    Scenario::new(name, Figure::BackEach, 3.0, 20, Plan::Own(play))
}

pub(super) const SCENARIOS: [Scenario; 11] = [
    scenario("patroni-kill-hosts", kill)
        .about("Patroni and the primary are killed; both hosts are in the URL")
        .path(behind(Address::Hosts)),
    scenario("patroni-kill-haproxy", kill)
        .about("the same with one address, which HAProxy leads to the primary")
        .path(behind(Address::HaProxy)),
    scenario("patroni-switch-hosts", switch_over)
        .about("a switchover by Patroni; both hosts are in the URL")
        .path(behind(Address::Hosts)),
    scenario("patroni-switch-haproxy", switch_over)
        .about("the same with HAProxy")
        .path(behind(Address::HaProxy)),
    scenario("patroni-cut-hosts", cut)
        .about("the leader is cut off from etcd; both hosts are in the URL")
        .path(behind(Address::Hosts)),
    scenario("patroni-cut-haproxy", cut).about("the same with HAProxy").path(behind(Address::HaProxy)),
    scenario("patroni-freeze-hosts", freeze)
        .about("Patroni and the primary are frozen, as a machine that is silent; both hosts are in the URL")
        .path(behind(Address::Hosts)),
    scenario("patroni-freeze-haproxy", freeze).about("the same with HAProxy").path(behind(Address::HaProxy)),
    scenario("patroni-gone", kill_patroni)
        .about("Patroni of the leader is killed and its server lives on; HAProxy")
        .path(behind(Address::HaProxy)),
    scenario("patroni-async-hosts", kill_behind)
        .about("the leader is killed while an asynchronous standby is a second behind; both hosts are in the URL")
        .path(lagging(Address::Hosts)),
    scenario("patroni-async-haproxy", kill_behind)
        .about("the same with HAProxy and a lease of 30 s, so that no job is interrupted")
        .path(lagging(Address::HaProxy))
        .lease(Duration::from_secs(30)),
];

/// How long a new primary may need: the leader's key has to expire, and a server to end.
const LIMIT: Duration = Duration::from_secs(60);
/// So long jobs run in each failover.
const HELD: u64 = 12;
/// Until everything is as before the failover.
const REST: Duration = Duration::from_secs(8);
const POLL: Duration = Duration::from_millis(10);
/// How much an asynchronous standby is behind.
const LAG: Duration = Duration::from_secs(1);

/// How the leader's place is emptied, and how the node comes back.
struct Loss {
    name: &'static str,
    old: Old,
    strike: fn(&mut Stage, usize) -> Outcome<()>,
    mend: fn(&mut Cluster, usize) -> Outcome<()>,
}

/// What may be left of the server that was the primary, when there is a new one.
#[derive(PartialEq, Eq)]
enum Old {
    NoPrimary,
    /// It accepts connections still, and nobody is led to it.
    Alone,
}

fn kill(stage: &mut Stage) -> Outcome<()> {
    let strike = |stage: &mut Stage, leader| {
        cluster(stage)?.kill(leader);
        Ok(())
    };
    failovers(stage, &Loss { name: "leader killed", old: Old::NoPrimary, strike, mend: Cluster::start })
}

fn switch_over(stage: &mut Stage) -> Outcome<()> {
    let strike = |stage: &mut Stage, leader| {
        cluster(stage)?.switch_over(leader);
        Ok(())
    };
    failovers(stage, &Loss { name: "switchover", old: Old::NoPrimary, strike, mend: |_, _| Ok(()) })
}

fn cut(stage: &mut Stage) -> Outcome<()> {
    let strike = |stage: &mut Stage, leader| {
        let mode = if stage.random.bool() { Mode::Drop } else { Mode::Refuse };
        cluster(stage)?.set_way_to_etcd(leader, mode);
        Ok(())
    };
    let mend = |cluster: &mut Cluster, node| {
        cluster.set_way_to_etcd(node, Mode::Pass);
        Ok(())
    };
    failovers(stage, &Loss { name: "leader cut off", old: Old::NoPrimary, strike, mend })
}

fn freeze(stage: &mut Stage) -> Outcome<()> {
    let strike = |stage: &mut Stage, leader| {
        cluster(stage)?.signal(leader, Signal::STOP);
        Ok(())
    };
    // Continued, it would be a second primary for a moment, and Patroni 3.0 may even take the lead back without its successor's data.
    // A watchdog exists to prevent that. Here the machine is not continued, but started again.
    let mend = |cluster: &mut Cluster, node| {
        cluster.kill(node);
        cluster.start(node)
    };
    failovers(stage, &Loss { name: "leader frozen", old: Old::Alone, strike, mend })
}

fn kill_patroni(stage: &mut Stage) -> Outcome<()> {
    let strike = |stage: &mut Stage, leader| {
        cluster(stage)?.kill_patroni(leader);
        Ok(())
    };
    failovers(stage, &Loss { name: "Patroni killed", old: Old::Alone, strike, mend: Cluster::start })
}

fn kill_behind(stage: &mut Stage) -> Outcome<()> {
    let strike = |stage: &mut Stage, leader| {
        stage.record.write(What::LagBegan);
        cluster(stage)?.stop_sending(leader)?;
        stage.wait(LAG)?;
        cluster(stage)?.kill(leader);
        stage.record.write(What::LagOver);
        Ok(())
    };
    failovers(stage, &Loss { name: "leader killed", old: Old::NoPrimary, strike, mend: Cluster::start })
}

fn cluster(stage: &mut Stage) -> Outcome<&mut Cluster> {
    stage.cluster.as_mut().ok_or_else(|| Trouble::failed("there is no cluster"))
}

/// Repeats the loss until the time is over.
fn failovers(stage: &mut Stage, loss: &Loss) -> Outcome<()> {
    let end = Instant::now() + stage.time;
    while Instant::now() < end {
        let leader = cluster(stage)?.await_standby()?;
        super::hold_jobs(stage, HELD)?;
        stage.began(loss.name);
        (loss.strike)(stage, leader)?;
        let (new, since) = await_primary(stage, leader)?;
        stage.record.write_at(since, What::FaultOver { what: loss.name.into(), pid: None });
        stage.server = cluster(stage)?.server(new);
        if loss.old == Old::NoPrimary && cluster(stage)?.is_primary(leader) {
            return Err(Trouble::failed("there are two primaries"));
        }
        stage.wait(REST)?;
        (loss.mend)(cluster(stage)?, leader)?;
    }
    cluster(stage)?.await_standby().map(drop)
}

/// Waits until the other node accepts connections as the primary. Returns when it did so at the earliest: workers may have noticed
/// before the harness does, and have no room left then.
fn await_primary(stage: &mut Stage, old: usize) -> Outcome<(usize, Moment)> {
    let deadline = Instant::now() + LIMIT;
    let new = cluster(stage)?.other(old);
    let mut since = Moment::now();
    while !cluster(stage)?.is_primary(new) {
        if Instant::now() > deadline {
            return Err(Trouble::failed("no other node has become the primary"));
        }
        stage.wait(POLL)?;
        since = Moment::now();
    }
    Ok((new, since))
}

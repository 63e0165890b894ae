//! The server is restarted, crashed, frozen, locked, or has no room left.

use std::fs;
use std::path::Path;
use std::process::Command;

use diesel::connection::SimpleConnection;
use mainspring::KeyMode;
use rustix::process::Signal;

use super::{Plan, Scenario};
use crate::checker::Figure;
use crate::fault::Fault;
use crate::stage::Stage;
use crate::trouble::{Outcome, Trouble};
use crate::workload::{self, Kind};

pub(super) const SCENARIOS: [Scenario; 13] = [
    Scenario::new(
        "server-restart",
        Figure::Back,
        2.0,
        20,
        Plan::Recurring(Fault::RestartServer, (500, 4000)),
    )
    .about("a fast stop of the server, over and over"),
    Scenario::new(
        "server-stop",
        Figure::Back,
        2.0,
        20,
        Plan::Recurring(Fault::StopServerAtOnce, (500, 4000)),
    )
    .about("an immediate stop of the server, over and over"),
    Scenario::new("server-crash", Figure::Back, 2.0, 20, Plan::Recurring(Fault::CrashServer, (500, 4000)))
        .about("SIGKILL to the server, over and over")
        .short(8),
    Scenario::new("backends", Figure::Wait, 2.0, 20, Plan::Recurring(Fault::KillBackend, (100, 150)))
        .about("four times a second a random connection is terminated by the server"),
    Scenario::new("frozen", Figure::BackEach, 5.0, 40, Plan::Lasting(Fault::FreezeServer))
        .about("all processes of the server are stopped by SIGSTOP"),
    Scenario::new("lock-workers", Figure::BackEach, 5.0, 60, Plan::Lasting(Fault::LockWorkers))
        .about("a transaction locks the table of workers")
        .short(8),
    Scenario::new("lock-jobs", Figure::BackEach, 5.0, 60, Plan::Lasting(Fault::LockJobs))
        .about("a transaction locks the table of jobs"),
    Scenario::new("lock-rows", Figure::Back, 5.0, 20, Plan::Recurring(Fault::LockRows, (500, 3000)))
        .about("transactions lock a third of the jobs"),
    Scenario::new("no-connections", Figure::BackEach, 5.0, 20, Plan::Lasting(Fault::NoConnections))
        .about("max_connections is used up by others, and the fleet has none"),
    Scenario::new("late-commit", Figure::Added, 2.0, 60, Plan::Own(late_commit))
        .about("jobs that are added in a transaction which commits late"),
    Scenario::new("held-key", Figure::Reply, 1.0, 30, Plan::Own(held_key))
        .about("a transaction holds one key; enqueues of other keys go on")
        .short(5)
        .load(&[Kind::Keyed, Kind::Plain], 25.0),
    Scenario::new("disk-full", Figure::BackEach, 5.0, 15, Plan::Own(disk_full))
        .about("the disk of the server is full")
        .small_disk(),
    // A new connection alone takes ten round trips.
    Scenario::new("slow-network", Figure::Wait, 3.0, 20, Plan::Lasting(Fault::Slow))
        .about("200 ms a round trip"),
];

const SMALL_DISK: &str = "size=200m";

fn late_commit(stage: &mut Stage) -> Outcome<()> {
    stage.began("late commit");
    let mut conn = stage.server.connect()?;
    conn.batch_execute("BEGIN")?;
    let time = stage.time;
    stage.add_by(&mut conn, Kind::Plain, 0, |conn| {
        std::thread::sleep(time);
        Ok(conn.batch_execute("COMMIT")?)
    })
}

fn held_key(stage: &mut Stage) -> Outcome<()> {
    stage.began("held key");
    let mut conn = stage.server.connect()?;
    conn.batch_execute("BEGIN")?;
    workload::job(Kind::Plain, 0).key("k0").key_mode(KeyMode::Replace).insert(&mut conn)?;
    stage.wait(stage.time)?;
    Ok(conn.batch_execute("ROLLBACK")?)
}

fn disk_full(stage: &mut Stage) -> Outcome<()> {
    let ballast = stage.folder.with_file_name("server").join("ballast");
    stage.began("disk full");
    // It ends with an error when the disk is full.
    drop(fs::write(&ballast, vec![1; 256 << 20]));
    stage.wait(stage.time)?;
    fs::remove_file(&ballast)?;
    stage.server.revive()?;
    stage.over("disk full", None);
    Ok(())
}

/// Mounts a small file system in memory, which only root may do.
pub(super) fn mount_small_disk(folder: &Path) -> Outcome<()> {
    let mut mount = Command::new("mount");
    let mounted = mount.args(["-t", "tmpfs", "-o", SMALL_DISK, "tmpfs"]).arg(folder).output();
    match mounted {
        Ok(output) if output.status.success() => Ok(()),
        _ => Err(Trouble::skip("a small disk cannot be mounted, which takes root")),
    }
}

pub(super) fn unmount(folder: &Path) {
    let _ = Command::new("umount").arg(folder).output();
}

/// The signal that ends the primary without a word, for a failover.
pub(super) const CRASH: Signal = Signal::KILL;

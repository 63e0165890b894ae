//! What can be broken, and how it is made whole again. Each fault may be combined with each other one.

use std::net::SocketAddr;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::sql_types::Integer;
use diesel::{PgConnection, QueryableByName, RunQueryDsl, sql_query};
use rustix::process::Signal;

use crate::proxy::{Mode, Proxy};
use crate::stage::Stage;
use crate::trouble::{Outcome, Trouble};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    KillWorker,
    KillAllWorkers,
    PauseWorker,
    /// Nothing passes between a worker and the server, without an error.
    CutWorker,
    CutAll,
    /// Connections of a worker are reset, and new ones too.
    RefuseWorker,
    RefuseAll,
    /// The connections of a process are reset once.
    ResetSome,
    /// Each direction takes 100 ms longer.
    Slow,
    /// The listening connections look alive to the client, and are gone.
    HalfOpenListeners,
    KillBackend,
    RestartServer,
    StopServerAtOnce,
    CrashServer,
    FreezeServer,
    LockWorkers,
    LockJobs,
    /// A transaction holds every third job.
    LockRows,
    /// No connection is left for anyone.
    NoConnections,
}

/// What two of may come together.
pub const COMBINABLE: [Fault; 14] = [
    Fault::KillWorker,
    Fault::PauseWorker,
    Fault::CutWorker,
    Fault::CutAll,
    Fault::RefuseWorker,
    Fault::RefuseAll,
    Fault::ResetSome,
    Fault::Slow,
    Fault::KillBackend,
    Fault::StopServerAtOnce,
    Fault::CrashServer,
    Fault::FreezeServer,
    Fault::LockWorkers,
    Fault::LockRows,
];

/// A fault that lasts.
pub struct Broken {
    fault: Fault,
    /// The place of the worker that it concerns.
    worker: Option<usize>,
    held: Vec<PgConnection>,
}

#[derive(QueryableByName)]
struct Port {
    #[diesel(sql_type = Integer)]
    port: i32,
}

const SLOW: Duration = Duration::from_millis(100);
const KILL_BACKEND: &str = "SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1) chosen";
const LISTENERS: &str = "SELECT client_port AS port FROM pg_stat_activity 
    WHERE query LIKE '%LISTEN mainspring%' OR query LIKE '%pg_try_advisory_lock%'";
const LOCK_ROWS: &str = "BEGIN; SELECT 1 FROM mainspring.jobs WHERE id % 3 = 0 FOR UPDATE";

impl Fault {
    pub fn begin(self, stage: &mut Stage) -> Outcome<Broken> {
        let worker = match self {
            Self::CutWorker | Self::RefuseWorker | Self::PauseWorker => Some(stage.busiest_worker()),
            Self::KillWorker | Self::ResetSome => Some(stage.some_worker()),
            _ => None,
        };
        stage.began(format!("{self:?}"));
        let mut broken = Broken { fault: self, worker, held: Vec::new() };
        broken.strike(stage)?;
        Ok(broken)
    }

    /// Breaks it for this long, and writes down when it is whole again.
    pub fn last_for(self, stage: &mut Stage, time: Duration) -> Outcome<()> {
        let broken = self.begin(stage)?;
        stage.wait(time)?;
        broken.mend(stage)
    }
}

impl Broken {
    fn strike(&mut self, stage: &mut Stage) -> Outcome<()> {
        match self.fault {
            Fault::KillWorker => stage.fleet[self.place()].kill(),
            Fault::KillAllWorkers => stage.workers().into_iter().for_each(|place| stage.fleet[place].kill()),
            Fault::PauseWorker => stage.fleet[self.place()].pause(),
            Fault::CutWorker => self.proxy(stage).set(Mode::Drop),
            Fault::RefuseWorker => self.proxy(stage).set(Mode::Refuse),
            Fault::CutAll => stage.set_all(Mode::Drop),
            Fault::RefuseAll => stage.set_all(Mode::Refuse),
            Fault::ResetSome => drop(self.proxy(stage).reset()),
            Fault::Slow => stage.set_all(Mode::Delay(SLOW)),
            Fault::HalfOpenListeners => half_open(stage)?,
            // The server may be away already.
            Fault::KillBackend => drop(stage.server.execute(KILL_BACKEND)),
            Fault::RestartServer => stage.server.stop(Signal::INT)?,
            Fault::StopServerAtOnce => stage.server.stop(Signal::QUIT)?,
            Fault::CrashServer => stage.server.stop(Signal::KILL)?,
            Fault::FreezeServer => stage.server.signal_all(Signal::STOP),
            Fault::LockWorkers => self.hold(stage, "BEGIN; LOCK TABLE mainspring.workers"),
            Fault::LockJobs => self.hold(stage, "BEGIN; LOCK TABLE mainspring.jobs"),
            Fault::LockRows => self.hold(stage, LOCK_ROWS),
            Fault::NoConnections => self.take_all(stage)?,
        }
        Ok(())
    }

    /// Makes it whole, and writes that down.
    pub fn mend(mut self, stage: &mut Stage) -> Outcome<()> {
        let place = self.place();
        match self.fault {
            Fault::KillWorker => stage.fleet[place].start()?,
            Fault::KillAllWorkers => start_workers(stage)?,
            Fault::PauseWorker => stage.fleet[place].resume(),
            Fault::CutWorker | Fault::RefuseWorker => self.proxy(stage).set(Mode::Pass),
            Fault::CutAll | Fault::RefuseAll | Fault::Slow => stage.set_all(Mode::Pass),
            Fault::RestartServer | Fault::StopServerAtOnce | Fault::CrashServer => stage.server.revive()?,
            Fault::FreezeServer => stage.server.signal_all(Signal::CONT),
            Fault::LockWorkers | Fault::LockJobs | Fault::LockRows | Fault::NoConnections => {
                self.held.clear()
            }
            Fault::ResetSome | Fault::HalfOpenListeners | Fault::KillBackend => {}
        }
        let one = matches!(self.fault, Fault::CutWorker | Fault::RefuseWorker);
        stage.over(format!("{:?}", self.fault), one.then(|| stage.fleet[place].pid()));
        Ok(())
    }

    fn place(&self) -> usize {
        self.worker.unwrap_or_default()
    }

    fn proxy<'a>(&self, stage: &'a Stage) -> &'a Proxy {
        stage.fleet[self.place()].proxy.as_ref().expect("a process behind a proxy")
    }

    // Where the server does not answer because of another fault, there is nothing to hold.
    fn hold(&mut self, stage: &Stage, sql: &str) {
        if let Ok(mut conn) = stage.server.connect()
            && conn.batch_execute(sql).is_ok()
        {
            self.held.push(conn);
        }
    }

    fn take_all(&mut self, stage: &Stage) -> Outcome<()> {
        // The fleet has connections and would keep them, so it loses them first.
        stage.set_all(Mode::Refuse);
        stage.server.execute(&KILL_BACKEND.replace("LIMIT 1", ""))?;
        while let Ok(conn) = stage.server.connect() {
            self.held.push(conn);
        }
        stage.set_all(Mode::Pass);
        Ok(())
    }
}

fn start_workers(stage: &mut Stage) -> Outcome<()> {
    stage.workers().into_iter().try_for_each(|place| stage.fleet[place].start())
}

fn half_open(stage: &Stage) -> Outcome<()> {
    let ports: Vec<Port> = sql_query(LISTENERS).load(&mut stage.server.connect()?)?;
    let ports: Vec<u16> = ports.into_iter().filter_map(|port| u16::try_from(port.port).ok()).collect();
    let found = ports.iter().filter(|port| proxies(stage).any(|proxy| proxy.half_open(**port))).count();
    if found == 0 { Err(Trouble::failed("no listening connection is found")) } else { Ok(()) }
}

/// New connections lead to another server from now on.
pub fn lead_to(stage: &Stage, server: SocketAddr) {
    proxies(stage).for_each(|proxy| proxy.lead_to(server));
}

/// All connections that exist are reset.
pub fn reset_all(stage: &Stage) {
    for proxy in proxies(stage) {
        proxy.reset();
    }
}

fn proxies(stage: &Stage) -> impl Iterator<Item = &Proxy> {
    stage.fleet.iter().filter_map(|member| member.proxy.as_ref())
}

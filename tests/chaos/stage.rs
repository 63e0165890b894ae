//! Where a scenario is played: a server, a fleet under load, and the record of what is done to them. Ends with the proof.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::sql_types::{BigInt, Text};
use diesel::{PgConnection, QueryableByName, RunQueryDsl, sql_query};
use mainspring::queues::{QueueSettings, TaskLimit};
use mainspring::{NewSchedule, Task};

use crate::checker::{Facts, Timeline};
use crate::fleet::Member;
use crate::patroni::Cluster;
use crate::proxy::{Mode, Proxy};
use crate::record::{self, Record, What};
use crate::role::{Orders, Role};
use crate::scenarios::{Path as Way, Scenario};
use crate::server::Server;
use crate::trouble::{Outcome, Trouble};
use crate::workload::{self, AT_ONCE_OF_LIMITED, Kind, Limited, THREE};

const TICK: Duration = Duration::from_millis(20);
const READY_LIMIT: Duration = Duration::from_secs(60);
const DRAIN_LIMIT: Duration = Duration::from_secs(90);
const LEAVE_LIMIT: Duration = Duration::from_secs(60);
const SET_UP: &str =
    "CREATE SCHEMA chaos; CREATE TABLE chaos.effects (token text NOT NULL, job bigint NOT NULL)";

pub struct Stage {
    // Before the servers, so that it ends before them.
    pub fleet: Vec<Member>,
    pub server: Server,
    pub standby: Option<Server>,
    pub cluster: Option<Cluster>,
    pub record: Arc<Record>,
    pub random: fastrand::Rng,
    /// How long the fault lasts, or the faults go on.
    pub time: Duration,
    pub folder: PathBuf,
    next_job: u64,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

impl Stage {
    /// Starts everything, and returns when jobs run.
    pub fn open(scenario: &Scenario, folder: &Path, seed: u64, time: Duration) -> Outcome<Self> {
        let place = |name: &str| -> Outcome<PathBuf> {
            fs::create_dir_all(folder.join(name))?;
            Ok(folder.join(name))
        };
        let main = place("server")?;
        scenario.prepare(&main)?;
        let cluster = match scenario.path {
            Way::Patroni(_, replication) => Some(Cluster::open(&place("patroni")?, replication)?),
            Way::Proxy | Way::ProxyWithStandby | Way::Hosts => None,
        };
        let server = match &cluster {
            Some(cluster) => cluster.server(cluster.await_standby()?),
            None => Server::start_in(&main)?,
        };
        let mut conn = server.connect()?;
        mainspring::database::migrate(&mut conn)?;
        conn.batch_execute(SET_UP)?;
        mainspring::queues::set(&mut conn, THREE, &QueueSettings::concurrency(3))?;
        let two = TaskLimit::new().concurrency(AT_ONCE_OF_LIMITED);
        mainspring::queues::set_task_limit(&mut conn, Limited::NAME, &two)?;
        let schedule = NewSchedule::new("every2", "chaos", "*/2 * * * * *");
        mainspring::schedules::create(&mut conn, &schedule.payload(serde_json::json!({"kind": "schedule"})))?;
        let standby =
            if scenario.has_standby() { Some(server.standby_in(&place("standby")?)?) } else { None };
        if standby.is_some() {
            conn.batch_execute("ALTER SYSTEM SET synchronous_standby_names = '*'")?;
            conn.batch_execute("SELECT pg_reload_conf()")?;
        }
        let records = place("records")?;
        let record = Arc::new(Record::open(&records, "chaos")?);
        let random = fastrand::Rng::with_seed(seed);
        let mut stage = Self {
            fleet: Vec::new(),
            server,
            standby,
            cluster,
            record,
            random,
            time,
            folder: records,
            next_job: 0,
        };
        stage.hire(scenario)?;
        Ok(stage)
    }

    fn hire(&mut self, scenario: &Scenario) -> Outcome<()> {
        for number in 0..scenario.workers {
            self.add_member(scenario, format!("worker{number}"), Role::Worker)?;
        }
        let (kinds, rate) = (scenario.kinds.to_vec(), scenario.rate);
        self.add_member(scenario, "producer".into(), Role::Producer { kinds, rate })?;
        let members = self.fleet.len();
        let deadline = Instant::now() + READY_LIMIT;
        while self.timeline()?.names.len() < members {
            if Instant::now() > deadline {
                return Err(Trouble::failed(format!(
                    "the fleet does not start, see {}",
                    self.folder.display()
                )));
            }
            self.wait(Duration::from_millis(100))?;
        }
        self.wait(Duration::from_secs(2))
    }

    fn add_member(&mut self, scenario: &Scenario, name: String, role: Role) -> Outcome<()> {
        let (proxy, url) = match (scenario.path, &self.standby, &self.cluster) {
            (Way::Hosts, Some(standby), _) => (None, self.server.url_with(standby)),
            (Way::Patroni(address, _), _, Some(cluster)) => (None, cluster.url(address)),
            _ => {
                let proxy = Proxy::to(self.server.address());
                let url = self.server.url_by(proxy.port());
                (Some(proxy), url)
            }
        };
        let (seed, folder) = (self.random.u64(..), self.folder.clone());
        let orders = Orders { role, name, url, folder, seed, grace: scenario.grace, lease: scenario.lease };
        let mut member = Member::new(orders, proxy, &self.record);
        member.start()?;
        self.fleet.push(member);
        Ok(())
    }

    /// Lets time pass. Processes that end by themselves meanwhile are started again, as an init system does.
    pub fn wait(&mut self, time: Duration) -> Outcome<()> {
        let deadline = Instant::now() + time;
        while let Some(left) = deadline.checked_duration_since(Instant::now()) {
            self.fleet.iter_mut().try_for_each(Member::tend)?;
            sleep(TICK.min(left));
        }
        Ok(())
    }

    /// The places of the workers.
    pub fn workers(&self) -> Vec<usize> {
        (0..self.fleet.len()).filter(|place| self.fleet[*place].is_worker()).collect()
    }

    pub fn some_worker(&mut self) -> usize {
        let workers = self.workers();
        workers[self.random.usize(..workers.len())]
    }

    /// The worker that runs most of the held jobs.
    pub fn busiest_worker(&mut self) -> usize {
        let busiest = "SELECT w.name FROM mainspring.jobs j JOIN mainspring.workers w ON w.id = j.worker_id
            WHERE j.payload->>'kind' = 'held' GROUP BY w.name ORDER BY count(*) DESC LIMIT 1";
        // Where the server is broken already, any worker will do.
        let found =
            self.server.connect().and_then(|mut conn| Ok(sql_query(busiest).load::<Name>(&mut conn)?));
        let name = found.ok().and_then(|mut found| found.pop()).map(|found| found.name);
        let place =
            self.workers().into_iter().find(|place| Some(&self.fleet[*place].orders.name) == name.as_ref());
        place.unwrap_or_else(|| self.some_worker())
    }

    pub fn milliseconds(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(self.random.u64(least..=most))
    }

    /// Adds a job on a connection of the harness, which may be in a transaction: `commit` runs before the reply is written down.
    pub fn add_by(
        &mut self,
        conn: &mut PgConnection,
        kind: Kind,
        size: u64,
        commit: impl FnOnce(&mut PgConnection) -> Outcome<()>,
    ) -> Outcome<()> {
        self.next_job += 1;
        let job = workload::sized(kind, self.next_job, size);
        let token = job.task().token.clone();
        self.record.write(What::Asked { token: token.clone(), kind, key: None });
        let id = job.insert(conn)?;
        commit(conn)?;
        self.record.write(What::Stored { token, job: id });
        Ok(())
    }

    pub fn add(&mut self, kind: Kind, size: u64) -> Outcome<()> {
        let mut conn = self.server.connect()?;
        self.add_by(&mut conn, kind, size, |_| Ok(()))
    }

    pub fn began(&self, what: impl Into<String>) {
        self.record.write(What::FaultBegan { what: what.into() });
    }

    pub fn over(&self, what: impl Into<String>, pid: Option<u32>) {
        self.record.write(What::FaultOver { what: what.into(), pid });
    }

    /// Changes what happens on the ways of all processes.
    pub fn set_all(&self, mode: Mode) {
        self.fleet.iter().filter_map(|member| member.proxy.as_ref()).for_each(|proxy| proxy.set(mode));
    }

    pub fn timeline(&self) -> Outcome<Timeline> {
        Ok(Timeline::of(&record::read(&self.folder)?))
    }

    /// Ends the load, waits until the jobs have ended, ends the fleet, and reads what is there.
    pub fn close(mut self) -> Outcome<(Timeline, Facts)> {
        self.dismiss(|member| !member.is_worker());
        self.server.execute("SELECT mainspring.delete_schedule('every2')")?;
        self.drain("payload->>'kind' NOT IN ('cron', 'schedule')")?;
        self.dismiss(Member::is_worker);
        // Cron has added jobs to the end. A last worker without a crontab runs them, and what else is left.
        let mut orders = self.fleet[0].orders.clone();
        (orders.role, orders.name) = (Role::Last, "last".into());
        orders.url = self.server.url();
        let mut last = Member::new(orders, None, &self.record);
        last.start()?;
        self.fleet.push(last);
        self.drain("true")?;
        self.dismiss(|_| true);
        Ok((self.timeline()?, Facts::read(&mut self.server.connect()?)?))
    }

    fn dismiss(&mut self, whom: impl Fn(&Member) -> bool) {
        let mut leaving: Vec<Member> = Vec::new();
        for place in (0..self.fleet.len()).rev() {
            if whom(&self.fleet[place]) {
                leaving.push(self.fleet.remove(place));
            }
        }
        leaving.iter().for_each(Member::terminate);
        leaving.iter_mut().for_each(|member| member.leave(LEAVE_LIMIT));
        // Its orders are needed once more.
        self.fleet.extend(leaving);
    }

    fn drain(&mut self, which: &str) -> Outcome<()> {
        let living = format!("SELECT count(*) FROM mainspring.jobs WHERE state <> 'dead' AND {which}");
        let deadline = Instant::now() + DRAIN_LIMIT + self.time * 2;
        while Instant::now() < deadline {
            let count: Count = sql_query(&living).get_result(&mut self.server.connect()?)?;
            if count.count == 0 {
                return Ok(());
            }
            self.wait(Duration::from_millis(200))?;
        }
        Ok(())
    }
}

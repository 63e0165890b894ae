//! What the processes of the fleet do. Each is this program again; its orders come in the environment, because they hold a URL.

use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use mainspring::{Scheduler, SchedulerBuilder, SchedulerError, SettleDurability};
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};

use crate::growth;
use crate::record::{Record, What};
use crate::workload::{self, Asker, Bare, CRONTAB, Kind, Limited};

pub const ORDERS: &str = "MAINSPRING_CHAOS_ORDERS";

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Orders {
    pub role: Role,
    pub name: String,
    pub url: String,
    /// Where its record goes.
    pub folder: PathBuf,
    pub seed: u64,
    pub grace: Duration,
    /// How long a worker without a heartbeat keeps its jobs.
    pub lease: Duration,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Runs jobs.
    Worker,
    /// Runs jobs, and has no crontab.
    Last,
    /// Starts and stops a scheduler, over and over.
    Restarting,
    /// Adds jobs of these kinds, so many a second, until it is stopped.
    Producer { kinds: Vec<Kind>, rate: f64 },
}

/// Carries the orders out until SIGTERM. The process ends with the one that started it.
pub fn run(orders: &str) -> ExitCode {
    let orders: Orders = serde_json::from_str(orders).expect("orders");
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("mainspring=info,warn"))
        .init();
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(3);
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    match tokio::task::LocalSet::new().block_on(&runtime, serve(orders)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(orders: Orders) -> Result<(), SchedulerError> {
    let record = Arc::new(Record::open(&orders.folder, &orders.name).expect("open the record"));
    if matches!(orders.role, Role::Restarting) {
        return restart_for_ever(&orders, &record).await;
    }
    let scheduler = builder(&orders, Arc::clone(&record)).start().await?;
    record.write(What::Ready { name: orders.name.clone() });
    let mut term = signal(SignalKind::terminate()).expect("a handler of SIGTERM");
    tokio::select! {
        _ = term.recv() => {}
        () = produce(&orders, &scheduler, &record) => {}
    }
    record.write(What::StopAsked);
    scheduler.stop().await;
    record.write(What::Stopped);
    Ok(())
}

fn builder(orders: &Orders, record: Arc<Record>) -> SchedulerBuilder {
    let builder = Scheduler::builder(&orders.url).worker_name(&orders.name).heartbeat_timeout(orders.lease);
    // A crash of the server may not make a job run again, so that what runs again is a fault.
    let builder = builder.settle_durability(SettleDurability::Durable).grace_period(orders.grace);
    let builder = builder.job_log_level(log::Level::Debug).worker_threads(2).without_migrations();
    let with_handlers = |builder: SchedulerBuilder| {
        let limited = async |Limited(task): Limited, job| workload::work(task, job).await;
        builder.handler(workload::work).handler(limited).handler(async |_: Bare, _| {}).app_data(record)
    };
    match orders.role {
        Role::Worker => with_handlers(builder).crontab(CRONTAB),
        Role::Last | Role::Restarting => with_handlers(builder),
        Role::Producer { .. } => builder,
    }
}

async fn restart_for_ever(orders: &Orders, record: &Arc<Record>) -> Result<(), SchedulerError> {
    record.write(What::Ready { name: orders.name.clone() });
    let mut term = signal(SignalKind::terminate()).expect("a handler of SIGTERM");
    for number in 0.. {
        let restart = async {
            let scheduler = builder(orders, Arc::clone(record)).start().await?;
            let job = workload::job(Kind::Booked, number);
            workload::enqueue(record, Asker::Scheduler(&scheduler), job).await?;
            scheduler.stop().await;
            Ok::<_, SchedulerError>(())
        };
        restart.await?;
        growth::sample_process(record, &orders.name, std::process::id());
        let told = std::pin::pin!(term.recv());
        if tokio::time::timeout(Duration::ZERO, told).await.is_ok() {
            break;
        }
    }
    Ok(())
}

async fn produce(orders: &Orders, scheduler: &Scheduler, record: &Arc<Record>) {
    let Role::Producer { kinds, rate } = &orders.role else { return std::future::pending().await };
    let mut random = fastrand::Rng::with_seed(orders.seed);
    let mut ticks = tokio::time::interval(Duration::from_secs_f64(1.0 / rate));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let scheduler = Rc::new(scheduler.clone());
    for number in 0.. {
        ticks.tick().await;
        let job = workload::job(kinds[random.usize(..kinds.len())], number);
        let (scheduler, record) = (Rc::clone(&scheduler), Arc::clone(record));
        // Each waits for its reply by itself, as requests of a web server do.
        tokio::task::spawn_local(async move {
            let _ = workload::enqueue(&record, Asker::Scheduler(&scheduler), job).await;
        });
    }
}

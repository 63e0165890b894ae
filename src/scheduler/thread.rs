//! The scheduler's own thread, with an actix system of its own. It migrates the database, starts the supervisor, restarts
//! it if it dies, and ends when everything has stopped. The order of a stop is in the file `stop.rs`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, Addr};
use actix_rt::System;
use tokio::sync::{mpsc, oneshot};

use super::migration::migrate;
use super::retries::Retries;
use super::start_limits::{self, StartLimit};
use super::stop::{StopOnDrop, remove_worker, stop};
use crate::actors::monitor;
use crate::actors::supervisor::{Died, SupervisorActor, WorkerThreads};
use crate::attempt::TaskRegistry;
use crate::attempt::panics::record_places;
use crate::config::Config;
use crate::error::{Problem, SchedulerError, StoreError};
use crate::event::Event;
use crate::phase::Phase;
use crate::pooling::Pooling;
use crate::shared::{AppData, Role, Shared};
use crate::store::connector::connect;
use crate::store::migrate::verify;
use crate::store::pool::blocking;
use crate::store::pooler;
use crate::store::presence::JobsLeft;
use crate::store::retention::{prepare_history, problem_of};
use crate::text::one_line;

// Listening needs one more connection than the start itself. Until that is there, jobs are found by polling.
const LISTEN_TIMEOUT: Duration = Duration::from_secs(10);
// A start that fails takes its row away again, if the database replies.
const REMOVAL_TIMEOUT: Duration = Duration::from_secs(1);

/// Starts the thread, and returns once the scheduler receives notifications.
pub(super) async fn start(
    config: Config,
    handlers: TaskRegistry,
    app_data: AppData,
    limits: Vec<StartLimit>,
) -> Result<StopOnDrop, SchedulerError> {
    record_places();
    let (deaths, died) = mpsc::unbounded_channel();
    let shared = Arc::new(Shared::new(config, Arc::clone(handlers.known()), app_data, deaths));
    let (ready, is_ready) = oneshot::channel();
    let root =
        Root { shared: Arc::clone(&shared), handlers: Arc::new(handlers), limits: limits.into(), died };
    let ended = Ended(Arc::clone(&shared));
    std::thread::Builder::new()
        .name("mainspring".into())
        .spawn(move || {
            let system = System::new();
            // Dropped before the system, which waits for its blocking threads: one of them may wait for the server.
            let ended = ended;
            system.block_on(root.run(ready));
            drop(ended);
            // Ends the workers' threads too.
            System::current().stop();
            if let Err(error) = system.run() {
                log::error!("the scheduler's thread ended with an error: {}", one_line(error));
            }
        })
        .map_err(|error| SchedulerError::Config(format!("cannot start the scheduler's thread: {error}")))?;
    // Made before the wait: when the caller stops waiting, this is dropped and the thread ends.
    let scheduler = StopOnDrop { shared };
    is_ready.await.unwrap_or(Err(SchedulerError::Stopped))?;
    Ok(scheduler)
}

/// Marks the scheduler as stopped when its root has ended, even by a panic.
struct Ended(Arc<Shared>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.phase.advance(Phase::Stopped);
    }
}

struct Root {
    shared: Arc<Shared>,
    handlers: Arc<TaskRegistry>,
    limits: Arc<[StartLimit]>,
    died: mpsc::UnboundedReceiver<Role>,
}

impl Root {
    async fn run(mut self, ready: oneshot::Sender<Result<(), SchedulerError>>) {
        let shared = Arc::clone(&self.shared);
        let workers = match prepare(&shared, &self.handlers, &self.limits).await {
            Ok(workers) => workers,
            Err(error) => return drop(ready.send(Err(error))),
        };
        monitor::start(&shared);
        let mut supervisor = SupervisorActor::new(&shared, workers.clone()).start();
        // Handled after the start of the supervisor, which starts the others: the handle may be used at once.
        let _ = supervisor.send(Died(Role::Queue)).await;
        tokio::select! {
            () = wait_until_listening(&shared) => {}
            () = shared.phase.reached(Phase::Stopping) => {}
        }
        log_start(&shared);
        shared.events.publish(|| Event::WorkerStarted { id: shared.worker_id() });
        let _ = ready.send(Ok(()));
        let stopped = async {
            shared.phase.reached(Phase::Stopping).await;
            stop(&shared).await;
        };
        self.supervise_until(stopped, &mut supervisor, &workers).await;
        log::info!("worker {} `{}` stopped", shared.worker_id(), one_line(&shared.config.worker_name));
    }

    async fn supervise_until(
        &mut self,
        end: impl Future<Output = ()>,
        supervisor: &mut Addr<SupervisorActor>,
        workers: &WorkerThreads,
    ) {
        let mut end = std::pin::pin!(end);
        loop {
            tokio::select! {
                () = &mut end => return,
                Some(role) = self.died.recv() => self.report(role, supervisor, workers),
            }
        }
    }

    // The supervisor restarts the others. A supervisor that died is restarted here.
    fn report(&self, role: Role, supervisor: &mut Addr<SupervisorActor>, workers: &WorkerThreads) {
        if role == Role::Supervisor && !supervisor.connected() {
            log::warn!("{role} ended and is started again");
            *supervisor = SupervisorActor::new(&self.shared, workers.clone()).start();
        } else {
            supervisor.do_send(Died(role));
        }
    }
}

fn log_start(shared: &Shared) {
    let config = &shared.config;
    if shared.tasks.is_empty() {
        let (id, by, lines) = (shared.worker_id(), one_line(&config.worker_name), config.crontab.len());
        log::info!("worker {id} `{by}` started without handlers: it only adds jobs, cron lines: {lines}");
        return;
    }
    log::info!(
        "worker {} `{}` started: jobs at once: {}, threads: {}, tasks: {}, cron lines: {}",
        shared.worker_id(),
        one_line(&config.worker_name),
        config.concurrency,
        config.shares().len(),
        shared.known.own_names().count(),
        config.crontab.len()
    );
}

async fn wait_until_listening(shared: &Shared) {
    if shared.config.listens() {
        let mut listening = shared.listening.subscribe();
        let listens = listening.wait_for(|listening| *listening);
        if tokio::time::timeout(LISTEN_TIMEOUT, listens).await.is_err() {
            log::warn!(
                "started without notifications: jobs of other processes are found by polling until they work"
            );
        }
    }
}

// Connects for as long as the start policy allows, migrates the schema and registers the worker. A try is never left halfway,
// since it may register a worker: a stop that is requested meanwhile begins after it, and removes the row.
async fn prepare(
    shared: &Arc<Shared>,
    handlers: &Arc<TaskRegistry>,
    limits: &Arc<[StartLimit]>,
) -> Result<WorkerThreads, SchedulerError> {
    let mut retries = Retries::new(Instant::now(), shared.config.start_policy);
    loop {
        let (own, limits) = (Arc::clone(shared), Arc::clone(limits));
        let error = match blocking(move || set_up(&own, &limits)).await {
            Ok((worker_id, registered_at)) => {
                shared.fence.begin(worker_id, registered_at);
                return start_workers(shared, handlers).await;
            }
            Err(error) => error,
        };
        let now = Instant::now();
        let Some(pause) = (!error.is_permanent()).then(|| retries.next(now)).flatten() else {
            return Err(refused(error));
        };
        log_retry(pause, retries.left(now), &error);
        tokio::select! {
            () = actix_rt::time::sleep(pause) => {}
            () = shared.phase.reached(Phase::Stopping) => return Err(SchedulerError::Stopped),
        }
    }
}

async fn start_workers(
    shared: &Shared,
    handlers: &Arc<TaskRegistry>,
) -> Result<WorkerThreads, SchedulerError> {
    match WorkerThreads::start(shared.config.shares().len(), Arc::clone(handlers)) {
        Ok(workers) => Ok(workers),
        Err(error) => {
            remove_worker(shared, JobsLeft::None, REMOVAL_TIMEOUT).await;
            Err(SchedulerError::Config(format!("cannot start the workers' threads: {error}")))
        }
    }
}

pub(super) fn refused(error: StoreError) -> SchedulerError {
    match error {
        StoreError::Config(text) => SchedulerError::Config(text),
        error => error.into(),
    }
}

fn log_retry(pause: Duration, left: Option<Duration>, error: &StoreError) {
    let end = left.map_or_else(|| "never".to_owned(), |left| format!("in {:.0} s", left.as_secs_f64()));
    log::warn!(
        "cannot start yet, trying again in {:.1} s and giving up {end}: {}",
        pause.as_secs_f64(),
        one_line(error)
    );
}

// Returns the id of the worker, and when its registration was sent.
fn set_up(shared: &Shared, limits: &[StartLimit]) -> Result<(i32, Instant), StoreError> {
    let config = &shared.config;
    find_pooling(config)?;
    let mut connection = connect(config)?;
    shared.store.open_needed()?;
    let mut conn = connection.session();
    if config.migrate {
        migrate(&mut conn)?;
    } else {
        verify(&mut conn)?;
    }
    start_limits::set(&mut conn, limits)?;
    if config.history().is_kept()
        && let Some(problem) = problem_of(prepare_history(&mut conn))
    {
        log::warn!("cannot prepare the history yet, trying again within ten minutes: {}", one_line(problem));
    }
    let sent_at = Instant::now();
    let id = shared.register(&mut conn)?;
    shared.publish_tasks(&mut conn);
    Ok((id, sent_at))
}

/// Finds out which pooler is between. Before any other connection is made: each depends on it.
pub(super) fn find_pooling(config: &Config) -> Result<(), StoreError> {
    if config.pooling.is_found() {
        return Ok(());
    }
    let listens_there = config.listen_url.as_deref().filter(|_| config.listen);
    let found = pooler::find(&config.database_url, config.connections_needed())?;
    // If it cannot be reached now, the listener tries again.
    let there = listens_there.map(|url| pooler::find(url, 1));
    if let Some(Err(StoreError::Config(text))) = there {
        return Err(StoreError::Config(format!("listen_url: {text}")));
    }
    if let Some(Ok(Pooling::Transactions)) = there {
        let got = "a pooler in transaction mode, which passes no notifications on";
        return Err(Problem::new("listen_url", "must lead to the server itself", got).into());
    }
    config.pooling.set(found);
    log_pooling(config, found);
    Ok(())
}

fn log_pooling(config: &Config, found: Pooling) {
    let jobs = if config.listens() { "by notifications" } else { "by polling" };
    match found {
        Pooling::Direct => {}
        Pooling::Sessions => {
            log::info!("behind a pooler in session mode; jobs of other processes are found {jobs}");
        }
        Pooling::Transactions => log::info!(
            "behind a pooler in transaction mode: every setting is local to its transaction, no statement is prepared; \
             jobs of other processes are found {jobs}"
        ),
    }
}

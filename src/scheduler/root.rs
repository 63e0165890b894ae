//! The root: the scheduler's own thread, with an actix system of its own. It brings the database up to date, starts the
//! supervisor, starts it again if it dies, and ends the thread when everything has stopped.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use actix::{Actor, Addr};
use actix_rt::System;
use tokio::sync::{mpsc, oneshot, watch};

use super::{Inner, Scheduler};
use crate::actors::supervisor::{Died, StopAll, SupervisorActor, WorkerThreads};
use crate::attempt::TaskRegistry;
use crate::attempt::panics::record_places;
use crate::config::{Config, StartPolicy};
use crate::error::{SchedulerError, StoreError};
use crate::event::Event;
use crate::shared::{AppData, Role, Shared};
use crate::store::connector::connect;
use crate::store::migrate::{migrate, verify};
use crate::store::pool::blocking;
use crate::store::presence::register;
use crate::store::retention::prepare_history;

const SHORTEST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
// Listening needs one more connection than the start itself; polling serves until it is there.
const LISTEN_TIMEOUT: Duration = Duration::from_secs(10);

/// Starts the thread, and answers when the scheduler listens.
pub(super) async fn start(
    config: Config,
    handlers: TaskRegistry,
    app_data: AppData,
) -> Result<Scheduler, SchedulerError> {
    record_places();
    let (deaths, died) = mpsc::unbounded_channel();
    let shared = Arc::new(Shared::new(config, handlers.tasks(), app_data, deaths));
    let (stop, stop_asked) = watch::channel(false);
    let (mark_stopped, stopped) = watch::channel(false);
    let (ready, is_ready) = oneshot::channel();
    let root = Root { shared: Arc::clone(&shared), handlers: Arc::new(handlers), died, stop_asked };
    std::thread::Builder::new()
        .name("mainspring".into())
        .spawn(move || {
            let system = System::new();
            system.block_on(root.live(ready));
            // Ends the workers' threads too.
            System::current().stop();
            if let Err(error) = system.run() {
                log::error!("the scheduler's thread ended with an error: {error}");
            }
            mark_stopped.send_replace(true);
        })
        .map_err(|error| SchedulerError::Config(format!("cannot start the scheduler's thread: {error}")))?;
    // Made before the wait: when the caller gives up waiting, this is dropped and the thread ends.
    let scheduler = Scheduler(Arc::new(Inner { shared, stop, stopped }));
    is_ready.await.unwrap_or(Err(SchedulerError::Stopped))?;
    Ok(scheduler)
}

struct Root {
    shared: Arc<Shared>,
    handlers: Arc<TaskRegistry>,
    died: mpsc::UnboundedReceiver<Role>,
    stop_asked: watch::Receiver<bool>,
}

impl Root {
    async fn live(mut self, ready: oneshot::Sender<Result<(), SchedulerError>>) {
        let mut stop = self.stop_asked.clone();
        let prepared = tokio::select! {
            prepared = prepare(&self.shared, &self.handlers) => prepared,
            () = asked(&mut stop) => Err(SchedulerError::Stopped),
        };
        let threads = match prepared {
            Ok(threads) => threads,
            Err(error) => return drop(ready.send(Err(error))),
        };
        let mut supervisor = SupervisorActor::new(&self.shared, threads.clone()).start();
        tokio::select! {
            () = wait_until_listening(&self.shared) => {}
            () = asked(&mut stop) => {}
        }
        let config = &self.shared.config;
        log::info!(
            "worker {} `{}` started: jobs at once: {}, threads: {}, tasks: {}, cron lines: {}",
            self.shared.worker_id(),
            config.worker_name,
            config.concurrency,
            config.shares().len(),
            self.shared.tasks.len(),
            config.crontab.len()
        );
        self.shared.events.publish(|| Event::WorkerStarted { id: self.shared.worker_id() });
        let _ = ready.send(Ok(()));
        self.watch_over(&mut supervisor, &threads, &mut stop).await;
        self.stop_all(supervisor, &threads).await;
        self.shared.events.publish(|| Event::WorkerStopped { id: self.shared.worker_id() });
        self.shared.events.close();
        self.shared.store.close();
        log::info!("worker {} `{}` stopped", self.shared.worker_id(), self.shared.config.worker_name);
    }

    async fn watch_over(
        &mut self,
        supervisor: &mut Addr<SupervisorActor>,
        threads: &WorkerThreads,
        stop: &mut watch::Receiver<bool>,
    ) {
        let shared = Arc::clone(&self.shared);
        loop {
            tokio::select! {
                Some(role) = self.died.recv() => self.see_to(role, supervisor, threads),
                () = shared.given_up() => return,
                () = asked(stop) => return,
            }
        }
    }

    fn see_to(&self, role: Role, supervisor: &mut Addr<SupervisorActor>, threads: &WorkerThreads) {
        if role == Role::Supervisor && !supervisor.connected() {
            log::warn!("{role} ended and is started again");
            *supervisor = SupervisorActor::new(&self.shared, threads.clone()).start();
        } else {
            supervisor.do_send(Died(role));
        }
    }

    async fn stop_all(&mut self, mut supervisor: Addr<SupervisorActor>, threads: &WorkerThreads) {
        let mut all_stopped = Box::pin(supervisor.send(StopAll));
        loop {
            tokio::select! {
                answer = &mut all_stopped => match answer {
                    Ok(()) => return,
                    Err(_) => {
                        supervisor = SupervisorActor::new(&self.shared, threads.clone()).start();
                        all_stopped = Box::pin(supervisor.send(StopAll));
                    }
                },
                Some(role) = self.died.recv() => supervisor.do_send(Died(role)),
            }
        }
    }
}

// Resolves when a stop is asked for, or nobody is left to ask.
async fn asked(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn wait_until_listening(shared: &Shared) {
    if shared.config.listen {
        let mut listening = shared.listening.subscribe();
        let listens = listening.wait_for(|listening| *listening);
        if tokio::time::timeout(LISTEN_TIMEOUT, listens).await.is_err() {
            log::warn!(
                "started without notifications: jobs of other processes are found by polling until they work"
            );
        }
    }
}

// Connects, with patience if so configured, brings the schema up to date and registers the worker.
async fn prepare(
    shared: &Arc<Shared>,
    handlers: &Arc<TaskRegistry>,
) -> Result<WorkerThreads, SchedulerError> {
    let began = Instant::now();
    let mut pause = SHORTEST_PAUSE;
    loop {
        let (config, tasks) = (shared.config.clone(), Arc::clone(&shared.tasks));
        match blocking(move || set_up(&config, &tasks)).await {
            Ok(worker_id) => {
                shared.worker_id.store(worker_id, Ordering::Release);
                return WorkerThreads::start(shared.config.shares().len(), Arc::clone(handlers)).map_err(
                    |error| SchedulerError::Config(format!("cannot start the workers' threads: {error}")),
                );
            }
            Err(error) => {
                let patience = match shared.config.start_policy {
                    StartPolicy::FailAtOnce => Duration::ZERO,
                    StartPolicy::WaitFor(patience) => patience,
                };
                if error.is_permanent() || began.elapsed() + pause > patience {
                    return Err(error.into());
                }
                log::warn!(
                    "cannot start yet, trying again in {:.1} s and giving up in {:.0} s: {error}",
                    pause.as_secs_f64(),
                    patience.saturating_sub(began.elapsed()).as_secs_f64()
                );
            }
        }
        actix_rt::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn set_up(config: &Config, tasks: &[String]) -> Result<i32, StoreError> {
    let mut connection = connect(config)?;
    let mut conn = config.schema.on(&mut connection);
    if config.migrate {
        let applied = migrate(&mut conn)?;
        if !applied.is_empty() {
            log::info!("applied {} migrations: {}", applied.len(), applied.join(", "));
        }
    } else {
        verify(&mut conn)?;
    }
    if config.history().is_kept() {
        prepare_history(&mut conn)?;
    }
    register(&mut conn, &config.worker_name, tasks, config.heartbeat_timeout)
}

//! The signals that end a process. The application owns them. It may leave them to the scheduler, or only the second one.

use std::io;
use std::sync::Mutex;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::handle::Scheduler;
use crate::lock::lock;
#[cfg(feature = "dashboard")]
use crate::phase::Phase;

// Some senders signal a process and its group, which is one request.
const SAME_REQUEST: Duration = Duration::from_millis(100);
// As a shell reports a process that a signal has ended.
const EXIT_CODE_OF_SIGNALS: i32 = 128;

static WATCHED: Mutex<Option<watch::Receiver<Asked>>> = Mutex::new(None);

/// Whether the process was asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Not,
    Once,
}

impl Scheduler {
    /// Waits for SIGINT or SIGTERM, and then stops as [`Scheduler::stop`] does. A second signal ends the process at once, as
    /// [`Scheduler::exit_at_second_signal`] describes. For programs whose `main` has nothing else to wait for.
    ///
    /// ```no_run
    /// # async fn example(builder: mainspring::SchedulerBuilder) -> Result<(), Box<dyn std::error::Error>> {
    /// let scheduler = builder.start().await?;
    /// scheduler.stop_at_signal().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// When the signals cannot be watched. The scheduler still runs then.
    pub async fn stop_at_signal(&self) -> io::Result<()> {
        asked_to_end()?.await;
        self.stop().await;
        Ok(())
    }

    /// Runs a server until it returns, and then stops as [`Scheduler::stop`] does. The server of actix-web returns at the first
    /// SIGINT or SIGTERM, when its requests are over. A second signal ends the process at once, as
    /// [`Scheduler::exit_at_second_signal`] describes.
    ///
    /// ```no_run
    /// use actix_web::{App, HttpServer, web};
    ///
    /// # async fn example(scheduler: mainspring::Scheduler) -> std::io::Result<()> {
    /// let shared = web::Data::new(scheduler.clone());
    /// let server = HttpServer::new(move || App::new().app_data(shared.clone())).bind("0.0.0.0:8080")?.run();
    /// scheduler.stop_after(server).await
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// What the server returns, once the scheduler has stopped. Also when the signals cannot be watched: then neither was done.
    pub async fn stop_after<T, Server>(&self, server: Server) -> io::Result<T>
    where
        Server: IntoFuture<Output = io::Result<T>>,
    {
        watch_signals()?;
        let served = server.await;
        self.stop().await;
        served
    }

    /// Ends the process at once at the second SIGINT or SIGTERM from now on, with the exit code 128 plus the signal's number.
    /// Jobs that still run are rescued by other processes.
    ///
    /// The first signal no longer ends the process by itself, so the application must stop at it. The server of actix-web
    /// does:
    ///
    /// ```no_run
    /// # async fn example(
    /// #     server: impl Future<Output = std::io::Result<()>>,
    /// #     scheduler: mainspring::Scheduler,
    /// # ) -> std::io::Result<()> {
    /// use mainspring::Scheduler;
    ///
    /// Scheduler::exit_at_second_signal()?;
    /// server.await?; // `HttpServer::new(..).run()` returns at the first signal
    /// scheduler.stop().await;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// When the signals cannot be watched.
    pub fn exit_at_second_signal() -> io::Result<()> {
        watch_signals().map(drop)
    }
}

#[cfg(feature = "dashboard")]
impl Scheduler {
    /// Waits until a stop was requested, or the process was asked to end where someone has had its signals watched. Cancel-safe.
    pub(crate) async fn ending(&self) {
        tokio::select! {
            () = self.0.shared.phase.reached(Phase::Stopping) => {}
            () = asked_to_end_if_watched() => {}
        }
    }
}

/// Returns a future that ends once a signal has come. They are watched from now on.
pub(super) fn asked_to_end() -> io::Result<impl Future<Output = ()>> {
    Ok(once_asked(watch_signals()?))
}

/// Never ends where no one has had the signals watched: then the application alone decides what they mean.
#[cfg(feature = "dashboard")]
async fn asked_to_end_if_watched() {
    let watched = lock(&WATCHED).clone();
    match watched {
        Some(asked) => once_asked(asked).await,
        None => std::future::pending().await,
    }
}

async fn once_asked(mut asked: watch::Receiver<Asked>) {
    // The sender lives as long as the process.
    let _ = asked.wait_for(|asked| *asked == Asked::Once).await;
}

/// Watches the signals from the first call on.
fn watch_signals() -> io::Result<watch::Receiver<Asked>> {
    let mut watched = lock(&WATCHED);
    if let Some(asked) = &*watched {
        return Ok(asked.clone());
    }
    let (sender, asked) = watch::channel(Asked::Not);
    start_thread(sender)?;
    *watched = Some(asked.clone());
    Ok(asked)
}

// A thread of its own, so that a second signal works whatever the others do.
fn start_thread(sender: watch::Sender<Asked>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut signals = {
        let _inside = runtime.enter();
        Signals { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? }
    };
    let thread = std::thread::Builder::new().name("mainspring-signals".into());
    thread.spawn(move || {
        runtime.block_on(async {
            signals.next().await;
            sender.send_replace(Asked::Once);
            let same_until = Instant::now() + SAME_REQUEST;
            while timeout_at(same_until, signals.next()).await.is_ok() {}
            let second = signals.next().await;
            log::warn!("a second signal: the process ends at once, and others rescue its jobs");
            std::process::exit(EXIT_CODE_OF_SIGNALS + second.as_raw_value());
        });
    })?;
    Ok(())
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    async fn next(&mut self) -> SignalKind {
        tokio::select! {
            _ = self.interrupt.recv() => SignalKind::interrupt(),
            _ = self.terminate.recv() => SignalKind::terminate(),
        }
    }
}

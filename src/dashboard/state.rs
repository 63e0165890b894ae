//! What the requests about one scheduler share: its handle, the closures of the application, and what was read a moment ago.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpRequest;
use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::access::Access;
use super::activity::LastHour;
use super::cache::{Kept, Read};
use super::examined::{Examined, Known};
use crate::error::SchedulerError;
use crate::scheduler::Scheduler;
use crate::store::doctor::{Options, Report};
use crate::store::errors::ErrorGroup;
use crate::store::gauges::Gauges;
use crate::store::health::Inspection;
use crate::store::status::ScheduleProblem;

/// Processes add to the statistics this often, so nothing newer is there.
const STATISTICS_LAST: Duration = Duration::from_secs(10);
/// The doctor sends some fifty small queries.
const REPORT_LASTS: Duration = Duration::from_secs(30);
/// However many viewers there are, no page is read again sooner.
const CHANGES_LAST: Duration = Duration::from_secs(2);
/// The longest that one read of it may take.
const CHANGES_TAKE: Duration = Duration::from_secs(1);
/// Streams of changes at once. Each is a connection of the server.
const MOST_STREAMS: usize = 1_000;
/// The time that charts and tables of the last hour show.
pub(super) const HOUR: Duration = Duration::from_secs(3600);

/// Decides about each request.
pub(super) type AccessOf = Arc<dyn Fn(&HttpRequest) -> Access + Send + Sync>;
/// Returns what a viewer sees of a payload of the task.
pub(super) type PayloadOf = Arc<dyn Fn(&HttpRequest, &str, Value) -> Option<Value> + Send + Sync>;

#[derive(Clone)]
pub(super) struct State {
    /// For people, where one dashboard has several.
    pub(super) name: String,
    pub(super) scheduler: Scheduler,
    pub(super) access: AccessOf,
    /// Without one, no payload is read.
    pub(super) payloads: Option<PayloadOf>,
    pub(super) kept: Arc<AllKept>,
}

pub(super) struct AllKept {
    hour: Kept<LastHour>,
    errors: Kept<Vec<ErrorGroup>>,
    report: Kept<Report>,
    examined: Examined,
    schedule_problems: Kept<Vec<ScheduleProblem>>,
    pauses: Kept<Pauses>,
    gauges: Kept<Option<Gauges>>,
    inspection: Kept<Inspection>,
    changes: Kept<Option<i64>>,
    streams: Arc<Semaphore>,
}

/// What is paused beside queues and schedules.
#[derive(Debug)]
pub(super) struct Pauses {
    /// Since when everything is.
    pub(super) everything: Option<DateTime<Utc>>,
    pub(super) tasks: Vec<String>,
}

impl State {
    pub(super) fn new(name: String, scheduler: &Scheduler, access: AccessOf) -> Self {
        let kept = AllKept {
            hour: Kept::new(STATISTICS_LAST),
            errors: Kept::new(STATISTICS_LAST),
            report: Kept::new(REPORT_LASTS),
            examined: Examined::new(),
            schedule_problems: Kept::new(STATISTICS_LAST),
            pauses: Kept::new(STATISTICS_LAST),
            gauges: Kept::new(STATISTICS_LAST),
            inspection: Kept::new(STATISTICS_LAST),
            changes: Kept::new(CHANGES_LAST),
            streams: Arc::new(Semaphore::new(MOST_STREAMS)),
        };
        Self { name, scheduler: scheduler.clone(), access, payloads: None, kept: Arc::new(kept) }
    }

    /// The last numbers of jobs. A scheduler that runs jobs knows them by itself; one that does not reads the last sample.
    pub(super) async fn gauges(&self) -> Option<Arc<Gauges>> {
        if let Some(known) = self.scheduler.gauges() {
            return Some(known);
        }
        let scheduler = self.scheduler.clone();
        let read = self.kept.gauges.get(async move { scheduler.last_sample().await }).await.ok()?;
        read.as_ref().as_ref().map(|gauges| Arc::new(gauges.clone()))
    }

    /// What the database shows of the workers.
    pub(super) async fn inspection(&self) -> Read<Inspection> {
        let scheduler = self.scheduler.clone();
        self.kept.inspection.get(async move { scheduler.inspect(None).await }).await
    }

    /// What jobs did in the last hour.
    pub(super) async fn hour(&self) -> Read<LastHour> {
        let scheduler = self.scheduler.clone();
        let read = async move { Ok(LastHour::new(&scheduler.stats_by_minute(HOUR).await?)) };
        self.kept.hour.get(read).await
    }

    /// The errors of the last hour.
    pub(super) async fn errors(&self) -> Read<Vec<ErrorGroup>> {
        let scheduler = self.scheduler.clone();
        self.kept.errors.get(async move { scheduler.errors(HOUR).await }).await
    }

    /// The schedules that do not fire as they should.
    pub(super) async fn schedule_problems(&self) -> Read<Vec<ScheduleProblem>> {
        let schedules = self.scheduler.schedules();
        self.kept.schedule_problems.get(async move { schedules.problems().await }).await
    }

    /// What is paused.
    pub(super) async fn pauses(&self) -> Read<Pauses> {
        let queues = self.scheduler.queues();
        let read = async move {
            Ok(Pauses { everything: queues.paused_since().await?, tasks: queues.paused_tasks().await? })
        };
        self.kept.pauses.get(read).await
    }

    /// What pages show now, as a text that differs when they would show something else. All streams share one read.
    pub(super) async fn version(&self) -> String {
        let scheduler = self.scheduler.clone();
        // A database that is away is a version too, and that is known soon.
        let read = async move {
            let changes = timeout(CHANGES_TAKE, scheduler.changes()).await;
            Ok(changes.ok().and_then(Result::ok))
        };
        let changes = self.kept.changes.get(read).await;
        version(&self.scheduler, changes.ok().as_deref())
    }

    /// The same as far as it is known, without a statement. It may be old, which costs a viewer one read of the page.
    pub(super) fn last_version(&self) -> Option<String> {
        let changes = self.kept.changes.last()?;
        Some(version(&self.scheduler, changes.ok().as_deref()))
    }

    /// A place for one more stream of changes, if there is any.
    pub(super) fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.kept.streams).try_acquire_owned().ok()
    }

    /// What the doctor found last, in a whole examination.
    pub(super) async fn report(&self) -> Read<Report> {
        let scheduler = self.scheduler.clone();
        self.kept.report.get(async move { scheduler.examine(Options::new()).await }).await
    }

    /// What the doctor knows. A call examines one part at most.
    pub(super) async fn examined(&self) -> Result<Known, Arc<SchedulerError>> {
        self.kept.examined.read(|part| self.scheduler.examine_part(part)).await
    }
}

// Processes that know the same return the same, so that a viewer may ask another one of them each time.
fn version(scheduler: &Scheduler, changes: Option<&Option<i64>>) -> String {
    let mut hasher = DefaultHasher::new();
    changes.copied().flatten().hash(&mut hasher);
    scheduler.gauges().map(|gauges| gauges.sampled_at).hash(&mut hasher);
    scheduler.health().reasons.iter().for_each(|reason| reason.code().hash(&mut hasher));
    format!("{:016x}", hasher.finish())
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("name", &self.name)
            .field("scheduler", &self.scheduler)
            .finish_non_exhaustive()
    }
}

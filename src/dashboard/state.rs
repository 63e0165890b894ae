//! What the requests about one scheduler share: its handle, the closures of the application, and what was read a moment ago.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpRequest;
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::access::Access;
use super::activity::LastHour;
use super::cache::{Kept, Read};
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
    schedule_problems: Kept<Vec<ScheduleProblem>>,
    pauses: Kept<Pauses>,
    gauges: Kept<Option<Gauges>>,
    inspection: Kept<Inspection>,
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
            schedule_problems: Kept::new(STATISTICS_LAST),
            pauses: Kept::new(STATISTICS_LAST),
            gauges: Kept::new(STATISTICS_LAST),
            inspection: Kept::new(STATISTICS_LAST),
        };
        Self { name, scheduler: scheduler.clone(), access, payloads: None, kept: Arc::new(kept) }
    }

    /// The last numbers of jobs. A scheduler that runs jobs knows them by itself; one that does not reads the last sample.
    pub(super) async fn gauges(&self) -> Option<Arc<Gauges>> {
        if let Some(known) = self.scheduler.gauges() {
            return Some(known);
        }
        let read = self.kept.gauges.get(self.scheduler.last_sample()).await.ok()?;
        read.as_ref().as_ref().map(|gauges| Arc::new(gauges.clone()))
    }

    /// What the database shows of the workers.
    pub(super) async fn inspection(&self) -> Read<Inspection> {
        self.kept.inspection.get(self.scheduler.inspect(None)).await
    }

    /// What jobs did in the last hour.
    pub(super) async fn hour(&self) -> Read<LastHour> {
        let read = async { Ok(LastHour::new(&self.scheduler.stats_by_minute(HOUR).await?)) };
        self.kept.hour.get(read).await
    }

    /// The errors of the last hour.
    pub(super) async fn errors(&self) -> Read<Vec<ErrorGroup>> {
        self.kept.errors.get(self.scheduler.errors(HOUR)).await
    }

    /// The schedules that do not fire as they should.
    pub(super) async fn schedule_problems(&self) -> Read<Vec<ScheduleProblem>> {
        self.kept.schedule_problems.get(self.scheduler.schedules().problems()).await
    }

    /// What is paused.
    pub(super) async fn pauses(&self) -> Read<Pauses> {
        let queues = self.scheduler.queues();
        let read = async {
            Ok(Pauses { everything: queues.paused_since().await?, tasks: queues.paused_tasks().await? })
        };
        self.kept.pauses.get(read).await
    }

    /// What the doctor found last.
    pub(super) async fn report(&self) -> Read<Report> {
        self.kept.report.get(self.scheduler.examine(Options::new())).await
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("name", &self.name)
            .field("scheduler", &self.scheduler)
            .finish_non_exhaustive()
    }
}

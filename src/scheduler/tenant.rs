//! One tenant of an application that serves several: its jobs and its schedules, as if there were no others.

use super::handle::Scheduler;
use super::jobs_of::JobsOf;
use super::tenant_names::Names;
use super::tenant_schedules::TenantSchedules;
use crate::error::StoreError;
use crate::job::{Enqueue, Task};

/// One tenant: adds, reads and changes its jobs and its schedules, and cannot reach those of others. Returned by
/// [`Scheduler::tenant`]. The name of each thing of a tenant says whose it is:
///
/// | what | its name in the database | its name in these handles |
/// |---|---|---|
/// | a queue | `TASK:TENANT`, such as `report.publish:acme`, unless the job has another one that ends in `:TENANT` | the same |
/// | a schedule | `TENANT/NAME`, such as `acme/weekly` | `NAME` |
/// | the key of a schedule's jobs | `TENANT/KEY` | `KEY` |
///
/// So a family of queues such as `report.publish:*` gives every tenant the same limit, and tenants take turns. The key that a
/// caller gives to a single job is not changed: begin it with the tenant's name.
///
/// ```no_run
/// use mainspring::jobs::JobFilter;
/// use mainspring::{NewSchedule, Scheduler, SchedulerError, Task};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Serialize, Deserialize)]
/// # struct Publish { report: i64 }
/// # impl Task for Publish { const NAME: &'static str = "report.publish"; }
///
/// async fn example(scheduler: Scheduler) -> Result<(), SchedulerError> {
///     let acme = scheduler.tenant("acme")?;
///     let id = acme.jobs().enqueue(acme.job(Publish { report: 7 })).await?;
///     let job = acme.jobs().require(id).await?;
///     assert_eq!(job.queue.as_deref(), Some("report.publish:acme"));
///     acme.schedules().create(NewSchedule::new("weekly", "report.publish", "0 9 * * mon")).await?;
///     println!("{} jobs", acme.jobs().list(JobFilter::new()).await?.len());
///     Ok(())
/// }
/// ```
///
/// The handler of such a job learns the tenant from [`JobContext::tenant`](crate::JobContext::tenant).
#[derive(Debug, Clone)]
pub struct Tenant {
    jobs: JobsOf,
    schedules: TenantSchedules,
    names: Names,
}

impl Scheduler {
    /// Returns the handle to one tenant. Whether the caller is that tenant is for the application to know.
    ///
    /// # Errors
    ///
    /// [`StoreError::Invalid`] when the name is not 1 to 64 characters, or holds `:`, `/`, `*` or a control character. No
    /// query is made.
    pub fn tenant(&self, name: &str) -> Result<Tenant, StoreError> {
        let names = Names::new(name)?;
        let jobs = self.jobs().of_tenant(names.clone());
        Ok(Tenant { jobs, schedules: self.schedules().of_tenant(names.clone()), names })
    }
}

impl Tenant {
    /// Returns the tenant's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.names.tenant()
    }

    /// Returns the handle to the tenant's jobs.
    #[must_use]
    pub fn jobs(&self) -> &JobsOf {
        &self.jobs
    }

    /// Returns the handle to the tenant's schedules.
    #[must_use]
    pub fn schedules(&self) -> &TenantSchedules {
        &self.schedules
    }

    /// Returns the tenant's queue for jobs of a task.
    #[must_use]
    pub fn queue(&self, task: &str) -> String {
        self.names.queue(task)
    }

    /// Creates a job in the tenant's queue for the task. It is for [`JobsOf::enqueue`], or for [`Enqueue::insert`] in a transaction of
    /// the caller.
    pub fn job<T: Task>(&self, task: T) -> Enqueue<T> {
        Enqueue::new(task).queue(self.queue(T::NAME))
    }
}

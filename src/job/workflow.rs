//! Jobs that are added together, before they are stored: a workflow whose jobs wait for each other by name, and a batch whose
//! callback waits for all of them. What may wait for what is decided in sql/workflows/.

use std::collections::HashMap;
use std::fmt;
use std::mem;

use serde_json::{Value, json};

use super::enqueue::NewJob;
use super::payload::character_problem;
use super::wait::{OnFailure, Wait};
use crate::error::{Problem, StoreError};

/// Jobs that belong together, and what they wait for. All are added in one statement, or none is.
///
/// Up to 10,000 jobs that wait for up to 100,000 things can be added at once, and more later, see [`existing`](Self::existing). Names
/// have 1 to 128 characters, and are unique in their workflow.
///
/// ```no_run
/// use mainspring::{NewJob, OnFailure, Wait, Workflow};
/// use serde_json::json;
///
/// # fn main() -> Result<(), mainspring::StoreError> {
/// let mut conn = mainspring::database::connect("postgres://localhost/app")?;
/// let order = json!({"order": 17});
/// let report = NewJob::new("order.report", &order);
/// let added = Workflow::new("order 17")
///     .job("charge", NewJob::new("order.charge", &order))
///     .job("ship", NewJob::new("order.ship", &order))
///     .after("ship", "charge")
///     .job("invoice", NewJob::new("order.invoice", &order).after(Wait::member("charge").on_failure(OnFailure::Cancel)))
///     .job("report", report.after(Wait::member("ship").on_failure(OnFailure::Run)))
///     .insert(&mut conn)?;
/// // The report comes in any case: its handler asks by `JobContext::parents` how the shipping has ended.
/// println!("workflow {}, and its job ship has the id {:?}", added.id, added.job("ship"));
/// # Ok(())
/// # }
/// ```
#[must_use = "jobs are added only once they are given to `insert` or `start`"]
pub struct Workflow {
    home: Home,
    members: Vec<Member>,
    edges: Vec<(String, Wait)>,
    pub(super) batch: Option<BatchParts>,
    properties: Option<Value>,
    /// Why the first job that was refused was so.
    pub(super) refused: Option<StoreError>,
}

/// To what the jobs belong.
enum Home {
    New(String),
    Existing(i64),
    OfJob(i64),
}

struct Member {
    name: Option<String>,
    job: NewJob,
}

pub(super) struct BatchParts {
    pub(super) callback: NewJob,
    pub(super) on_failure: OnFailure,
}

/// What the statement needs: the jobs without their waits, and the rest as the SQL function `enqueue_workflow` takes it.
pub(crate) struct Plan {
    pub(crate) jobs: Vec<NewJob>,
    pub(crate) names: Vec<Option<String>>,
    pub(crate) flow: Value,
    pub(crate) has_callback: HasCallback,
}

/// Whether the last job is the callback of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HasCallback {
    Yes,
    No,
}

impl Workflow {
    /// Creates a workflow without jobs. The name is for people: 1 to 128 characters, and not unique.
    pub fn new(name: impl Into<String>) -> Self {
        Self::of(Home::New(name.into()))
    }

    /// Begins to add jobs to the workflow or batch with this id. A callback waits for them too.
    ///
    /// To insert them is refused once no job of the workflow is stored any more, or once the callback no longer waits: with
    /// [`StoreError::Invalid`] whose field is `workflow`. So are no jobs at all, and [`properties`](Self::properties).
    pub fn existing(id: i64) -> Self {
        Self::of(Home::Existing(id))
    }

    /// The same for the workflow to which this job belongs. So a job adds others to its own workflow:
    ///
    /// ```no_run
    /// use mainspring::{JobContext, JobResult, NewJob, Workflow};
    /// use serde_json::{Value, json};
    ///
    /// async fn unpack(archive: Value, job: JobContext) -> JobResult {
    ///     let id = job.id();
    ///     job.transaction(move |conn| {
    ///         let photos = (0..3).map(|n| NewJob::new("photo.resize", &json!({"photo": n})));
    ///         Ok(photos.fold(Workflow::of_job(id), Workflow::member).insert(conn)?)
    ///     })
    ///     .await?;
    ///     Ok(())
    /// }
    /// ```
    pub fn of_job(job: i64) -> Self {
        Self::of(Home::OfJob(job))
    }

    fn of(home: Home) -> Self {
        Self { home, members: Vec::new(), edges: Vec::new(), batch: None, properties: None, refused: None }
    }

    /// Adds a job with a name, by which others of the workflow wait for it.
    pub fn job<J>(self, name: impl Into<String>, job: J) -> Self
    where
        J: TryInto<NewJob>,
        J::Error: Into<StoreError>,
    {
        self.with(Some(name.into()), job)
    }

    /// Adds a job without a name.
    pub fn member<J>(self, job: J) -> Self
    where
        J: TryInto<NewJob>,
        J::Error: Into<StoreError>,
    {
        self.with(None, job)
    }

    fn with<J>(mut self, name: Option<String>, job: J) -> Self
    where
        J: TryInto<NewJob>,
        J::Error: Into<StoreError>,
    {
        match job.try_into() {
            Ok(job) => self.members.push(Member { name, job }),
            Err(error) => self.refused = self.refused.or_else(|| Some(error.into())),
        }
        self
    }

    /// Lets one job wait until another one has succeeded, both by their names. The order of the calls does not matter. A
    /// job that is to act otherwise when the other one fails has [`Wait::member`] among what it waits for.
    pub fn after(mut self, job: impl Into<String>, parent: impl Into<String>) -> Self {
        self.edges.push((job.into(), Wait::member(parent)));
        self
    }

    /// Sets what the application wants to know of the workflow: any JSON, up to the size of a payload; default `null`.
    pub fn properties(mut self, properties: &Value) -> Self {
        self.properties = Some(properties.clone());
        self
    }

    /// What the statement needs, or why a job was refused.
    pub(crate) fn plan(mut self) -> Result<Plan, StoreError> {
        if let Some(error) = self.refused {
            return Err(error);
        }
        let has_callback = if self.batch.is_some() { HasCallback::Yes } else { HasCallback::No };
        let on_failure = self.batch.as_ref().map(|batch| batch.on_failure);
        self.members.extend(self.batch.take().map(|batch| Member { name: None, job: batch.callback }));
        let (mut jobs, names): (Vec<_>, Vec<_>) =
            self.members.into_iter().map(|member| (member.job, member.name)).unzip();
        let after = waits_of(&mut jobs, &names, self.edges)?;
        let mut flow = json!({
            "callback": has_callback == HasCallback::Yes, "on_failure": on_failure, "properties": self.properties,
            "names": names, "after": after,
        });
        match self.home {
            Home::New(name) => flow["name"] = name.into(),
            Home::Existing(id) => flow["workflow"] = id.into(),
            Home::OfJob(id) => flow["of_job"] = id.into(),
        }
        if let Some(problem) = character_problem("workflow", &flow.to_string()) {
            return Err(problem.into());
        }
        Ok(Plan { jobs, names, flow, has_callback })
    }
}

// Takes what waits for names of other jobs out of the jobs, and adds the edges. Ids and signals are judged with each job.
fn waits_of(
    jobs: &mut [NewJob],
    names: &[Option<String>],
    edges: Vec<(String, Wait)>,
) -> Result<Vec<Vec<Wait>>, StoreError> {
    let places: HashMap<&str, usize> =
        names.iter().enumerate().filter_map(|(place, name)| Some((name.as_deref()?, place))).collect();
    for (index, job) in jobs.iter().enumerate() {
        if let Some(problem) = super::bounds::waits_in_workflow_problem(&job.options.waits) {
            return Err(problem.at(index, jobs.len()));
        }
    }
    let mut after: Vec<Vec<Wait>> = jobs.iter_mut().map(|job| mem::take(&mut job.options.waits)).collect();
    for (job, wait) in edges {
        match places.get(job.as_str()) {
            Some(&place) => after[place].push(wait),
            None => {
                let expected = "must be about jobs that are added with it";
                return Err(Problem::new("after", expected, format_args!("`{job}`")).into());
            }
        }
    }
    Ok(after)
}

/// With the number of jobs, and without properties, whose values belong into no log.
impl fmt::Debug for Workflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (field, home): (&str, &dyn fmt::Debug) = match &self.home {
            Home::New(name) => ("name", name),
            Home::Existing(id) => ("existing", id),
            Home::OfJob(id) => ("of_job", id),
        };
        f.debug_struct("Workflow")
            .field(field, home)
            .field("jobs", &self.members.len())
            .finish_non_exhaustive()
    }
}

//! Workflows for the pages of the dashboard, and acts on them that the audit log has.

use std::collections::BTreeMap;

use super::Workflows;
use crate::error::{SchedulerError, StoreError};
use crate::store::Session;
use crate::store::audit::{self, NewAuditEntry};
use crate::store::jobs::JobAct;
use crate::store::workflows::WorkflowFilter;
use crate::store::workflows::pages::{
    self, ListedWorkflow, MemberFilter, MemberPage, NamedWorkflow, Recorded,
};

impl Workflows {
    /// Returns workflows for a page, the latest first.
    pub(crate) async fn page(&self, filter: WorkflowFilter) -> Result<Vec<ListedWorkflow>, SchedulerError> {
        self.jobs.verbs().run(move |conn| pages::page(conn, &filter)).await
    }

    /// Returns one workflow for its page.
    pub(crate) async fn one(&self, id: i64) -> Result<Option<ListedWorkflow>, SchedulerError> {
        self.jobs.verbs().run(move |conn| pages::one(conn, id)).await
    }

    /// Returns jobs of a workflow for a page.
    pub(crate) async fn members(&self, id: i64, filter: MemberFilter) -> Result<MemberPage, SchedulerError> {
        self.jobs.verbs().run(move |conn| pages::members(conn, id, &filter)).await
    }

    /// Returns the workflow of a job, without its counts.
    pub(crate) async fn name_of_job(&self, job: i64) -> Result<Option<NamedWorkflow>, SchedulerError> {
        self.jobs.verbs().run(move |conn| pages::workflow_of(conn, job)).await
    }

    /// Acts on jobs of a workflow. The audit log has one line for all, with how many had which result.
    pub(crate) async fn act_audited(
        &self,
        act: impl FnOnce(&mut Session<'_>) -> Result<(Vec<JobAct>, Recorded), StoreError> + Send + 'static,
        entry: NewAuditEntry,
    ) -> Result<Vec<JobAct>, SchedulerError> {
        let perform = move |conn: &mut Session<'_>| {
            conn.transaction(|conn| {
                let (acts, recorded) = act(conn)?;
                if recorded == Recorded::Always || acts.iter().any(|act| act.result.was_done()) {
                    audit::add(conn, &entry.result(summary(&acts)))?;
                }
                Ok(acts)
            })
        };
        self.jobs.perform(perform).await
    }
}

fn summary(acts: &[JobAct]) -> String {
    if acts.is_empty() {
        return "no job was left".to_owned();
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    acts.iter().for_each(|act| *counts.entry(act.result.describe()).or_default() += 1);
    let counts: Vec<String> = counts.iter().map(|(result, jobs)| format!("{jobs} {result}")).collect();
    counts.join(", ")
}

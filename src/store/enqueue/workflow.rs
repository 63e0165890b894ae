//! Adds the jobs of a workflow in one statement. What they wait for, and what is refused, is decided in sql/workflows/.

use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text};

use super::binds::{bound, enqueue_span, given, texts};
use super::statements::{ADD, in_workflow, with_task_options};
use crate::error::StoreError;
use crate::job::workflow::Plan;
use crate::job::{Defaults, bounds};
use crate::store::encoding::naming;
use crate::store::session::AsSession;
use crate::store::statement::Statement;

/// Adds the jobs, all or none. Returns the id of the workflow, and those of the jobs in the order of the input.
pub(in crate::store) fn add_workflow(
    conn: &mut impl AsSession,
    plan: &Plan,
) -> Result<(i64, Vec<i64>), StoreError> {
    for (index, job) in plan.jobs.iter().enumerate() {
        if let Some(problem) = bounds::problem_of(job) {
            return Err(problem.at(index, plan.jobs.len()));
        }
    }
    let span = enqueue_span(&plan.jobs);
    let rows = span.within(|| add(conn, plan));
    let ids = rows.as_ref().map(|rows| rows.iter().map(|row| row.2).collect::<Vec<_>>());
    span.stored(&ids);
    let mut rows = rows?;
    rows.sort_unstable_by_key(|row| row.1);
    let id = rows.first().ok_or_else(StoreError::no_row)?.0;
    Ok((id, rows.into_iter().map(|row| row.2).collect()))
}

type Columns = (BigInt, BigInt, BigInt);

fn add(conn: &mut impl AsSession, plan: &Plan) -> Result<Vec<(i64, i64, i64)>, StoreError> {
    let jobs = &plan.jobs;
    let delays = given(jobs, |job| job.options.run_in.map(|delay| delay.as_micros() as i64));
    let text = if delays.is_some() { ADD.delayed } else { ADD.plain };
    let statement = Statement::<Columns>::new(in_workflow(&with_task_options(text))).contained();
    let statement = bound(statement, jobs);
    let statement = match delays {
        Some(delays) => statement.bind::<Array<Nullable<BigInt>>, _>(delays),
        None => statement,
    };
    let typed: Vec<bool> = jobs.iter().map(|job| job.defaults == Defaults::OfDatabase).collect();
    let statement = statement.bind::<Array<Bool>, _>(typed).bind::<Text, _>(plan.flow.to_string());
    statement.load(conn).map_err(|error| naming(conn, error, texts(jobs)))
}

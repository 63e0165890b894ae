//! Adds jobs and takes them back by key, in whatever transaction the connection is in. What a taken key
//! means is decided by the SQL function behind it, the one home of enqueueing, and nowhere else.

use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Integer, Nullable, Text, Timestamptz};
use diesel::{QueryableByName, RunQueryDsl, sql_query};

use crate::error::StoreError;
use crate::job::{Enqueue, Task};

#[derive(QueryableByName)]
struct JobId {
    #[diesel(sql_type = Nullable<BigInt>)]
    id: Option<i64>,
}

/// Adds one job and answers its id. Part of the caller's transaction, if there is one: invisible
/// until it commits, gone when it rolls back.
///
/// # Errors
///
/// [`StoreError::Invalid`] when a field breaks its limit: nothing is stored, and the text names the
/// field, the limit and what came.
pub fn add<T: Task>(conn: &mut PgConnection, job: &Enqueue<T>) -> Result<i64, StoreError> {
    let payload =
        serde_json::to_string(job.task()).map_err(|source| StoreError::Payload { task: T::NAME, source })?;
    refuse_nul(T::NAME, &payload, job)?;
    let options = job.options();
    let added: JobId = sql_query(
        "SELECT job_id AS id FROM mainspring.enqueue(ARRAY[$1], ARRAY[$2], ARRAY[$3], ARRAY[$4], \
         ARRAY[$5], ARRAY[$6], CASE WHEN $7 IS NOT NULL THEN ARRAY[$7] END, ARRAY[$8])",
    )
    .bind::<Text, _>(T::NAME)
    .bind::<Text, _>(&payload)
    .bind::<Nullable<Text>, _>(&options.queue)
    .bind::<Nullable<Timestamptz>, _>(options.run_at)
    .bind::<Integer, _>(i32::from(options.priority))
    .bind::<Integer, _>(i32::from(options.max_attempts))
    .bind::<Nullable<Text>, _>(&options.key)
    .bind::<Text, _>(options.key_mode.as_str())
    .get_result(conn)?;
    added.id.ok_or(StoreError::Database(diesel::result::Error::NotFound))
}

/// Takes back the job under `key`. A waiting job is deleted and its id answered; a running one loses
/// its key and is not retried; an unknown key changes nothing and is no error.
///
/// # Errors
///
/// [`StoreError::Database`] when the database refuses or cannot be reached.
pub fn remove(conn: &mut PgConnection, key: &str) -> Result<Option<i64>, StoreError> {
    let removed: JobId =
        sql_query("SELECT mainspring.remove_job($1) AS id").bind::<Text, _>(key).get_result(conn)?;
    Ok(removed.id)
}

// PostgreSQL's text and jsonb hold every character but this one.
fn refuse_nul<T: Task>(task: &str, payload: &str, job: &Enqueue<T>) -> Result<(), StoreError> {
    let options = job.options();
    let fields = [("task", Some(task)), ("queue", options.queue.as_deref()), ("key", options.key.as_deref())];
    for (field, text) in fields {
        if text.is_some_and(|text| text.contains('\0')) {
            return Err(StoreError::Invalid(format!("{field} must not contain the character NUL, got one")));
        }
    }
    if has_escaped_nul(payload) {
        return Err(StoreError::Invalid("payload must not contain the character NUL, got one".into()));
    }
    Ok(())
}

// JSON writes NUL as backslash u0000; the same letters after an escaped backslash are plain text.
fn has_escaped_nul(json: &str) -> bool {
    json.match_indices("\\u0000").any(|(at, _)| {
        let backslashes_before = json[..at].bytes().rev().take_while(|byte| *byte == b'\\').count();
        backslashes_before % 2 == 0
    })
}
